// Why the kernel did not take a module, in words that a user can act on. The kernel's messages say more than its errno
// does.
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
// What to do about those.
std::string free_card_hint(const OccupiedCard& card);

// `error`: the errno that loading gave. `messages`: the kernel's since before the attempt.
Error explain_load(const std::string& module, int error, const std::vector<system::KernelMessage>& messages,
                   const std::vector<OccupiedCard>& occupied);

}  // namespace vgpukit::load
