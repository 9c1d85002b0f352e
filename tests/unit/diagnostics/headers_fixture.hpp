#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernel/kernel_headers.hpp"
#include "support/scratch.hpp"

namespace vgpukit::diagnostics {

// The headers of an old and a new kernel, with changes that Linux made between 6.12 and 7.2.
class HeadersTest : public testing::Test {
 protected:
  HeadersTest() {
    put("old", "linux/timer.h",
        "int timer_delete_sync(struct timer_list *timer);\n"
        "int timer_shutdown_sync(struct timer_list *timer);\n"
        "/* del_timer_sync() is only another name; do not use it. */\n"
        "static inline int del_timer_sync(struct timer_list *timer) { return timer_delete_sync(timer); }\n");
    put("new", "linux/timer.h",
        "int timer_delete_sync(struct timer_list *timer);\nint timer_shutdown_sync(struct timer_list *timer);\n");
    put("old", "drm/drm_atomic.h",
        "struct drm_atomic_state {\n  struct drm_device *dev;\n  bool allow_modeset;\n  int planes;\n};\n"
        "int drm_atomic_state_init(struct drm_device *dev, struct drm_atomic_state *state);\n"
        "int drm_atomic_check_only(struct drm_atomic_state *state);\n");
    put("new", "drm/drm_atomic.h",
        "struct drm_atomic_commit {\n  struct drm_device *dev;\n  bool allow_modeset;\n  int planes;\n};\n"
        "int drm_atomic_commit_init(struct drm_device *dev, struct drm_atomic_commit *state);\n"
        "int drm_atomic_check_only(struct drm_atomic_commit *state);\n");
    put("old", "linux/mm_types.h", "struct vma {\n  unsigned long vm_start;\n  vm_flags_t __vm_flags;\n};\n");
    put("new", "linux/mm_types.h", "struct vma {\n  unsigned long vm_start;\n  const vm_flags_t vm_flags;\n};\n");
    put("old", "linux/eventfd.h", "void eventfd_signal(struct eventfd_ctx *ctx, int n);\n#define VMA_LOCK_OFFSET 1\n");
    put("new", "linux/eventfd.h", "void eventfd_signal(struct eventfd_ctx *ctx);\n#define EVENTFD_MASK 1\n");
    put("old", "drm/drm_print.h", "#define DRM_ERROR(fmt, ...) printk(fmt)\n");
    put("new", "drm/drm_print.h", "\n#define DRM_ERROR(fmt, ...) printk(fmt)\n");
    put("old", "linux/mdev.h", "");
    put("new", "linux/mdev_core.h", "");
    put("new", "uapi/linux/ignored.h", "int del_timer_sync(int);\n");
  }

  void put(const std::string& kernel, const std::string& header, const std::string& text) {
    scratch_.write(kernel + "/" + header, text);
  }
  std::vector<kernel::KernelHeaders> kernels() const {
    return {{"6.12.1-old", {scratch_.path() / "old"}}, {"7.2.0-new", {scratch_.path() / "new"}}};
  }

  Scratch scratch_;
};

}  // namespace vgpukit::diagnostics
