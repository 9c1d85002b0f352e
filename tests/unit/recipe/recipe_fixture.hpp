// A recipe that needs no compiler: it renames a call that the fake kernel does not export.
#pragma once

#include <string>

namespace vgpukit::test {

inline std::string recipe_text(const std::string& id, const std::string& notice = {}) {
  return "id: " + id +
         "\n"
         "summary: old_call() is gone; new_call() does the same\n"
         "upstream: [{release: \"6.99\", subject: remove old_call}]\n"
         "when:\n"
         "  kernel: {lacks: {symbol: old_call}}\n"
         "  driver: {contains: {token: old_call, files: \"**/*.c\"}}\n"
         "transforms:\n"
         "  - rename-token: {files: \"**/*.c\", from: old_call, to: new_call}\n"
         "ensures:\n"
         "  - absent: {token: old_call, files: \"**/*.c\"}\n"
         "explains: [\"implicit declaration of function 'old_call'\"]\n" +
         (notice.empty() ? "" : "notice: {name: " + notice + ", text: It has a cost.}\n");
}

}  // namespace vgpukit::test
