#include "kernel/kernel.hpp"

#include <string.h>
#include <sys/utsname.h>

#include <algorithm>
#include <map>
#include <system_error>

#include "kernel/compiler.hpp"
#include "kernel/headers_fit.hpp"
#include "kernel/headers_layout.hpp"
#include "kernel/kernel_notices.hpp"
#include "kernel/modules_folder.hpp"
#include "kernel/package_hints.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

std::string running_release() {
  utsname names{};
  return ::uname(&names) == 0 ? names.release : "";
}

std::string advice(const HostPaths& host, std::string_view release) {
  return "install its headers: " + install_headers_hint(host, release);
}

// Up to five releases, those that share the longest beginning with the one that was asked for.
std::string nearest(const std::vector<KernelEntry>& entries, std::string_view release) {
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const auto& entry : entries) {
    const auto stop = std::mismatch(entry.release.begin(), entry.release.end(), release.begin(), release.end());
    ranked.emplace_back(static_cast<std::size_t>(stop.first - entry.release.begin()), entry.release);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  ranked.resize(std::min<std::size_t>(ranked.size(), 5));
  return join(ranked, ", ", [](const auto& each) { return each.second; });
}

// "-18" for clang-18.
std::string llvm_suffix(const Compiler& clang) {
  const auto dash = clang.command.rfind("clang-");
  return dash == std::string::npos ? std::string() : clang.command.substr(dash + 5);
}

// The build folder of a release, or why there is none.
Result<fs::path> build_folder(const HostPaths& host, const std::string& release) {
  const std::string tried = "build for the kernel " + release;
  const fs::path link = fs::path("/lib/modules") / release / "build";
  std::string wrong_release;
  std::error_code ignored;
  std::string incomplete;
  for (const auto& folder : find_headers_folders(host)) {
    if (folder.release != release) continue;
    const auto missing = what_is_missing(host, folder.build);
    if (missing.empty()) return folder.build;
    if (incomplete.empty()) incomplete = missing;
  }
  if (!incomplete.empty()) return Error{ErrorKind::missing, tried, incomplete, advice(host, release)};

  const auto modules = host.resolve(link.parent_path());
  const bool has_link = modules && fs::is_symlink(fs::symlink_status(*modules / "build", ignored));
  if (const auto build = host.resolve(link)) {
    // A folder with no release or another one.
    const auto missing = what_is_missing(host, host.inside(*build));
    if (!missing.empty()) return Error{ErrorKind::missing, tried, missing, advice(host, release)};
    return Error{ErrorKind::missing, tried,
                 link.string() + " leads to " + host.inside(*build).string() + ", which belongs to another kernel",
                 advice(host, release)};
  }
  if (has_link)
    return Error{ErrorKind::missing, tried,
                 link.string() + " points to " + fs::read_symlink(*modules / "build", ignored).string() +
                     ", which does not exist",
                 advice(host, release)};
  const auto list = list_kernels(host);
  if (modules || (host.is_host() && release == running_release())) {
    const auto ready = std::find_if(list.rbegin(), list.rend(), [](const auto& entry) { return entry.headers; });
    return Error{ErrorKind::missing, tried, "its headers are not installed",
                 advice(host, release) +
                     (ready == list.rend() ? "" : "; or build for " + ready->release + " with --kernel newest")};
  }
  const auto known = nearest(list, release);
  return Error{ErrorKind::usage, tried, "there is no such kernel in " + host.root.string(),
               known.empty() ? "no kernel headers are installed: " + install_headers_hint(host, release)
                             : "there are: " + known + "; or write running, newest or all"};
}

}  // namespace

std::vector<std::string> Kernel::make_variables() const {
  std::vector<std::string> variables = {"CC=" + compiler.command};
  if (compiler.kind == Compiler::Kind::gcc) return variables;
  // conftest.sh compares the kernel's version with __GNUC__, which is 4 with every clang: 470 stops there.
  variables.emplace_back("IGNORE_CC_MISMATCH=1");
  if (!has("CONFIG_LD_IS_LLD")) return variables;
  // A kernel that ld.lld has linked needs all LLVM tools (Documentation/kbuild/llvm.rst).
  const auto suffix = llvm_suffix(compiler);
  for (const auto& more :
       {"LLVM=" + (suffix.empty() ? "1" : suffix), "LD=ld.lld" + suffix, "OBJDUMP=llvm-objdump" + suffix})
    variables.push_back(more);
  return variables;
}

bool is_older_release(const std::string& a, const std::string& b) {
  const auto left = Version::leading(a);
  const auto right = Version::leading(b);
  if (left.has_value() != right.has_value()) return !left.has_value();
  if (left && *left != *right) return *left < *right;
  return ::strverscmp(a.c_str(), b.c_str()) < 0;
}

