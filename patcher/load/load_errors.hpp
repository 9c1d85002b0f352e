// Why the kernel has refused a module, and what to do. The kernel's messages tell more than its errno.
#pragma once

#include <string>
#include <vector>

#include "support/result.hpp"
#include "support/sysfs.hpp"
#include "system/kernel_log.hpp"

namespace vgpukit::load {

// An NVIDIA card that another driver has: "0000:65:00.0" and "nouveau".
struct OccupiedCard {
  std::string address;
  std::string driver;
};
// Display controllers of NVIDIA's whose driver is neither nvidia nor none.
std::vector<OccupiedCard> occupied_cards(const Sysfs& sysfs);
// What to do about such a card.
std::string free_card_hint(const OccupiedCard& card);

// `error`: the errno of the attempt. `messages`: the kernel's, since before the attempt.
Error explain_load(const std::string& module, int error, const std::vector<system::KernelMessage>& messages,
                   const std::vector<OccupiedCard>& occupied);

}  // namespace vgpukit::load
