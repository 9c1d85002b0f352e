// The dkms of this machine, or of another root. Its output changed between 2.8 and 3.4, and its exit status may be 0
// after a failure (github.com/dell/dkms, `dkms.in`). So installed modules are read from /lib/modules
// (kernel/modules_folder.hpp).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"
#include "support/version.hpp"

namespace vgpukit::install {

// One line of `dkms status`.
struct DkmsEntry {
  std::string module, version;
  std::string release, arch;  // empty if it is only added
  std::string state;          // added, built, installed, installed-weak, broken
  std::string remark;         // "(WARNING! Diff between built and installed module!)", without the parentheses
  bool operator==(const DkmsEntry&) const = default;
};

// "nvidia, 535.0.1, 6.1.0-50-amd64, x86_64: installed" (2.x, and weak ones of 3.x) and "nvidia/535.0.1, 6.1..., x86_64:
// installed". Other lines are skipped: dkms prints its warnings among them.
std::vector<DkmsEntry> parse_dkms_status(std::string_view text);

// "dkms-3.0.10" (3.x), "dkms: 2.8.4" (2.x; Debian's says only "dkms:2.8").
std::optional<Version> parse_dkms_version(std::string_view text);

class Dkms {
 public:
  // Called with each line that dkms prints while it works.
  using OnLine = std::function<void(std::string_view)>;

  // Error: missing if the root has no dkms (names the package), or if dkms does not print its version.
  static Result<Dkms> open(const HostPaths& host, OnLine on_line = {});

  [[nodiscard]] const Version& version() const { return version_; }
  // Words to put before dkms when it changes something: systemd-inhibit and its arguments.
  void run_under(std::vector<std::string> words) { under_ = std::move(words); }
  // All entries for the module (empty: for all modules). Error: failed if dkms cannot read them (a damaged
  // /var/lib/dkms).
  [[nodiscard]] Result<std::vector<DkmsEntry>> status(const std::string& module) const;

  // Error: failed, with the last lines of dkms and, for a build, the path of its make.log.
  [[nodiscard]] Status add(const std::string& module, const std::string& version) const;
  // `again`: also if it has built that already.
  [[nodiscard]] Status build(const std::string& module, const std::string& version, const std::string& release,
                             bool again = false) const;
  // Builds first what is not built. It uses --force, because dkms otherwise refuses modules that are not newer than the
  // installed ones; the caller decides about a downgrade.
  [[nodiscard]] Status install(const std::string& module, const std::string& version, const std::string& release) const;
  // Uninstalls it for all kernels and removes its entries. No entry is no error.
  [[nodiscard]] Status remove(const std::string& module, const std::string& version) const;

 private:
  Dkms(HostPaths host, Version version, OnLine on_line)
      : host_(std::move(host)), version_(std::move(version)), on_line_(std::move(on_line)) {}
  [[nodiscard]] Status run_dkms(const std::vector<std::string>& words, const std::string& tried,
                                const std::string& log) const;

  HostPaths host_;
  Version version_;
  std::vector<std::string> under_;
  OnLine on_line_;
};

}  // namespace vgpukit::install
