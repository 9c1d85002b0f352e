#include "kernel/probe.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "kernel/compiler_wrapper.hpp"
#include "kernel/probe_errors.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

// A folder that the destructor removes.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make(const HostPaths& host) {
    const AsSelf files;
    // The cache may be read-only.
    std::vector<fs::path> places = {host.work()};
    std::error_code no_such_folder;  // TMPDIR may name anything
    if (host.is_host()) places.push_back(fs::temp_directory_path(no_such_folder));
    if (no_such_folder) places.back() = "/tmp";
    int error = 0;
    for (const auto& place : places) {
      // make splits words at spaces, and Kbuild's M= cannot have a colon.
      if (place.string().find_first_of(" \t:#$'\"\\") != std::string::npos) continue;
      std::error_code ignored;
      fs::create_directories(place, ignored);
      auto name = place / ("vgpukit-probe-" + random_word());
      if (::mkdir(name.c_str(), 0755) == 0) return ScratchFolder(std::move(name));
      error = errno;
    }
    return Error{ErrorKind::missing, "make a folder to try the kernel's headers in",
                 places[0].string() + ": " + std::strerror(error ? error : EINVAL),
                 "make it writable, or set VGPUKIT_CACHE to a folder whose name has no spaces or colons"};
  }
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder() {
    const AsSelf files;
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  explicit ScratchFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

constexpr std::string_view source =
    "#include <linux/module.h>\n"
    "void vgpukit_probe(void);\n"
    "void vgpukit_probe(void) {}\n"
    "EXPORT_SYMBOL_GPL(vgpukit_probe);\n"  // Kbuild computes a version for it (CONFIG_MODVERSIONS)
    "MODULE_LICENSE(\"GPL\");\n"
    "MODULE_DESCRIPTION(\"vgpukit asks how this kernel compiles modules\");\n";

// "vermagic=6.1.0-50-amd64 SMP preempt mod_unload modversions " in .modinfo, a list of strings that end in NUL.
std::optional<std::string> vermagic_in(std::string_view module) {
  constexpr std::string_view key = "vermagic=";
  const auto at = module.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  const auto begin = at + key.size();
  const auto end = module.find('\0', begin);
  if (end == std::string_view::npos) return std::nullopt;
  return std::string(module.substr(begin, end - begin));
}

// The right side of a make assignment as make gives it to the shell.
std::string unescape_make(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto rest = text.substr(i);
    if (rest.starts_with("$(pound)")) {
      plain += '#';
      i += 7;
    } else if (rest.starts_with("$$")) {
      plain += '$';
      ++i;
    } else if (rest.starts_with("\\#")) {
      plain += '#';
      ++i;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

Result<std::vector<std::string>> command_words(std::string_view cmd_file) {
  const auto refuse = [](std::string why) {
    return Error{ErrorKind::failed, "read how the kernel's build compiles a module", std::move(why),
                 "report this as an error of vgpukit"};
  };
  // The first line: "cmd_/path/probe.o := gcc ...", "savedcmd_..." from 6.2 on.
  const auto assignment = cmd_file.find(":=");
  if (assignment == std::string_view::npos) return refuse("the command file of the probe has no command");
  const auto end = std::min(cmd_file.find('\n', assignment), cmd_file.size());
  const std::string line = unescape_make(cmd_file.substr(assignment + 2, end - assignment - 2));

  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  const auto finish = [&] {
    if (in_word) words.push_back(std::move(word));
    word.clear();
    in_word = false;
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == ' ' || c == '\t') {
      finish();
    } else if (c == ';' || c == '|' || c == '&') {
      if (finish(), !words.empty()) break;  // objtool and the like follow
    } else if (c == '\'') {
      const auto close = line.find('\'', i + 1);
      if (close == std::string::npos) return refuse("a quote in the probe's command does not end");
      word.append(line, i + 1, close - i - 1);
      in_word = true;
      i = close;
    } else if (c == '"') {
      in_word = true;
      for (++i; i < line.size() && line[i] != '"'; ++i) {
        // Between double quotes a backslash escapes only these.
        if (line[i] == '\\' && i + 1 < line.size() && std::strchr("$`\"\\", line[i + 1])) ++i;
        word += line[i];
      }
      if (i >= line.size()) return refuse("a quote in the probe's command does not end");
    } else {
      if (c == '\\' && i + 1 < line.size()) ++i;
      word += line[i];
      in_word = true;
    }
  }
  finish();
  if (words.empty()) return refuse("the command of the probe is empty");
  return words;
}

std::vector<std::string> compile_words(const std::vector<std::string>& words, const fs::path& directory) {
  // Options whose argument is a path, joined or as the next word.
  static constexpr std::array<std::string_view, 7> path_options = {"-I",         "-isystem", "-include", "-iquote",
                                                                   "-idirafter", "-imacros", "-fplugin="};
  const auto absolute = [&](std::string_view path) { return (directory / fs::path(path)).lexically_normal().string(); };
  std::vector<std::string> result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (i == 0 && (word == "ccache" || word.ends_with("/ccache"))) continue;  // nothing to cache: no object is made
    if (word == "-c" || word == "-MMD" || word == "-MD" || word.starts_with("-Wp,-MMD") || word.starts_with("-Wp,-MD"))
      continue;
    if (word == "-o" || word == "-MF" || word == "-MT" || word == "-MQ") {
      ++i;
      continue;
    }
    if (i + 1 == words.size() && word.ends_with(".c")) continue;
    bool done = false;
    for (const auto option : path_options) {
      if (word == option && i + 1 < words.size()) {
        result.emplace_back(word);
        result.push_back(absolute(words[++i]));
        done = true;
      } else if (word.starts_with(option) && (option == "-I" || option == "-fplugin=") && word.size() > option.size()) {
        result.push_back(std::string(option) + absolute(word.substr(option.size())));
        done = true;
      }
      if (done) break;
    }
    if (!done) result.emplace_back(word);
  }
  return result;
}

Result<ProbeBuild> build_probe(const Kernel& kernel, const std::string& fingerprint) {
  for (const auto& folder : {kernel.build, kernel.source}) sandbox_needs(kernel.host.in_root(folder));
  TRY_ASSIGN(const auto scratch, ScratchFolder::make(kernel.host));
  TRY_ASSIGN(const auto given, BuildFolder::give(scratch.path()));
  TRY(write_file(scratch.path() / "Kbuild", "obj-m := probe.o\n"));
  TRY(write_file(scratch.path() / "probe.c", source));
  const fs::path inside = kernel.host.inside(scratch.path());
  const std::string tried = "build an empty module for " + kernel.release;
  const CompilerWrapper compiler_wrapper(kernel, scratch.path() / ".vgpukit-compiler", fingerprint);

  // Less debug information is faster, but a build that plain make can do must not fail because of that.
  ProbeBuild probe;
  for (const auto kind : {DebugInfo::Kind::none, DebugInfo::Kind::while_building, DebugInfo::Kind::as_configured}) {
    probe.debug_info.kind = kind;
    Command make;
    make.argv = {"make", "-C", kernel.build.string(), "M=" + inside.string()};
    for (auto& variable : kernel.make_variables()) make.argv.push_back(std::move(variable));
    for (auto& variable : debug_info_variables(kernel, probe.debug_info)) make.argv.push_back(std::move(variable.text));
    make.argv.emplace_back("modules");
    make.root = kernel.host.root;
    make.confined = true;
    make.writable = {inside};
    make.env["LC_ALL"] = "C";
    make.deadline = std::chrono::minutes(5);
    compiler_wrapper.use_in(make);
    TRY_ASSIGN(const auto outcome, run(make));
    if (outcome.timed_out) return Error{ErrorKind::failed, tried, "it took more than five minutes", ""};
    if (outcome.ok()) break;
    const auto& said = outcome.err.empty() ? outcome.out : outcome.err;
    auto error = probe_error(kernel, said);
    // What has to be installed is missing with any debug information.
    if (kind == DebugInfo::Kind::as_configured || !kernel.has("CONFIG_DEBUG_INFO") || error.kind == ErrorKind::missing)
      return error;
    probe.debug_info.why = error_lines(said);
  }

  auto cmd_file = read_file(scratch.path() / ".probe.o.cmd");
  if (!cmd_file) return Error{ErrorKind::failed, tried, "Kbuild left no command file: " + cmd_file.error().why, ""};
  TRY_ASSIGN(const auto words, command_words(*cmd_file));
  auto module = read_file(scratch.path() / "probe.ko");
  if (!module) return Error{ErrorKind::failed, tried, "Kbuild reported success but left no probe.ko", ""};
  auto vermagic = vermagic_in(*module);
  if (!vermagic) return Error{ErrorKind::failed, tried, "the module has no vermagic", ""};

  // Up to 6.12 Kbuild compiles in the build folder and names the object by its absolute path; from 6.13 on it compiles
  // in the module's folder.
  const auto output = std::find(words.begin(), words.end(), "-o");
  const bool in_module_folder = output != words.end() && output + 1 != words.end() && !(output + 1)->starts_with('/');
  probe.compile = compile_words(words, in_module_folder ? inside : kernel.build);
  probe.directory = kernel.build;
  probe.vermagic = *std::move(vermagic);
  return probe;
}

}  // namespace vgpukit::kernel
