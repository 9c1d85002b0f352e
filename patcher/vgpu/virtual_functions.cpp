#include "vgpu/virtual_functions.hpp"

#include <cerrno>
#include <cstring>
#include <thread>

#include "support/interrupt.hpp"
#include "support/log.hpp"
#include "support/outside_program.hpp"
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

namespace {

// Gives the card its driver again if the program has left it without one.
Result<std::string> give_back(Sysfs& sysfs, const std::string& card, const std::string& driver) {
  const auto link = "/sys/bus/pci/devices/" + card + "/driver";
  if (driver.empty() || sysfs.link_name(link) == driver) return std::string();
  const int error = sysfs.write("/sys/bus/pci/drivers/" + driver + "/bind", card);
  if (sysfs.link_name(link) == driver) return "the card has its driver " + driver + " again";
  return Error{ErrorKind::failed, "give " + card + " to its driver " + driver + " again",
               error != 0 ? std::strerror(error) : "it has no driver after the write to " + driver + "/bind",
               "echo " + card + " > /sys/bus/pci/drivers/" + driver + "/bind"};
}

Status run_manager(const HostPaths& host, Sysfs& sysfs, const std::string& card, const std::string& tried,
                   unsigned wanted, const RetryPause& retry_pause) {
  const auto folder = "/sys/bus/pci/devices/" + card;
  const auto driver = sysfs.link_name(folder + "/driver");
  OutsideProgram program;
  program.command.argv = {manager, "-e", card};
  if (!host.is_host()) program.command.root = host.root;
  program.command.deadline = std::chrono::seconds(60);
  program.tried = tried;
  program.next =
      "dmesg and journalctl -b may tell why; close what uses the card (nvidia-smi, nvidia-persistenced), then try "
      "again";
  program.wrong = [&]() -> std::string {
    const auto made = sysfs.read(folder + "/sriov_numvfs").text;
    return made == std::to_string(wanted)
               ? ""
               : "there are " + made + " of " + std::to_string(wanted) + " virtual functions";
  };
  program.tries = 3;
  program.pause = retry_pause;
  program.put_back = [&] { return give_back(sysfs, card, driver); };
  return run_outside(program);
}

Status write_count(Sysfs& sysfs, const std::string& card, const std::string& tried, const std::string& total,
                   const RetryPause& retry_pause) {
  const auto file = "/sys/bus/pci/devices/" + card + "/sriov_numvfs";
  int error = 0;
  do {
    error = sysfs.write(file, total);
    if (error != 0 && error != EBUSY && error != EAGAIN)
      return explain_write_error(error, tried, SysfsWrite::make_functions);
    if (error == 0 && sysfs.read(file).text != "0") return {};
  } while (retry_pause());
  if (Interrupt::caught() != 0) return Error{ErrorKind::interrupted, tried, "interrupted", ""};
  if (error != 0) return explain_write_error(error, tried, SysfsWrite::make_functions);
  return Error{ErrorKind::failed, tried, "after the time limit there were " + sysfs.read(file).text,
               "dmesg may tell why"};
}

}  // namespace

Status make_functions(const HostPaths& host, Sysfs& sysfs, const std::string& card, const RetryPause& retry_pause) {
  const auto folder = "/sys/bus/pci/devices/" + card;
  const auto total = sysfs.read(folder + "/sriov_totalvfs").text;
  const auto tried = "make the " + total + " virtual functions of " + card;
  const auto wanted = static_cast<unsigned>(std::strtoul(total.c_str(), nullptr, 10));
  if (sysfs.read(folder + "/sriov_numvfs").text == "0")
    TRY(sysfs.exists(manager) ? run_manager(host, sysfs, card, tried, wanted, retry_pause)
                              : write_count(sysfs, card, tried, total, retry_pause));
  bool told = false;
  while (ready(sysfs, folder, wanted) != wanted) {
    if (!told) log::info("waiting until the virtual functions of " + card + " offer vGPU types");
    told = true;
    if (retry_pause()) continue;
    if (Interrupt::caught() != 0) return Error{ErrorKind::interrupted, tried, "interrupted", ""};
    return Error{ErrorKind::failed, tried,
                 "after the time limit there were " + sysfs.read(folder + "/sriov_numvfs").text + ", and " +
                     std::to_string(ready(sysfs, folder, wanted)) + " of them offered vGPUs",
                 "look at systemctl status nvidia-vgpud; a virtual function that is bound to vfio-pci offers none"};
  }
  return {};
}

}  // namespace vgpukit::vgpu
