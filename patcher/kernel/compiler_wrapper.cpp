#include "kernel/compiler_wrapper.hpp"

#include <system_error>

#include "support/atomic_file.hpp"
#include "support/checksummed_file.hpp"

namespace vgpukit::kernel {

CompilerWrapper::CompilerWrapper(const Kernel& kernel, fs::path folder, const std::string& fingerprint)
    : folder_(std::move(folder)),
      cache_file_(fingerprint.empty() ? fs::path() : kernel.host.cache / "options" / (fingerprint + ".sh")) {
  name_ = kernel.compiler.command;
  const auto compiler = name_.find('/') == std::string::npos ? find_program(name_, kernel.host.root) : std::nullopt;
  const auto script = read_shipped("kbuild/compiler.sh");
  std::error_code bad;
  fs::remove_all(folder_, bad);
  fs::create_directories(folder_, bad);
  if (!compiler || !script || bad || !write_file(folder_ / name_, *script, 0755)) return;
  if (auto known = cache_file_.empty() ? std::nullopt : read_checksummed(cache_file_)) known_ = *std::move(known);
  if (!write_file(folder_ / "options", known_)) return;
  compiler_ = compiler->string();
  inside_ = kernel.host.inside(folder_).string();
}

CompilerWrapper::~CompilerWrapper() {
  std::error_code ignored;
  if (usable() && !cache_file_.empty()) {
    const auto options = read_file(folder_ / "options");
    if (options && *options != known_ && options->ends_with('\n')) write_checksummed(cache_file_, *options);
  }
  fs::remove_all(folder_, ignored);
}

fs::path CompilerWrapper::script() const {
  return fs::path(inside_) / name_;
}

void CompilerWrapper::use_in(Command& make) const {
  if (!usable()) return;
  make.path_first = inside_;
  make.env["VGPUKIT_COMPILER"] = compiler_;
  make.env["VGPUKIT_WRAPPER"] = inside_;
}

}  // namespace vgpukit::kernel
