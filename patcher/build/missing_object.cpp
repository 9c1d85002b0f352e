#include "build/missing_object.hpp"

#include <algorithm>
#include <set>

#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/text.hpp"
#include "transform/code_view.hpp"
#include "transform/lexer.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::build {

namespace {

// "nvidia-modeset" -> "nvidia_modeset", as the kernel names it
std::string underscored(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// "nvidia-modeset/nv-modeset-kernel.o_binary" -> "nvidia_modeset"
std::string owner_of(const std::string& object) {
  return underscored(fs::path(object).parent_path().string());
}

using Names = std::set<std::string, std::less<>>;

// Whether the token at `i` is the name in a declaration at file scope: "T name(...);" or "extern T name;".
bool declares_here(const transform::CodeView& view, std::size_t i) {
  const auto& code = view.code();
  if (view.depth(i) != 0) return false;
  bool is_extern = false;
  for (std::size_t j = i; j-- > 0;) {
    if (code[j].kind == transform::Token::Kind::directive || view.is(j, ";") || view.is(j, "}") || view.is(j, "{"))
      break;
    if (view.is(j, "static") || view.is(j, "typedef") || view.is(j, "=")) return false;
    is_extern = is_extern || view.is(j, "extern");
  }
  if (!view.is(i + 1, "(")) return is_extern && (view.is(i + 1, ";") || view.is(i + 1, "["));
  auto end = view.partner(i + 1);
  // Attributes may stand between the parameters and the semicolon; a brace means a definition.
  while (end != transform::CodeView::npos && end + 1 < code.size() && !view.is(end + 1, ";")) {
    if (view.is(end + 1, "{") || code[end + 1].kind == transform::Token::Kind::directive) return false;
    ++end;
  }
  return end != transform::CodeView::npos && view.is(end + 1, ";");
}

// Removes from `names` all names that the kernel's headers mention.
void remove_kernel_names(const kernel::Kernel& kernel, Names& names) {
  for (const auto& base : {kernel.source, kernel.build}) {
    for (const char* below : {"include", "arch/x86/include"}) {
      const auto folder = kernel.host.resolve(base / below);
      if (!folder) continue;
      std::error_code bad;
      for (fs::recursive_directory_iterator it(*folder, bad), end; !bad && it != end; it.increment(bad)) {
        if (it->path().extension() != ".h") continue;
        if (const auto text = read_file(it->path()))
          for_each_word(*text, [&](std::string_view word, std::size_t) {
            if (const auto found = names.find(word); found != names.end()) names.erase(found);
          });
      }
    }
    if (kernel.source == kernel.build) break;
  }
}

}  // namespace

std::vector<std::string> missing_objects_of(const driver::Driver& driver, const std::vector<std::string>& modules) {
  std::vector<std::string> missing;
  for (const auto& object : driver.missing_binary_objects)
    if (modules.empty() || std::any_of(modules.begin(), modules.end(),
                                       [&](const auto& module) { return underscored(module) == owner_of(object); }))
      missing.push_back(object);
  return missing;
}

Status place_empty_objects(const kernel::Kernel& kernel, const fs::path& tree,
                           const std::vector<std::string>& objects) {
  for (const auto& object : objects) {
    Command command;
    command.root = kernel.host.root;
    command.confined = true;
    command.writable = {kernel.host.inside(tree)};
    command.argv = {
        kernel.compiler.command, "-x", "c", "-c", "-o", (kernel.host.inside(tree) / object).string(), "/dev/null"};
    TRY_ASSIGN(const auto outcome, run(command));
    if (!outcome.ok())
      return Error{ErrorKind::failed, "make an empty object in place of " + object,
                   outcome.err.substr(0, outcome.err.find('\n')), "does " + kernel.compiler.command + " work?"};
  }
  return {};
}

Result<std::vector<std::string>> names_of_missing_objects(const driver::Driver& driver, const kernel::Kernel& kernel,
                                                          const kernel::Symvers& symvers,
                                                          const std::vector<module::ModuleFile>& modules) {
  Names exported;
  for (const auto& module : modules)
    for (const auto& one : module.exports) exported.insert(one.name);
  Names open;
  for (const auto& object : driver.missing_binary_objects) {
    for (const auto& module : modules) {
      if (module.name != owner_of(object)) continue;
      for (const auto& import : module.imports)
        if (!symvers.find(import.name) && !exported.contains(import.name)) open.insert(import.name);
    }
  }
  TRY_ASSIGN(const auto tree, transform::SourceTree::open(driver.sources));
  Names declared;
  Names defined;
  for (const auto& path : tree.matching("**/*.{c,h}")) {
    TRY_ASSIGN(const auto text, tree.read(path));
    const transform::CodeView view(text);
    const bool header = path.ends_with(".h");
    for (std::size_t i = 0; i < view.code().size(); ++i) {
      const auto name = view.code()[i].text;
      if (view.code()[i].kind != transform::Token::Kind::identifier || !open.contains(name)) continue;
      if (header && declares_here(view, i)) declared.emplace(name);
      if (!header && view.depth(i) == 0 && !view.functions(name).empty()) defined.emplace(name);
    }
  }
  for (const auto& name : defined) declared.erase(name);
  if (!declared.empty()) remove_kernel_names(kernel, declared);
  return std::vector<std::string>(declared.begin(), declared.end());
}

}  // namespace vgpukit::build
