// All headers of one kernel in memory, to find many names in one pass. They are read when they are first needed.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "diagnostics/declarations.hpp"
#include "kernel/kernel_headers.hpp"
#include "support/text.hpp"

namespace vgpukit::diagnostics {

class HeaderTexts {
 public:
  // Headers that cannot be read are ignored.
  explicit HeaderTexts(kernel::KernelHeaders headers) : headers_(std::move(headers)) {}

  struct File {
    std::string name;  // as an #include names it: "linux/mm.h"
    std::string text;
  };
  struct Found {
    const File* file = nullptr;
    const Declaration* declaration = nullptr;
  };

  [[nodiscard]] const std::string& release() const { return headers_.release; }
  [[nodiscard]] const File* file(std::string_view name) const;
  [[nodiscard]] const std::vector<File>& files() const;

  // All declarations of these names. `types`: only in headers that define a structure or type of that name.
  std::map<std::string, std::vector<Found>, std::less<>> find(const std::set<std::string, std::less<>>& names,
                                                              const std::set<std::string, std::less<>>& types);
  // The declarations of one header, parsed at the first call.
  const std::vector<Declaration>& declarations(const File& file);
  // Frees the memory; what was returned before is no longer valid. The headers are read again when they are needed.
  void forget();

 private:
  void read() const;
  kernel::KernelHeaders headers_;
  mutable bool is_read_ = false;
  mutable std::vector<File> files_;
  mutable std::map<std::string, std::size_t, std::less<>> by_name_;
  std::unordered_map<const File*, std::vector<Declaration>> declarations_;
};

}  // namespace vgpukit::diagnostics
