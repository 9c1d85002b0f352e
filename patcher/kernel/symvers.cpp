#include "kernel/symvers.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "support/atomic_file.hpp"
#include "support/number.hpp"

namespace vgpukit::kernel {

namespace {

using Fields = std::array<std::string_view, 5>;

// Splits at tabs without an allocation. Gives the number of fields, 6 when there are more than five.
std::size_t split_fields(std::string_view line, Fields& fields) {
  std::size_t count = 0;
  for (std::size_t pos = 0; pos <= line.size(); ++count) {
    if (count == fields.size()) return fields.size() + 1;
    const auto tab = std::min(line.find('\t', pos), line.size());
    fields[count] = line.substr(pos, tab - pos);
    pos = tab + 1;
  }
  return count;
}

bool is_export(std::string_view text) {
  return text.starts_with("EXPORT_");
}

}  // namespace

Result<Symvers> Symvers::load(const std::filesystem::path& file) {
  auto text = read_file(file);
  if (!text) {
    Error error = text.error();
    error.kind = ErrorKind::missing;
    return error;
  }
  return parse(std::move(*text), file.string());
}

Result<Symvers> Symvers::parse(std::string text, std::string name) {
  Symvers symvers;
  symvers.name_ = std::move(name);
  symvers.text_ = std::make_shared<const std::string>(std::move(text));
  std::string_view rest = *symvers.text_;
  // No allocation for each line: there are some twenty thousand, and a plan looks up ten.
  const auto lines = static_cast<std::size_t>(std::count(rest.begin(), rest.end(), '\n')) + 1;
  symvers.symbols_.reserve(lines);
  symvers.slots_.resize(std::bit_ceil(2 * lines));

  for (int line_number = 1; !rest.empty(); ++line_number) {
    const auto newline = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, newline);
    rest.remove_prefix(std::min(newline + 1, rest.size()));
    if (line.empty()) continue;

    Fields fields;
    const auto count = split_fields(line, fields);
    ExportedSymbol symbol;
    symbol.line = line_number;
    const auto crc = number_after<std::uint32_t>("0x", fields[0], 16);
    symbol.crc = crc.value_or(0);
    const bool well_formed = count >= 4 && count <= fields.size() && !fields[1].empty() && crc;
    std::string_view how;
    if (well_formed && is_export(fields[3])) {
      symbol.module = fields[2];
      how = fields[3];
      if (count == 5) symbol.name_space = fields[4];
    } else if (well_formed && count == 5 && is_export(fields[4])) {
      // 5.4 and 5.5 have the namespace in the third field (moved by "modpost: dump missing namespaces ...", 5.6).
      symbol.name_space = fields[2];
      symbol.module = fields[3];
      how = fields[4];
    } else {
      return Error{ErrorKind::usage, "read the exported symbols in " + symvers.name_,
                   "a line does not have the form CRC, symbol, module, export, namespace with tabs between them",
                   "install the kernel's headers again", SourcePos{symvers.name_, line_number, 0}};
    }
    symbol.gpl_only = how.find("_GPL") != std::string_view::npos;
    auto& slot = symvers.slots_[symvers.slot_of(fields[1])];
    if (slot != 0) continue;
    symvers.symbols_.push_back({fields[1], symbol});
    slot = static_cast<std::uint32_t>(symvers.symbols_.size());
  }
  return symvers;
}

std::size_t Symvers::slot_of(std::string_view name) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = std::hash<std::string_view>{}(name)&mask;
  while (slots_[at] != 0 && symbols_[slots_[at] - 1].name != name) at = (at + 1) & mask;
  return at;
}

const ExportedSymbol* Symvers::find(std::string_view symbol) const {
  if (slots_.empty()) return nullptr;
  const auto number = slots_[slot_of(symbol)];
  return number == 0 ? nullptr : &symbols_[number - 1].symbol;
}

}  // namespace vgpukit::kernel
