// When NVIDIA built a driver.
#pragma once

#include <string>

#include "driver/driver.hpp"

namespace vgpukit::driver {

// The date in the identification of the binary object ("nvidia id: NVIDIA UNIX x86_64 Kernel Module  535.261.03  Sat
// Jun 14 16:05:50 UTC 2025"), as "2025-06-14", and the object that has it. Empty if there is no such object (the open
// layer, the reference driver) or it has no such text. Reads the object until the text is found.
struct BuildDate {
  std::string date;
  std::string from;  // "nvidia/nv-kernel.o_binary"
};
BuildDate build_date(const Driver& driver);

}  // namespace vgpukit::driver
