#include "module/elf_file.hpp"

#include <archive.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "support/atomic_file.hpp"
#include "support/limits.hpp"

namespace vgpukit::module {
namespace {

namespace fs = std::filesystem;

// A module with all its debug information has a few hundred MB.
constexpr std::size_t max_unpacked = limits::file_bytes;

// The kernel's own limit is 512 (KSYM_NAME_LEN). Names may overlap: thousands of long ones fit into a small file.
constexpr std::size_t longest_name = 4096;

Error not_a_module(const std::string& tried, const std::string& why) {
  return {ErrorKind::usage, tried, why,
          "name a module that was built for a kernel (a .ko, .ko.xz, .ko.zst or .ko.gz file)"};
}

Error cut_off(const std::string& tried, const std::string& what) {
  return {ErrorKind::usage, tried, "the file is cut off or damaged: " + what + " is not inside it",
          "build or copy the module again"};
}

bool is_compressed(std::string_view magic) {
  return magic.starts_with("\x1f\x8b") || magic.starts_with(std::string_view("\xfd\x37zXZ\0", 6)) ||
         magic.starts_with("\x28\xb5\x2f\xfd");
}

Result<std::shared_ptr<std::string>> unpack(const fs::path& path, const std::string& tried) {
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(), &archive_read_free);
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_xz(reader.get());
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  const auto damaged = [&] {
    const char* why = archive_error_string(reader.get());
    return not_a_module(tried, std::string("it cannot be unpacked: ") + (why != nullptr ? why : "unknown format"));
  };
  if (archive_read_open_filename(reader.get(), path.c_str(), 1 << 16) != ARCHIVE_OK) return damaged();
  if (archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) return damaged();
  auto bytes = std::make_shared<std::string>();
  std::string buffer(std::size_t{1} << 18, '\0');
  for (;;) {
    const la_ssize_t got = archive_read_data(reader.get(), buffer.data(), buffer.size());
    if (got < 0) return damaged();
    if (got == 0) return bytes;
    // What is no ELF file is not unpacked to its end: it may be made to fill the memory.
    if (bytes->empty() && !std::string_view(buffer).starts_with("\177ELF"))
      return not_a_module(tried, "what is compressed in it is not an ELF file");
    if (static_cast<std::size_t>(got) > max_unpacked - bytes->size())
      return not_a_module(tried, "it unpacks to more than " + std::to_string(max_unpacked >> 20) + " MiB");
    bytes->append(buffer, 0, static_cast<std::size_t>(got));
  }
}

}  // namespace

Result<ElfFile> ElfFile::open(const fs::path& path) {
  const std::string tried = "read the module " + path.string();
  std::error_code status;
  if (fs::is_directory(path, status)) return not_a_module(tried, "it is a folder");
  auto file = open_to_read(path);
  if (!file) return not_a_module(tried, file.error().why);

  ElfFile elf;
  elf.file_bytes_ = fs::file_size(path, status);
  std::string magic(6, '\0');
  const ssize_t got = ::pread(file->get(), magic.data(), magic.size(), 0);
  magic.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (magic.empty()) return not_a_module(tried, "the file is empty");

  elf_version(EV_CURRENT);
  if (is_compressed(magic)) {
    TRY_ASSIGN(elf.unpacked_, unpack(path, tried));
    elf.elf_.reset(elf_memory(elf.unpacked_->data(), elf.unpacked_->size()));
  } else {
    // Not mapped: if somebody truncated the file meanwhile, reading the map would end the process (SIGBUS).
    elf.elf_.reset(elf_begin(file->get(), ELF_C_READ, nullptr));
  }
  TRY(elf.read(tried));
  constexpr std::string_view mark = "~Module signature appended~\n";
  std::string last(mark.size(), '\0');
  if (elf.unpacked_)
    elf.is_signed_ = elf.unpacked_->ends_with(mark);
  else if (elf.file_bytes_ >= mark.size())
    elf.is_signed_ = ::pread(file->get(), last.data(), last.size(),
                             static_cast<off_t>(elf.file_bytes_ - mark.size())) == static_cast<ssize_t>(mark.size()) &&
                     last == mark;
  if (!elf.unpacked_) elf_cntl(elf.elf_.get(), ELF_C_FDDONE);  // every section is in memory
  return elf;
}

