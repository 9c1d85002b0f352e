// Between fork and exec the child must not allocate: another thread may hold the allocator's lock for ever there.
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "support/process.hpp"

// AddressSanitizer brings an operator new of its own.
#ifndef __SANITIZE_ADDRESS__
namespace {
std::atomic<bool> watches_children = false;
std::atomic<bool> may_not_allocate = false;
}  // namespace

void* operator new(std::size_t size) {
  if (may_not_allocate) ::_exit(99);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace vgpukit {
namespace {

TEST(Launch, TheChildAllocatesNothingBeforeItsProgram) {
  ASSERT_EQ(::pthread_atfork(nullptr, nullptr, [] { may_not_allocate = watches_children.load(); }), 0);
  Command command;
  command.argv = {"sh", "-c", "echo here"};
  command.cwd = "/tmp";
  command.input = "text";
  watches_children = true;
  const auto outcome = run(command);
  watches_children = false;
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->status, 0) << "99: it asked for memory";
  EXPECT_EQ(outcome->out, "here\n");
}

}  // namespace
}  // namespace vgpukit
#endif
