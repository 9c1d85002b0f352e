// Module.symvers: what a kernel (or a set of modules) exports. Written by modpost:
// "CRC<tab>symbol<tab>module<tab>export[<tab>namespace]".
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "support/result.hpp"

namespace vgpukit {

struct ExportedSymbol {
  std::uint32_t crc = 0;
  bool gpl_only = false;        // EXPORT_SYMBOL_GPL (and the older EXPORT_SYMBOL_GPL_FUTURE, EXPORT_UNUSED_SYMBOL_GPL)
  std::string_view module;      // "vmlinux" or a path without .ko
  std::string_view name_space;  // empty: none. "module:kvm" restricts to named modules (6.16)
  int line = 0;
};

class Symvers {
 public:
  // Error: missing when it does not exist; usage when a line does not have the form (with its line number).
  static Result<Symvers> load(const std::filesystem::path& file);
  static Result<Symvers> parse(std::string text, std::string name);  // `name` for messages
  [[nodiscard]] const ExportedSymbol* find(std::string_view symbol) const;
  [[nodiscard]] std::size_t size() const { return symbols_.size(); }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::shared_ptr<const std::string> text_;  // the views point into it
  std::string name_;
  std::unordered_map<std::string_view, ExportedSymbol> symbols_;
};

}  // namespace vgpukit
