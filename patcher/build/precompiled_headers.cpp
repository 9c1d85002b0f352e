#include "build/precompiled_headers.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "build/header_prefixes.hpp"
#include "build/preprocessor_lines.hpp"
#include "driver/kbuild_files.hpp"
#include "kernel/kernel_headers.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit::build {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t bytes_per_header = 100U << 20;
constexpr std::uintmax_t min_free_bytes = 1U << 30;

std::vector<HeaderPrefix> find_prefixes(const kernel::Kernel& kernel, const BuildRequest& request) {
  std::map<std::string, bool> known;
  const auto kernel_header_may_repeat = [&](const std::string& name) {
    const auto [entry, fresh] = known.try_emplace(name, false);
    if (!fresh) return entry->second;
    const auto path = kernel::find_header(kernel, name);
    const auto here = path ? kernel.host.resolve(*path) : std::nullopt;
    if (!here) return false;
    const auto text = read_file(*here);
    return entry->second = text && may_be_included_twice(*text);
  };
  const auto read = [&](const std::string& path) -> std::optional<std::string> {
    std::error_code bad;
    if (path.starts_with("conftest/")) return std::nullopt;  // conftest is writing them
    if (!fs::is_regular_file(request.tree / path, bad)) return std::nullopt;
    auto text = read_file(request.tree / path);
    return text ? std::optional(*std::move(text)) : std::nullopt;
  };
  std::map<std::string, std::vector<std::string>> by_folder;
  for (const auto& source : driver::read_kbuild_summary(request.tree, request.modules).sources)
    by_folder[fs::path(source).parent_path().string()].push_back(source);
  std::vector<HeaderPrefix> prefixes;
  for (const auto& [folder, sources] : by_folder) {
    auto more = header_prefixes(sources, {read, kernel_header_may_repeat});
    std::move(more.begin(), more.end(), std::back_inserter(prefixes));
  }
  return prefixes;
}

}  // namespace

PrecompiledHeaders::PrecompiledHeaders(const kernel::Kernel& kernel, const BuildRequest& request)
    : kernel_(kernel), request_(request) {
  if (is_possible()) finding_ = std::async(std::launch::async, [&] { return find_prefixes(kernel_, request_); });
}

PrecompiledHeaders::~PrecompiledHeaders() {
  ended_ = true;
}

bool PrecompiledHeaders::is_possible() const {
  return kernel_.compiler.kind == kernel::Compiler::Kind::gcc &&
         request_.debug_info.kind == kernel::DebugInfo::Kind::none && kernel_.has("CONFIG_X86_64");
}

void PrecompiledHeaders::use(const kernel::CompilerWrapper& compiler_wrapper, conftest::CompileCommands compile,
                             Command& make) {
  std::error_code bad;
  if (!finding_.valid() || !compiler_wrapper.usable() || !fs::exists(request_.tree / "conftest/headers.h", bad)) return;
  auto prefixes = finding_.get();
  const auto space = fs::space(request_.tree, bad);
  if (prefixes.empty() || bad || space.available < min_free_bytes + prefixes.size() * bytes_per_header) return;
  const auto script = read_shipped("kbuild/precompiled-headers.sh");
  if (!script) return;
  folder_ = compiler_wrapper.folder();

  const auto put = [&](const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path(), bad);
    return !bad && write_file(path, text);
  };
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    if (!put(folder_ / (std::to_string(i) + ".txt"), prefixes[i].text)) return;
    for (const auto& file : prefixes[i].files) {
      std::string text = std::to_string(i);
      for (const auto& macro : file.macros) text += " " + macro;
      text += "\n";
      for (const auto& move : file.moves) text += move.header + " " + move.before + "\n";
      if (!put(folder_ / "of" / file.path, text)) return;
    }
  }
  if (!put(folder_ / "compile.sh", *script)) return;
  make.env["VGPUKIT_TREE"] = kernel_.host.inside(request_.tree).string();
  if (request_.jobs > 1)
    making_ = std::async(std::launch::async, [this, prefixes = std::move(prefixes), script = compiler_wrapper.script(),
                                              compile = std::move(compile),
                                              env = make.env] { compile_in_advance(prefixes, script, compile, env); });
}

void PrecompiledHeaders::compile_in_advance(const std::vector<HeaderPrefix>& prefixes, const fs::path& script,
                                            const conftest::CompileCommands& compile,
                                            const std::map<std::string, std::string>& env) {
  for (const auto& prefix : prefixes) {
    const auto& file = prefix.files.front().path;
    const auto known = compile.words.find(file);
    if (ended_ || known == compile.words.end()) continue;
    Command command;
    command.root = kernel_.host.root;
    command.cwd = compile.directory;
    command.confined = true;
    command.writable = {kernel_.host.inside(request_.tree)};
    command.env = compile.environment;
    for (const auto& [name, value] : env) command.env[name] = value;
    command.env["VGPUKIT_ONLY_HEADERS"] = "1";
    command.argv = known->second;
    command.argv.front() = script.string();
    command.argv.insert(command.argv.end() - 1, {"-c", "-o", "/dev/null"});
    // Ignored: an error appears again when the file itself is compiled.
    static_cast<void>(static_cast<bool>(run(command)));
  }
}

std::string PrecompiledHeaders::summary_line() const {
  std::size_t sets = 0;
  std::size_t files = 0;
  std::error_code bad;
  for (auto entry = fs::recursive_directory_iterator(folder_, bad); !bad && entry != fs::recursive_directory_iterator();
       entry.increment(bad)) {
    const auto name = entry->path().filename().string();
    sets += name.ends_with(".h.gch") ? 1 : 0;
    files += name.ends_with(".c.used") ? 1 : 0;
  }
  if (sets == 0) return "";
  return "precompiled headers: " + std::to_string(sets) + " for " + std::to_string(files) + " C files";
}

}  // namespace vgpukit::build
