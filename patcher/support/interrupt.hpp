// What the event loop of process_run.cpp needs of Interrupt; everybody else uses Interrupt in process.hpp.
#pragma once

namespace vgpukit {

// A descriptor that becomes, and stays, readable when a signal was caught; -1 while no Interrupt lives.
int interrupt_descriptor();

}  // namespace vgpukit