std::vector<KernelEntry> list_kernels(const HostPaths& host) {
  std::map<std::string, KernelEntry> entries;
  const auto entry_of = [&](const std::string& release) -> KernelEntry& {
    auto& entry = entries[release];
    entry.release = release;
    return entry;
  };
  for (const auto& release : releases_of(host)) entry_of(release).modules = has_modules(host, release);
  for (const auto& headers : find_headers_folders(host)) {
    auto& entry = entry_of(headers.release);
    const auto missing = what_is_missing(host, headers.build);
    if (!missing.empty()) {
      entry.problem = missing;
      continue;
    }
    entry.headers = true;
    if (const auto config = read_config(host.in_root(headers.build / "include/config/auto.conf"))) {
      const auto names = notices_of(*config);
      entry.notices.assign(names.begin(), names.end());
    }
  }
  const std::string running = host.is_host() ? running_release() : "";
  if (!running.empty()) entry_of(running);  // also when it has no files here
  std::vector<KernelEntry> list;
  for (auto& [release, entry] : entries) {
    entry.running = release == running;
    if (entry.headers)
      entry.problem.clear();
    else if (entry.problem.empty())
      entry.problem = "no headers: " + install_headers_hint(host, release);
    list.push_back(std::move(entry));
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const auto& a, const auto& b) { return is_older_release(a.release, b.release); });
  return list;
}

std::vector<KernelEntry> check_kernels(const HostPaths& host) {
  auto list = list_kernels(host);
  for (auto& entry : list) {
    const auto opened = open_kernel(host, entry.release);
    if (opened) continue;
    entry.problem = opened.error().why;
    entry.next = opened.error().next;
  }
  return list;
}

Result<Kernel> open_kernel(const HostPaths& host, std::string_view wanted, bool any_compiler) {
  const std::string release(wanted);
  if (!is_release(release))
    return Error{ErrorKind::usage, "use the kernel \"" + printable(release) + "\"",
                 "this is not a release (what uname -r prints): letters, digits and . _ + ~ - only",
                 "vgpukit kernel list shows those that are here"};
  Kernel kernel;
  kernel.host = host;
  kernel.release = release;
  TRY_ASSIGN(kernel.build, build_folder(host, release));
  kernel.source = source_of(host, kernel.build).value_or(kernel.build);
  const auto auto_conf = host.resolve(kernel.build / "include/config/auto.conf");
  TRY_ASSIGN(kernel.config, read_config(auto_conf.value_or(kernel.build_here() / "include/config/auto.conf")));
  auto version = version_of(host, kernel.build, kernel.source);
  if (!version) version = Version::leading(release);
  if (!version)
    return Error{ErrorKind::missing, "build for the kernel " + release,
                 kernel.build.string() + " does not say which version it is", advice(host, release)};
  kernel.version = *std::move(version);
  auto compiler = find_compiler(host, kernel.config, any_compiler);
  if (!compiler) {
    Error error = compiler.error();
    error.tried = "build for the kernel " + release;
    return error;
  }
  kernel.compiler = std::move(*compiler);
  if (kernel.compiler.kind == Compiler::Kind::clang && kernel.has("CONFIG_LD_IS_LLD")) {
    const std::string linker = "ld.lld" + llvm_suffix(kernel.compiler);
    if (!find_program(linker, host.root))
      return Error{ErrorKind::missing, "build for the kernel " + release,
                   "it was linked by " + linker + ", which is not installed", install_tool_hint(host, linker)};
  }
  for (const char* tool : {"make", "ld"})
    if (!find_program(tool, host.root))
      return Error{ErrorKind::missing, "build for the kernel " + release,
                   std::string(tool) + " is not installed" + (host.is_host() ? "" : " in " + host.root.string()),
                   install_tool_hint(host, tool)};
  TRY(check_headers_fit(kernel));
  return kernel;
}

Result<std::vector<Kernel>> select_kernels(const HostPaths& host, const std::vector<std::string>& specs,
                                           bool any_compiler) {
  std::vector<std::string> releases;
  const auto add = [&](const std::string& release) {
    if (std::find(releases.begin(), releases.end(), release) == releases.end()) releases.push_back(release);
  };
  for (const auto& spec : specs) {
    if (spec == "running") {
      if (!host.is_host())
        return Error{ErrorKind::usage, "use the running kernel", "no kernel runs in " + host.root.string(),
                     "name a release, newest or all"};
      add(running_release());
    } else if (spec == "newest" || spec == "all") {
      const auto list = list_kernels(host);
      const auto before = releases.size();
      for (auto entry = list.rbegin(); entry != list.rend(); ++entry) {
        if (!entry->headers) continue;
        add(entry->release);
        if (spec == "newest") break;
      }
      if (spec == "all") std::reverse(releases.begin() + static_cast<std::ptrdiff_t>(before), releases.end());
      if (std::none_of(list.begin(), list.end(), [](const auto& entry) { return entry.headers; }))
        return Error{ErrorKind::missing, "find a kernel to build for",
                     "no kernel in " + host.root.string() + " has its headers installed",
                     install_headers_hint(host, list.empty() ? std::string_view() : list.back().release)};
    } else {
      add(spec);
    }
  }
  std::vector<Kernel> kernels;
  for (const auto& release : releases) {
    TRY_ASSIGN(auto kernel, open_kernel(host, release, any_compiler));
    kernels.push_back(std::move(kernel));
  }
  return kernels;
}

}  // namespace vgpukit::kernel
