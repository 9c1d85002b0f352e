#include "conftest/driver_checks.hpp"

#include <algorithm>
#include <array>

#include "kernel/kernel_notices.hpp"
#include "support/checksummed_file.hpp"
#include "support/hash.hpp"
#include "support/interrupt.hpp"
#include "support/process.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"

namespace vgpukit::conftest {
namespace {

struct KnownCheck {
  std::string_view verb, means, next;  // empty: a notice of the kernel has them
};

constexpr std::array<KnownCheck, 6> known_checks = {{
    {"cc_version_check", "", ""},
    {"dom0_sanity_check", "this package is for the control domain of Xen, and this machine does not run one",
     "take the vGPU package for KVM (its name has vgpu-kvm)"},
    {"xen_sanity_check", "", ""},
    {"preempt_rt_sanity_check", "", ""},
    {"vgpu_kvm_sanity_check", "a vGPU host needs KVM and VFIO in the kernel, with mediated devices or vfio-pci-core",
     "use a kernel that is configured with these options; the general driver does not need them"},
    {"module_symvers_sanity_check",
     "Module.symvers is missing or lists nothing that the kernel itself exports, so nothing can be linked to it",
     "install the kernel's headers again"},
}};

// The first paragraph of a check's output in one line, without make's stars.
std::string first_paragraph(std::string_view text) {
  std::string words;
  bool ended = false;
  each_line(text, [&](std::string_view line) {
    line = trimmed(line);
    if (line.empty()) ended = ended || !words.empty();
    if (!line.empty() && !ended && !line.starts_with("***")) append(words, line, " ");
  });
  while (words.ends_with(':')) words.pop_back();
  return words.empty() ? std::string("it gives no reason") : words;
}

DriverCheck refusal(std::string_view verb, std::string_view says, std::string_view script,
                    const std::set<std::string>& accepted) {
  DriverCheck check{std::string(verb), first_paragraph(says), "", "", "", "", false};
  for (const auto& known : known_checks)
    if (known.verb == verb) {
      check.means = known.means;
      check.next = known.next;
    }
  for (const auto& notice : kernel::kernel_notices()) {
    if (notice.check != verb) continue;
    check.means = notice.means;
    check.next = notice.instead;
    if (!contains(script, notice.variable)) continue;
    check.notice = notice.name;
    check.variable = notice.variable;
    check.next += ", or build all the same: --accept " + check.notice + " (" + check.variable + "=1)";
    check.accepted = accepted.contains(check.notice);
  }
  return check;
}

// The file with the output of the checks. Beside the kernel they see whether this machine runs Xen. Empty without a
// fingerprint.
fs::path checks_file(kernel::Facts& facts, const std::vector<std::string>& argv, std::string_view verbs,
                     std::string_view script) {
  const auto& host = facts.kernel().host;
  const auto fingerprint = facts.fingerprint();
  if (!fingerprint) return {};
  std::error_code bad;
  Hasher hasher;
  for (const auto& word : argv) hasher.add(word);
  hasher.add(*fingerprint).add(verbs).add(script).add(fs::exists("/proc/xen/capabilities", bad) ? "xen" : "");
  return host.cache / "conftest" / (hasher.hex() + ".checks");
}

}  // namespace

std::vector<DriverCheck> read_driver_checks(std::string_view output, std::string_view script,
                                            const std::set<std::string>& accepted) {
  std::vector<DriverCheck> checks;
  std::string verb;
  std::string says;
  each_line(output, [&](std::string_view line) {
    if (line.starts_with("@ ")) {
      verb = line.substr(2);
      says.clear();
    } else if (line.starts_with("= ") && !verb.empty()) {
      if (line != "= 0") checks.push_back(refusal(verb, says, script, accepted));
      verb.clear();
    } else {
      says += std::string(line) + "\n";
    }
  });
  return checks;
}

Result<std::vector<DriverCheck>> run_driver_checks(kernel::Facts& facts, const transform::SourceTree& tree,
                                                   const std::set<std::string>& accepted) {
  const auto& kernel = facts.kernel();
  const std::vector<DriverCheck> none;
  if (!tree.has("conftest.sh")) return none;
  TRY_ASSIGN(const auto script, tree.read("conftest.sh"));
  Command command;
  command.root = kernel.host.root;
  command.confined = true;
  // conftest.sh writes its snippets into its own folder.
  constexpr const char* each_check =
      "d=$(mktemp -d) && trap 'rm -rf \"$d\"' EXIT && cd \"$d\" && cat > conftest.sh || exit 1\n"
      "for verb in $VGPUKIT_CHECKS; do echo \"@ $verb\"\n"
      "/bin/sh ./conftest.sh \"$@\" \"$verb\" full_output < /dev/null 2>&1; s=$?; echo; echo \"= $s\"; done";
  command.argv = {"/bin/sh",
                  "-c",
                  each_check,
                  "conftest",
                  kernel.compiler.command,
                  kernel.has("CONFIG_ARM64") ? "arm64" : "x86_64",
                  kernel.source.string(),
                  kernel.build.string()};
  std::string verbs;
  // Kernel::make_variables() sets IGNORE_CC_MISMATCH for clang, whose __GNUC__ is always 4.
  const bool own_compiler = kernel.compiler.exact && kernel.compiler.kind == kernel::Compiler::Kind::gcc;
  for (const auto& check : known_checks) {
    const bool skip = check.verb == "cc_version_check" && !own_compiler;
    if (!skip && contains(script, std::string(check.verb) + ")")) append(verbs, check.verb, " ");
  }
  if (verbs.empty()) return none;
  const auto cached = checks_file(facts, command.argv, verbs, script);
  if (const auto known = read_checksummed(cached)) return read_driver_checks(*known, script, accepted);
  command.env["VGPUKIT_CHECKS"] = verbs;
  command.input = script;
  command.deadline = std::chrono::minutes(1);
  for (const auto& folder : {kernel.build, kernel.source}) sandbox_needs(kernel.host.in_root(folder));
  const auto outcome = run(command);
  if (!outcome && Interrupt::caught() != 0) return outcome.error();
  if (!outcome || outcome->timed_out) return none;
  if (outcome->ok() && !cached.empty()) write_checksummed(cached, outcome->out);
  return read_driver_checks(outcome->out, script, accepted);
}

bool needs_consent(const std::vector<DriverCheck>& checks) {
  return std::any_of(checks.begin(), checks.end(),
                     [](const DriverCheck& check) { return !check.notice.empty() && !check.accepted; });
}

bool refuses(const std::vector<DriverCheck>& checks) {
  return std::any_of(checks.begin(), checks.end(), [](const DriverCheck& check) { return check.notice.empty(); });
}

}  // namespace vgpukit::conftest