Status ElfFile::read(const std::string& tried) {
  if (!elf_ || elf_kind(elf_.get()) != ELF_K_ELF) return not_a_module(tried, "it is not an ELF file");
  GElf_Ehdr header{};
  if (gelf_getehdr(elf_.get(), &header) == nullptr) return cut_off(tried, "the ELF header");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return not_a_module(tried, "it is not a 64-bit little-endian ELF file");
  }
  if (header.e_type != ET_REL) return not_a_module(tried, "it is an ELF program or library, not a relocatable module");
  machine_ = header.e_machine;

  std::size_t count = 0;
  std::size_t names = 0;
  if (elf_getshdrnum(elf_.get(), &count) != 0 || elf_getshdrstrndx(elf_.get(), &names) != 0 || count == 0) {
    return cut_off(tried, "its section table");
  }
  std::size_t symbol_table = 0;
  std::uintmax_t total = 0;  // libelf copies each section: many that overlap would exhaust the memory
  const std::uintmax_t most = unpacked_ ? unpacked_->size() : file_bytes_;
  for (std::size_t i = 0; i < count; ++i) {
    ElfSection section;
    Elf_Scn* scn = elf_getscn(elf_.get(), i);
    if (scn == nullptr || gelf_getshdr(scn, &section.header) == nullptr)
      return cut_off(tried, "section " + std::to_string(i));
    const char* name = elf_strptr(elf_.get(), names, section.header.sh_name);
    if (i > 0 && name == nullptr) return cut_off(tried, "the name of section " + std::to_string(i));
    section.name = name != nullptr ? name : "";
    if (section.header.sh_type != SHT_NOBITS && section.header.sh_type != SHT_NULL && section.header.sh_size > 0) {
      total += std::min<std::uintmax_t>(section.header.sh_size, most);
      if (total > most) return cut_off(tried, "section " + std::string(section.name));
      // Raw: the bytes of the file. libelf returns null if they are not inside the file.
      const Elf_Data* data = elf_rawdata(scn, nullptr);
      if (data == nullptr || data->d_buf == nullptr || data->d_size < section.header.sh_size) {
        return cut_off(tried, "section " + std::string(section.name));
      }
      section.bytes = {static_cast<const char*>(data->d_buf), data->d_size};
    }
    if (section.header.sh_type == SHT_SYMTAB && symbol_table == 0) symbol_table = i;
    sections_.push_back(section);
  }
  if (symbol_table == 0) return not_a_module(tried, "it has no symbol table");
  return read_symbols(tried, symbol_table);
}

Status ElfFile::read_symbols(const std::string& tried, std::size_t index) {
  const ElfSection& table = sections_[index];
  if (table.header.sh_link >= sections_.size()) return cut_off(tried, "the names of its symbols");
  const std::size_t count = table.bytes.size() / sizeof(Elf64_Sym);
  symbols_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    ElfSymbol symbol;
    Elf64_Sym raw;
    std::memcpy(&raw, table.bytes.data() + i * sizeof raw, sizeof raw);
    symbol.symbol = raw;
    if (raw.st_name != 0) symbol.name = string_at(table.header.sh_link, raw.st_name);
    if (symbol.name.size() > longest_name)
      return not_a_module(tried, "symbol " + std::to_string(i) + " has a name of more than " +
                                     std::to_string(longest_name) + " characters");
    symbols_.push_back(symbol);
  }
  return {};
}

const ElfSection* ElfFile::section(std::string_view name) const {
  const auto found =
      std::find_if(sections_.begin(), sections_.end(), [&](const ElfSection& section) { return section.name == name; });
  return found == sections_.end() ? nullptr : &*found;
}

std::string_view ElfFile::string_at(std::size_t section_index, std::uint64_t offset) const {
  if (section_index >= sections_.size()) return {};
  const std::string_view bytes = sections_[section_index].bytes;
  if (offset >= bytes.size()) return {};
  const std::size_t end = bytes.find('\0', offset);
  return end == std::string_view::npos ? std::string_view{} : bytes.substr(offset, end - offset);
}

std::vector<ElfRelocation> ElfFile::relocations(std::size_t section_index) const {
  std::vector<ElfRelocation> found;
  for (const ElfSection& section : sections_) {
    if (section.header.sh_type != SHT_RELA || section.header.sh_info != section_index) continue;
    const std::size_t count = section.bytes.size() / sizeof(Elf64_Rela);
    for (std::size_t i = 0; i < count; ++i) {
      Elf64_Rela raw;
      std::memcpy(&raw, section.bytes.data() + i * sizeof raw, sizeof raw);
      const std::size_t symbol = ELF64_R_SYM(raw.r_info);
      if (symbol >= symbols_.size()) continue;
      found.push_back({raw.r_offset, static_cast<std::uint32_t>(ELF64_R_TYPE(raw.r_info)), symbol, raw.r_addend});
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const ElfRelocation& a, const ElfRelocation& b) { return a.offset < b.offset; });
  return found;
}

}  // namespace vgpukit::module
