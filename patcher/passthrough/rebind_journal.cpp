#include "passthrough/rebind_journal.hpp"

#include <algorithm>
#include <cstring>

#include "support/atomic_file.hpp"
#include "support/json_file.hpp"

namespace vgpukit::passthrough {

namespace {

using nlohmann::json;

std::string driver_of(const Sysfs& sysfs, const std::string& address) {
  return sysfs.link_name("/sys/bus/pci/devices/" + address + "/driver");
}

Status write(Sysfs& sysfs, const std::string& path, const std::string& text) {
  const int error = sysfs.write(path, text);
  if (error == 0) return {};
  return Error{ErrorKind::failed,
               "write '" + (text == "\n" ? "" : text) + "' to " + path,
               std::strerror(error),
               error == EACCES || error == EPERM ? "run it as root" : "see dmesg",
               {},
               error};
}

// After passthrough apply, vfio-pci has the device's ids and takes it at each probe. Writing to a driver's "bind" asks
// only that driver, which refuses a device that it does not support (ENODEV).
Status offer_to_all(Sysfs& sysfs, const std::string& address) {
  TRY(write(sysfs, "/sys/bus/pci/devices/" + address + "/driver/unbind", address));
  for (const auto& driver : sysfs.list("/sys/bus/pci/drivers"))
    if (driver != "vfio-pci" && driver != "pci-stub" &&
        sysfs.write("/sys/bus/pci/drivers/" + driver + "/bind", address) == 0)
      break;
  return {};
}

}  // namespace

Status give_to_driver(const RebindTools& tools, const std::string& address, const std::string& driver,
                      const std::string& override_after, const std::string& module) {
  const auto folder = "/sys/bus/pci/devices/" + address;
  auto& sysfs = tools.sysfs;
  const auto now = driver_of(sysfs, address);
  Status loaded;
  if (now.empty() || now != driver) {
    // The override comes first, so that no other driver gets the device in between.
    TRY(write(sysfs, folder + "/driver_override", driver.empty() ? "\n" : driver));
    if (!now.empty()) TRY(write(sysfs, folder + "/driver/unbind", address));
    // Only now: nvidia.ko does not load without a card that it can have.
    if (!module.empty() && (driver.empty() || !sysfs.exists("/sys/bus/pci/drivers/" + driver)))
      loaded = tools.run({"modprobe", module});
    TRY(write(sysfs, "/sys/bus/pci/drivers_probe", address));
  }
  if (driver.empty() && driver_of(sysfs, address) == "vfio-pci") TRY(offer_to_all(sysfs, address));
  const auto after = driver_of(sysfs, address);
  TRY(write(sysfs, folder + "/driver_override", override_after.empty() ? "\n" : override_after));
  if (after == driver || (driver.empty() && after != "vfio-pci")) return {};
  TRY(loaded);
  return Error{ErrorKind::failed, "give " + address + " to " + (driver.empty() ? "the driver that it had" : driver),
               after.empty() ? "the driver did not take it" : after + " has it", "see dmesg for the reason"};
}

RebindJournal RebindJournal::open(const RebindTools& tools, const std::string& card) {
  RebindJournal journal(tools, tools.host.in_root("/run/vgpukit/passthrough-" + card + ".json"));
  std::error_code bad;
  if (!fs::exists(journal.file_, bad)) return journal;
  const auto text = read_file(journal.file_);
  auto steps = text ? parse_json(*text) : json();
  const auto is_step = [](const json& each) {
    return has_texts(each, {"what", "name", "driver", "module", "override"});
  };
  if (steps.is_array() && std::all_of(steps.begin(), steps.end(), is_step)) journal.steps_ = std::move(steps);
  return journal;
}

Status RebindJournal::add(json step) {
  steps_.push_back(std::move(step));
  return write_file(file_, json_text(steps_, 1) + "\n");
}

Status RebindJournal::undo(const json& step, std::vector<std::string>& notes) {
  const auto what = step.value("what", std::string());
  const auto name = step.value("name", std::string());
  if (what == "driver")
    return give_to_driver(tools_, name, step.value("driver", std::string()), step.value("override", std::string()),
                          step.value("module", std::string()));
  if (what == "module") return tools_.run({"modprobe", name});
  if (what == "unit") return tools_.run({"systemctl", "start", name});
  if (what == "console") return write(tools_.sysfs, "/sys/class/vtconsole/" + name + "/bind", "1");
  if (what == "framebuffer") {
    // After a guest, the framebuffer may not work any more. That is a note: the card's own driver can draw again.
    const auto path = "/sys/bus/platform/drivers/" + step.value("driver", std::string()) + "/bind";
    if (const auto bound = write(tools_.sysfs, path, name); !bound) notes.push_back(bound.error().message());
    return {};
  }
  return Error{ErrorKind::failed, "reverse a step of " + file_.string(), "'" + what + "' is not a known step",
               "reboot: it reverses all steps"};
}

Status RebindJournal::undo(std::vector<std::string>& notes) {
  std::optional<Error> first;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    const auto done = undo(*step, notes);
    if (done) continue;
    if (first) notes.push_back(done.error().message());
    if (!first) first = done.error();
  }
  // The journal stays, so that the same command can be tried again.
  if (first) return *first;
  steps_ = json::array();
  std::error_code bad;
  fs::remove(file_, bad);
  fs::remove(file_.parent_path(), bad);
  return {};
}

}  // namespace vgpukit::passthrough
