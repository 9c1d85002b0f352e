// Module.symvers: the exported symbols of a kernel or of modules. modpost writes it:
// "CRC<tab>symbol<tab>module<tab>export[<tab>namespace]".
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::kernel {

struct ExportedSymbol {
  std::uint32_t crc = 0;
  bool gpl_only = false;        // EXPORT_SYMBOL_GPL (and the older EXPORT_SYMBOL_GPL_FUTURE, EXPORT_UNUSED_SYMBOL_GPL)
  std::string_view module;      // "vmlinux" or a path without .ko
  std::string_view name_space;  // empty: none. "module:kvm" restricts to named modules (6.16)
  int line = 0;
};

class Symvers {
 public:
  // Error: missing when it does not exist; usage, with the line number, when a line has another form.
  static Result<Symvers> load(const std::filesystem::path& file);
  static Result<Symvers> parse(std::string text, std::string name);  // `name` for messages
  [[nodiscard]] const ExportedSymbol* find(std::string_view symbol) const;
  [[nodiscard]] std::size_t size() const { return symbols_.size(); }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::shared_ptr<const std::string> text_;  // the views point into it
  std::string name_;
  struct Entry {
    std::string_view name;
    ExportedSymbol symbol;
  };
  // The index in slots_ that has the name, or the free one for it.
  [[nodiscard]] std::size_t slot_of(std::string_view name) const;
  std::vector<Entry> symbols_;
  // An open hash table: 1 + the index in symbols_, or 0 (free). Its size is a power of 2, at least half is free.
  std::vector<std::uint32_t> slots_;
};

}  // namespace vgpukit::kernel
