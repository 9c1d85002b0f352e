#include "driver/kbuild_files.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <system_error>

#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {
namespace {

// Calls use(variable, word) for each literal word of each assignment. Continued lines are joined, comments are removed.
void each_assignment(std::string_view text, const auto& use) {
  std::string joined;
  each_line(text, [&](std::string_view line) {
    if (line.starts_with('\t')) return;  // a recipe
    const bool continued = line.ends_with('\\');
    if (continued) line.remove_suffix(1);
    append(joined, line, " ");
    if (continued) return;
    const std::string whole = std::move(joined);
    joined.clear();
    const auto code = std::string_view(whole).substr(0, whole.find('#'));
    const auto equals = code.find('=');
    if (equals == std::string_view::npos) return;
    const auto left = words_of(code.substr(0, equals));
    std::string name(left.empty() ? std::string_view() : left.front());
    while (!name.empty() && (name.back() == '+' || name.back() == ':' || name.back() == '?')) name.pop_back();
    for (const auto word : words_of(code.substr(equals + 1))) use(name, std::string(word));
  });
}

}  // namespace

std::vector<std::string> modules_of_tree(const fs::path& tree) {
  std::vector<std::string> modules;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(tree, error)) {
    const std::string name = entry.path().filename().string();
    if (fs::exists(entry.path() / (name + ".Kbuild"), error)) modules.push_back(name);
  }
  std::sort(modules.begin(), modules.end());
  return modules;
}

KbuildSummary read_kbuild_summary(const fs::path& tree, const std::vector<std::string>& modules) {
  std::set<std::string> sources;
  std::set<std::string> tests;  // a set: a test of two modules runs once
  std::set<std::string> headers;
  const auto note = [&](const std::string& name, const std::string& word) {
    if (name.ends_with("_SOURCES") && word.ends_with(".c")) sources.insert(word);
    if (name.starts_with("NV_CONFTEST_") && name.ends_with("_COMPILE_TESTS") && !contains(word, "$"))
      tests.insert(word);
    if (name == "NV_HEADER_PRESENCE_TESTS" && word.ends_with(".h")) headers.insert(word);
  };
  const auto read = [&](const fs::path& file) {
    const auto text = read_file(file);
    if (text) each_assignment(*text, note);
    return text ? *text : std::string();
  };
  for (const std::string& module : modules.empty() ? modules_of_tree(tree) : modules) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(tree / module, error))
      if (entry.path().extension() == ".Kbuild") read(entry.path());
  }
  const std::string kbuild = read(tree / "Kbuild");
  KbuildSummary work;
  work.sources.assign(sources.begin(), sources.end());
  work.tests = static_cast<unsigned>(tests.size() + headers.size());
  if (!contains(kbuild, "CONFTEST: $(1)")) work.silent_tests = static_cast<unsigned>(headers.size());
  return work;
}

}  // namespace vgpukit::driver
