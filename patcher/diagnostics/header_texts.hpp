// All headers of one kernel in memory, to find many names in one pass.
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
  explicit HeaderTexts(const kernel::KernelHeaders& headers);

  struct File {
    std::string name;  // as an #include names it: "linux/mm.h"
    std::string text;
  };
  struct Found {
    const File* file = nullptr;
    const Declaration* declaration = nullptr;
  };

  [[nodiscard]] const std::string& release() const { return release_; }
  [[nodiscard]] const File* file(std::string_view name) const;
  [[nodiscard]] const std::vector<File>& files() const { return files_; }

  // All declarations of these names. `types`: only in headers that define a structure or type of that name.
  std::map<std::string, std::vector<Found>, std::less<>> find(const std::set<std::string, std::less<>>& names,
                                                              const std::set<std::string, std::less<>>& types);
  // The declarations of one header, parsed at the first call.
  const std::vector<Declaration>& declarations(const File& file);

 private:
  std::string release_;
  std::vector<File> files_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::unordered_map<const File*, std::vector<Declaration>> declarations_;
};

}  // namespace vgpukit::diagnostics
