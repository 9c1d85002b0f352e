#include "vgpu/sysfs_errors.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace vgpukit::vgpu {

namespace {

constexpr const char* see_log = "dmesg and 'journalctl -u nvidia-vgpu-mgr' may tell more";

}  // namespace

Error explain_write_error(int error, std::string tried, SysfsWrite request) {
  const auto because = [&](std::string why, std::string next, ErrorKind kind = ErrorKind::failed) {
    return Error{
        kind, std::move(tried), std::move(why) + " (" + std::strerror(error) + ")", std::move(next), std::nullopt,
        error};
  };
  switch (error) {
    case EPERM:
    case EACCES:
      if (request == SysfsWrite::set_type && error == EPERM)
        return because("this virtual function is a vGPU already", "remove it first, or choose another function");
      if (::geteuid() != 0) return because("that needs root", "run it with sudo", ErrorKind::denied);
      return because("the driver refuses it, even to root", see_log);
    case EBUSY:
      if (request == SysfsWrite::make_functions)
        return because("some of its virtual functions are in use, or others were made already",
                       "vgpukit vgpu list shows who uses them");
      if (request == SysfsWrite::set_attribute)
        return because("a virtual machine has the vGPU open", "it can be set while the vGPU is not in use");
      return because(request == SysfsWrite::remove ? "it is in use" : "the card is busy",
                     "shut down the virtual machine that has it; vgpukit vgpu list shows which one");
    case ENOSPC:
      return because("the card has no available instance of that type",
                     "vgpukit vgpu types shows the available instances");
    case EEXIST:
      return because("there is a device of that name already",
                     "vgpukit vgpu list shows it; give another UUID, or none");
    case ENODEV:
    case ENXIO:
      return because("the card or its driver went away",
                     std::string("vgpukit vgpu types shows the cards that are left; ") + see_log);
    case ENOENT:
      // drivers/pci/iov.c, sriov_numvfs_store(): the card's driver has no sriov_configure. NVIDIA's drivers have none
      // (525 to 580, the open ones too).
      if (request == SysfsWrite::make_functions)
        return because("the card's driver makes no virtual functions by itself",
                       "install /usr/lib/nvidia/sriov-manage, which comes with NVIDIA's vGPU driver: vgpukit uses it");
      if (request == SysfsWrite::set_attribute)
        return because("the driver has no such file for this vGPU",
                       "this driver or card does not offer it: leave it out");
      return because("its file in sysfs does not exist (any more)", "vgpukit vgpu list and types show what exists now");
    case EINVAL:
      if (request == SysfsWrite::set_attribute)
        return because("the driver does not accept this value",
                       "see NVIDIA's vGPU user guide for the values of this driver branch");
      return because("the driver does not accept this value", "vgpukit vgpu types shows the types that it accepts");
    case EIO:
      return because("the driver failed at it", see_log);
    default:
      return because("the kernel refused it", see_log);
  }
}

}  // namespace vgpukit::vgpu
