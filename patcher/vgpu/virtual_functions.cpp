#include "vgpu/virtual_functions.hpp"

#include <thread>

#include "support/interrupt.hpp"
#include "support/process.hpp"
#include "vgpu/sysfs_errors.hpp"

namespace vgpukit::vgpu {

namespace {

constexpr const char* manager = "/usr/lib/nvidia/sriov-manage";

// How many of the functions exist and offer types, by mdev or vendor VFIO.
unsigned ready(const Sysfs& sysfs, const std::string& folder, unsigned wanted) {
  unsigned count = 0;
  for (unsigned i = 0; i < wanted; ++i) {
    const auto function = folder + "/virtfn" + std::to_string(i);
    if (sysfs.exists(function + "/mdev_supported_types") || sysfs.exists(function + "/nvidia/current_vgpu_type"))
      ++count;
  }
  return count;
}

}  // namespace

RetryPause retry_until(std::chrono::seconds deadline) {
  return [end = std::chrono::steady_clock::now() + deadline] {
    if (std::chrono::steady_clock::now() >= end || Interrupt::caught() != 0) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return true;
  };
}

Status make_functions(const HostPaths& host, Sysfs& sysfs, const std::string& card, const RetryPause& retry_pause) {
  const auto folder = "/sys/bus/pci/devices/" + card;
  const auto total = sysfs.read(folder + "/sriov_totalvfs").text;
  const auto tried = "make the " + total + " virtual functions of " + card;
  const auto wanted = static_cast<unsigned>(std::strtoul(total.c_str(), nullptr, 10));
  std::string said;
  int error = 0;
  do {
    if (Interrupt::caught() != 0) break;
    if (sysfs.read(folder + "/sriov_numvfs").text == "0") {
      if (sysfs.exists(manager)) {
        Command command;
        command.argv = {manager, "-e", card};
        if (!host.is_host()) command.root = host.root;
        command.deadline = std::chrono::seconds(60);
        TRY_ASSIGN(const auto outcome, run(command));
        said = outcome.err.empty() ? outcome.out : outcome.err;
      } else {
        error = sysfs.write(folder + "/sriov_numvfs", total);
        if (error != 0 && error != EBUSY && error != EAGAIN)
          return explain_write_error(error, tried, SysfsWrite::make_functions);
      }
    }
    if (ready(sysfs, folder, wanted) == wanted) return {};
  } while (retry_pause());
  if (Interrupt::caught() != 0) return Error{ErrorKind::interrupted, tried, "interrupted", ""};
  const auto made = sysfs.read(folder + "/sriov_numvfs").text;
  if (made == "0" && error != 0) return explain_write_error(error, tried, SysfsWrite::make_functions);
  const auto line = said.substr(0, said.find('\n'));
  return Error{ErrorKind::failed, tried,
               "after the time limit there were " + made + ", and " + std::to_string(ready(sysfs, folder, wanted)) +
                   " of them offered vGPUs" + (line.empty() ? "" : "; sriov-manage said: " + line),
               "dmesg may tell why; a virtual function that is bound to vfio-pci offers none"};
}

}  // namespace vgpukit::vgpu
