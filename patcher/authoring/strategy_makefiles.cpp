// The strategies for the driver's makefiles: a variable that Kbuild no longer reads, and the options with which
// conftest compiles.
#include <algorithm>
#include <map>

#include "authoring/draft_text.hpp"
#include "authoring/strategies.hpp"
#include "support/atomic_file.hpp"
#include "support/text.hpp"
#include "transform/makefile.hpp"

namespace vgpukit::authoring {
namespace {

using Words = std::set<std::string, std::less<>>;

constexpr std::string_view makefiles = "[Kbuild, \"**/*.Kbuild\"]";

// The variables that the driver's makefiles assign.
Words assigned_variables(const transform::SourceTree& driver) {
  Words assigned;
  for (const auto* glob : {"Kbuild", "**/*.Kbuild"})
    for (const auto& path : driver.matching(glob)) {
      const auto text = driver.read(path);
      if (!text) continue;
      const auto makefile = transform::read_makefile(*text);
      for (const auto& each : makefile.assignments)
        if (!each.of_target) assigned.emplace(makefile.at(each.name));
    }
  return assigned;
}

// Which variable gets the value of each in this kernel's makefiles: `ccflags-y += $(EXTRA_CFLAGS)`.
std::map<std::string, std::string, std::less<>> passed_on(const kernel::KernelHeaders& kernel) {
  std::map<std::string, std::string, std::less<>> to;
  for (const auto& path : kernel.makefiles) {
    const auto text = read_file(path);
    if (!text) continue;
    const auto makefile = transform::read_makefile(*text);
    for (const auto& each : makefile.assignments)
      for (const auto word : makefile.value_words(each))
        if (each.op == "+=" && word.starts_with("$(") && word.ends_with(")") &&
            transform::is_make_name(word.substr(2, word.size() - 3)))
          to.emplace(word.substr(2, word.size() - 3), makefile.at(each.name));
  }
  return to;
}

std::string text_of_makefiles(const kernel::KernelHeaders& kernel) {
  std::string all;
  for (const auto& path : kernel.makefiles)
    if (const auto text = read_file(path)) all += *text + "\n";
  return all;
}

std::string recipe_text(const std::string& id, const std::string& summary, bool proven, const std::string& kernel,
                        const std::string& driver, const std::string& files, const std::string& step) {
  return std::string(proposal_preamble) + "id: " + id + "\nsummary: " + in_yaml_quotes(summary) +
         "\nadapted: " + (proven ? "proven" : "compiles") + "\n" + std::string(unknown_upstream) +
         "\nwhen:\n  kernel:\n" + kernel + "  driver: {contains: {text: " + in_yaml_quotes(driver) +
         ", files: " + files + "}}\ntransforms:\n  - kbuild-variable: {files: " + files + ", " + step + "}\n";
}

}  // namespace

std::vector<MakefileChange> unread_variables(const transform::SourceTree& driver, const kernel::KernelHeaders& now,
                                             const std::vector<kernel::KernelHeaders>& older) {
  std::vector<MakefileChange> all;
  if (now.makefiles.empty()) return all;
  const auto text = text_of_makefiles(now);
  const auto reads = [&](const std::string& name) { return find_word(text, name) != std::string::npos; };
  auto unread = assigned_variables(driver);
  std::erase_if(unread, reads);
  for (auto old = older.rbegin(); old != older.rend() && !unread.empty(); ++old) {
    for (const auto& [name, to] : passed_on(*old)) {
      if (!unread.contains(name) || !reads(to)) continue;
      unread.erase(name);
      MakefileChange change{
          "kbuild-variable", old->release + " adds its value to " + to + ", which this kernel reads", true, {}};
      change.draft.id = "adapted-" + draft_id(now.release, name + "-replaced");
      change.draft.subject = "variable " + name;
      change.draft.change = "kbuild-variable rename " + name + " -> " + to;
      change.draft.text = recipe_text(change.draft.id, "Kbuild no longer reads " + name + "; its value goes into " + to,
                                      true, "    lacks: {kbuild: " + name + "}\n", name, std::string(makefiles),
                                      "action: rename, name: " + name + ", to: " + to);
      all.push_back(std::move(change));
    }
  }
  return all;
}

std::vector<MakefileChange> conftest_options(const transform::SourceTree& driver, const std::string& release) {
  std::vector<MakefileChange> all;
  const auto text = driver.read("Kbuild");
  if (!text) return all;
  const auto makefile = transform::read_makefile(*text);
  std::string name;
  for (const auto& each : makefile.assignments)
    if (makefile.at(each.name).ends_with("CONFTEST_CFLAGS")) name = makefile.at(each.name);
  if (name.empty()) return all;
  const auto add = [&](const std::string& value, const std::string& what, const std::string& why) {
    MakefileChange change{"conftest-options", why, false, {}};
    change.draft.id = "adapted-" + draft_id(release, "conftest-" + what);
    change.draft.subject = "variable " + name;
    change.draft.change = "kbuild-variable append " + name + " += " + value;
    change.draft.text =
        recipe_text(change.draft.id, "conftest compiles with the kernel's " + what, false, version_condition(release),
                    name, "Kbuild", "action: append, name: " + name + ", value: " + in_yaml_quotes(value));
    all.push_back(std::move(change));
  };
  add("$(filter -std=% -fms-extensions,$(KBUILD_CFLAGS))", "language",
      "answers of conftest are about other errors; the kernel's own options for the language are not passed to it");
  add("-Wno-error=implicit-function-declaration -Wno-error=implicit-int -Wno-error=int-conversion "
      "-Wno-error=incompatible-pointer-types",
      "warnings", "answers of conftest are about other errors; newer compilers treat what its tests rely on as errors");
  return all;
}

}  // namespace vgpukit::authoring
