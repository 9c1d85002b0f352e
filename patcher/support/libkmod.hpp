// Ownership of libkmod's objects. Header only: support/ itself does not link libkmod.
#pragma once

#include <libkmod.h>

#include <memory>

namespace vgpukit {

struct KmodUnref {
  void operator()(kmod_ctx* context) const { kmod_unref(context); }
  void operator()(kmod_module* module) const { kmod_module_unref(module); }
  void operator()(kmod_list* list) const { kmod_module_unref_list(list); }
};
using KmodContext = std::unique_ptr<kmod_ctx, KmodUnref>;
using KmodModule = std::unique_ptr<kmod_module, KmodUnref>;
using KmodList = std::unique_ptr<kmod_list, KmodUnref>;

}  // namespace vgpukit
