// The steps of `passthrough bind`, in a file in /run/vgpukit, each with its reverse.
#pragma once

#include <nlohmann/json.hpp>

#include "passthrough/rebind.hpp"

namespace vgpukit::passthrough {

// The steps that were begun for a card. Each can be reversed, also if it was not finished.
class RebindJournal {
 public:
  // The journal of this card; empty if there is none.
  static RebindJournal open(const RebindTools& tools, const std::string& card);

  [[nodiscard]] bool empty() const { return steps_.empty(); }
  // Must be called before the step is done.
  Status add(nlohmann::json step);
  // Reverses all steps, the last one first, and removes the journal. If some fail, the others are still reversed, and
  // the journal stays. Error: the first that failed; `notes` has the others.
  Status undo(std::vector<std::string>& notes);

 private:
  RebindJournal(const RebindTools& tools, fs::path file) : tools_(tools), file_(std::move(file)) {}
  Status undo(const nlohmann::json& step, std::vector<std::string>& notes);

  const RebindTools& tools_;
  fs::path file_;
  nlohmann::json steps_ = nlohmann::json::array();
};

// Binds a function to a driver with driver_override and drivers_probe. An empty `driver` stands for any driver but
// vfio-pci. `override_after`: the driver_override that it has in the end. `module`: for modprobe, if the driver is not
// there; empty: none. Error: failed if another driver or none has it then.
Status give_to_driver(const RebindTools& tools, const std::string& address, const std::string& driver,
                      const std::string& override_after, const std::string& module);

}  // namespace vgpukit::passthrough
