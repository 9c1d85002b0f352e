#include "driver/kbuild_files.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

#include "support/atomic_file.hpp"

namespace vgpukit::driver {
namespace {

// The assignments of a makefile, with continued lines joined and comments gone: variable -> words, as far as words are
// literal.
void each_assignment(const std::string& text, const auto& use) {
  std::istringstream lines(text);
  std::string line;
  std::string joined;
  while (std::getline(lines, line)) {
    if (line.starts_with('\t')) continue;  // a recipe
    const bool continued = line.ends_with('\\');
    if (continued) line.pop_back();
    joined += line + ' ';
    if (continued) continue;
    std::string whole = std::move(joined);
    joined.clear();
    whole.erase(std::min(whole.find('#'), whole.size()));
    const auto equals = whole.find('=');
    if (equals == std::string::npos) continue;
    std::istringstream left(whole.substr(0, equals));
    std::string name;
    left >> name;
    while (!name.empty() && (name.back() == '+' || name.back() == ':' || name.back() == '?')) name.pop_back();
    std::istringstream words(whole.substr(equals + 1));
    for (std::string word; words >> word;) use(name, word);
  }
}

}  // namespace

std::vector<std::string> modules_of_tree(const std::filesystem::path& tree) {
  std::vector<std::string> modules;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(tree, error)) {
    const std::string name = entry.path().filename().string();
    if (std::filesystem::exists(entry.path() / (name + ".Kbuild"), error)) modules.push_back(name);
  }
  std::sort(modules.begin(), modules.end());
  return modules;
}

KbuildSummary read_kbuild_summary(const std::filesystem::path& tree, const std::vector<std::string>& modules) {
  std::set<std::string> sources;
  std::set<std::string> tests;  // a test that two modules ask for runs once
  std::set<std::string> headers;
  const auto note = [&](const std::string& name, const std::string& word) {
    if (name.ends_with("_SOURCES") && word.ends_with(".c")) sources.insert(word);
    if (name.starts_with("NV_CONFTEST_") && name.ends_with("_COMPILE_TESTS") && word.find('$') == std::string::npos)
      tests.insert(word);
    if (name == "NV_HEADER_PRESENCE_TESTS" && word.ends_with(".h")) headers.insert(word);
  };
  const auto read = [&](const std::filesystem::path& file) {
    const auto text = read_file(file);
    if (text) each_assignment(*text, note);
    return text ? *text : std::string();
  };
  for (const std::string& module : modules.empty() ? modules_of_tree(tree) : modules) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(tree / module, error))
      if (entry.path().extension() == ".Kbuild") read(entry.path());
  }
  const std::string kbuild = read(tree / "Kbuild");
  KbuildSummary work;
  work.sources.assign(sources.begin(), sources.end());
  work.tests = static_cast<unsigned>(tests.size() + headers.size());
  if (kbuild.find("CONFTEST: $(1)") == std::string::npos) work.silent_tests = static_cast<unsigned>(headers.size());
  return work;
}

}  // namespace vgpukit::driver
