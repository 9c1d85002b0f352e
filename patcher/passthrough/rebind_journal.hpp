// Between rebind.cpp and rebind_steps.cpp: single steps, each with its way back.
#pragma once

#include <nlohmann/json.hpp>

#include "passthrough/rebind.hpp"

namespace vgpukit::passthrough {

// A list of steps that were begun, kept in /run/vgpukit; each of them can be taken back, also when it was not finished.
class RebindJournal {
 public:
  // What is written for this card, or an empty list.
  static RebindJournal open(const RebindTools& tools, const std::string& card);

  [[nodiscard]] bool empty() const { return steps_.empty(); }
  [[nodiscard]] const nlohmann::json& steps() const { return steps_; }
  // To be called before the step is done.
  Status add(nlohmann::json step);
  // Does the reverse of all steps, the last one first, and forgets them. All are tried. Error: the first that failed.
  Status undo(std::vector<std::string>& notes);

 private:
  RebindJournal(const RebindTools& tools, fs::path file) : tools_(tools), file_(std::move(file)) {}
  Status undo(const nlohmann::json& step, std::vector<std::string>& notes);

  const RebindTools& tools_;
  fs::path file_;
  nlohmann::json steps_ = nlohmann::json::array();
};

// Gives a function to a driver by driver_override and drivers_probe; an empty `driver`: to whoever wants it. The
// override is `left` in the end. Error: failed, when it has another driver or none.
Status give_to_driver(const RebindTools& tools, const std::string& address, const std::string& driver,
                      const std::string& left);

}  // namespace vgpukit::passthrough
