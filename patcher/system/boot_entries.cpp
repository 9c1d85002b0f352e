#include "system/boot_entries.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <fstream>

#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::system {

namespace {

std::string text_at(const HostPaths& host, const std::string& path) {
  const auto here = host.resolve(path);
  const auto text = here ? read_file(*here) : Result<std::string>(std::string());
  return text ? *text : std::string();
}

std::vector<std::string> names_in(const HostPaths& host, const std::string& folder, std::string_view suffix) {
  std::vector<std::string> names;
  if (const auto here = host.resolve(folder))
    for (const auto& path : entries_of(*here))
      if (path.filename().string().ends_with(suffix)) names.push_back(path.filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string first_that_exists(const HostPaths& host, std::initializer_list<const char*> names) {
  for (const auto* folder : boot_folders)
    for (const auto* name : names)
      if (auto path = std::string(folder) + name; host.resolve(path)) return path;
  return "";
}

std::string small(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// The first word of a line, and the rest without blanks at its ends.
std::pair<std::string_view, std::string_view> key_and_rest(std::string_view line) {
  line = trimmed(line);
  const auto end = std::min(line.find_first_of(" \t"), line.size());
  return {line.substr(0, end), trimmed(line.substr(end))};
}

// The text in the first pair of quotes, or all of it.
std::string unquoted(std::string_view text) {
  const auto quote = text.find_first_of("'\"");
  if (quote == std::string_view::npos) return std::string(text);
  const auto end = text.find(text[quote], quote + 1);
  return std::string(text.substr(quote + 1, end == std::string_view::npos ? end : end - quote - 1));
}

}  // namespace

bool BootEntry::is_normal() const {
  if (contains(options, recovery_parameter)) return false;
  const auto name = small(title + " " + fs::path(file).filename().string());
  if (contains(name, "snapshot") || contains(name, "rescue") || contains(name, "recovery mode")) return false;
  const auto words = words_of(options);
  return std::none_of(words.begin(), words.end(), [](std::string_view word) {
    return word == "single" || word == "recovery" || word == "systemd.unit=rescue.target";
  });
}

std::vector<BootEntry> loader_entries(const HostPaths& host) {
  std::vector<BootEntry> all;
  for (const std::string folder : boot_folders)
    for (const auto& name : names_in(host, folder + "/loader/entries", ".conf")) {
      BootEntry entry;
      entry.file = folder + "/loader/entries/" + name;
      each_line(text_at(host, entry.file), [&](std::string_view line) {
        const auto [key, rest] = key_and_rest(line);
        if (key == "title") entry.title = rest;
        if (key == "linux" || key == "efi" || key == "uki") entry.kernel = rest;
        if (key == "options") append(entry.options, rest, " ");
        if (key == "initrd")
          for (const auto file : words_of(rest)) entry.initrds.emplace_back(file);
      });
      // RHEL 8 and Fedora up to 32 keep the parameters in GRUB's environment.
      if (const auto at = entry.options.find("$kernelopts"); at != std::string::npos)
        each_line(text_at(host, "/boot/grub2/grubenv"), [&](std::string_view line) {
          if (line.starts_with("kernelopts=")) entry.options.replace(at, 11, trimmed(line.substr(11)));
        });
      all.push_back(std::move(entry));
    }
  return all;
}

std::vector<BootEntry> unified_images(const HostPaths& host) {
  std::vector<BootEntry> all;
  for (const std::string folder : boot_folders)
    for (const auto& name : names_in(host, folder + "/EFI/Linux", ".efi")) {
      BootEntry entry;
      entry.file = entry.kernel = folder + "/EFI/Linux/" + name;
      const auto text = pe_section(*host.resolve(entry.file), ".cmdline");
      if (text)
        entry.options = trimmed(std::string_view(*text).substr(0, text->find('\0')));
      else
        entry.problem = text.error().why;
      all.push_back(std::move(entry));
    }
  return all;
}

std::vector<BootEntry> grub_entries(const HostPaths& host) {
  std::vector<BootEntry> all;
  const auto file = grub_menu_file(host);
  std::string title;
  bool open = false;  // the last `linux` line may be followed by its initrd
  each_line(text_at(host, file), [&](std::string_view line) {
    const auto [key, rest] = key_and_rest(line);
    if (key == "menuentry") title = unquoted(rest), open = false;
    if (key == "linux" || key == "linux16" || key == "linuxefi") {
      BootEntry entry;
      const auto [kernel, options] = key_and_rest(rest);
      entry.file = file;
      entry.title = title;
      entry.kernel = kernel;
      entry.options = options;
      all.push_back(std::move(entry));
      open = true;
    } else if (open && (key == "initrd" || key == "initrd16" || key == "initrdefi")) {
      for (const auto image : words_of(rest)) all.back().initrds.emplace_back(image);
    }
  });
  return all;
}

std::pair<std::string, std::string> limine_line(std::string_view line) {
  line = trimmed(line);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || line.starts_with('#') || line.starts_with('/')) return {};
  const auto key = small(trimmed(line.substr(0, colon)));
  if (key.empty() || contains(key, " ")) return {};
  return {key, std::string(trimmed(line.substr(colon + 1)))};
}

std::vector<BootEntry> limine_entries(const HostPaths& host) {
  std::vector<BootEntry> all;
  const auto file = limine_file(host);
  std::vector<std::string> titles;  // of the entry and those above it
  BootEntry entry;
  bool linux_protocol = false;
  const auto close = [&] {
    entry.file = file;
    if (linux_protocol && !entry.kernel.empty()) all.push_back(entry);
    entry = {};
    linux_protocol = false;
  };
  each_line(text_at(host, file), [&](std::string_view line) {
    const auto plain = trimmed(line);
    if (plain.starts_with('/')) {
      close();
      const auto depth = std::min(plain.find_first_not_of('/'), plain.size());
      titles.resize(depth);
      titles[depth - 1] = trimmed(plain.substr(depth));
      entry.title = join(titles, " > ");
      return;
    }
    const auto [key, value] = limine_line(line);
    if (key == "protocol") linux_protocol = small(value) == "linux";
    if (key == "path" || key == "kernel_path") entry.kernel = value;
    if (key == "cmdline" || key == "kernel_cmdline") entry.options = value;
    if (key == "module_path") entry.initrds.push_back(value);
  });
  close();
  return all;
}

std::vector<QuotedText> quoted_texts(std::string_view line) {
  std::vector<QuotedText> all;
  for (auto at = line.find('"'); at != std::string_view::npos;) {
    // A quote inside is doubled: "".
    auto end = line.find('"', at + 1);
    while (end != std::string_view::npos && end + 1 < line.size() && line[end + 1] == '"')
      end = line.find('"', end + 2);
    if (end == std::string_view::npos) break;
    all.push_back({at + 1, end});
    at = line.find('"', end + 1);
  }
  return all;
}

std::vector<BootEntry> refind_entries(const HostPaths& host) {
  std::vector<BootEntry> all;
  for (const std::string folder : boot_folders) {
    const auto file = folder + "/refind_linux.conf";
    each_line(text_at(host, file), [&](std::string_view line) {
      const auto texts = quoted_texts(line);
      if (is_comment(line) || texts.size() < 2) return;
      BootEntry entry;
      entry.file = file;
      entry.title = line.substr(texts[0].begin, texts[0].end - texts[0].begin);
      entry.options = line.substr(texts[1].begin, texts[1].end - texts[1].begin);
      all.push_back(std::move(entry));
    });
  }
  for (const std::string folder : boot_folders) {
    const auto file = folder + "/EFI/refind/refind.conf";
    BootEntry entry;
    each_line(text_at(host, file), [&](std::string_view line) {
      const auto [key, rest] = key_and_rest(line);
      if (key == "menuentry") entry = {}, entry.title = unquoted(rest);
      if (key == "loader") entry.kernel = rest;
      if (key == "initrd") entry.initrds.emplace_back(rest);
      if (key != "options") return;
      entry.file = file;
      entry.options = unquoted(rest);
      if (!entry.kernel.empty()) all.push_back(entry);
    });
  }
  return all;
}

std::string limine_file(const HostPaths& host) {
  return first_that_exists(host,
                           {"/limine.conf", "/limine/limine.conf", "/EFI/limine/limine.conf", "/EFI/BOOT/limine.conf"});
}

std::string refind_file(const HostPaths& host) {
  auto file = first_that_exists(host, {"/refind_linux.conf"});
  if (!file.empty()) return file;
  const auto entries = refind_entries(host);
  return entries.empty() ? "" : entries.front().file;
}

std::string grub_menu_file(const HostPaths& host) {
  for (const auto* file : {"/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"})
    if (host.resolve(file)) return file;
  return "";
}

bool same_parameters(std::string_view options, std::string_view cmdline) {
  const auto words = [](std::string_view text) {
    auto all = words_of(text);
    std::erase_if(all,
                  [](std::string_view word) { return word.starts_with("BOOT_IMAGE=") || word.starts_with("initrd="); });
    return all;
  };
  const auto ours = words(options);
  return !ours.empty() && ours == words(cmdline);
}

std::string boot_file(const HostPaths& host, std::string path) {
  std::replace(path.begin(), path.end(), '\\', '/');
  if (const auto colon = path.find("):"); colon != std::string::npos) path.erase(0, colon + 2);
  if (path.starts_with("($root)")) path.erase(0, 7);
  path.erase(std::min(path.find('#'), path.size()));  // Limine: the checksum of the file
  if (!path.starts_with('/')) path.insert(0, "/");
  for (const std::string folder : {"/boot", "/efi", "/boot/efi", ""})
    if (const auto here = host.resolve(folder + path); here && fs::is_regular_file(*here))
      return host.inside(*here).string();
  // On btrfs GRUB's path begins with the subvolume: "/@/boot/vmlinuz-linux".
  if (const auto boot = path.find("/boot/"); boot != std::string::npos && boot > 0)
    return boot_file(host, path.substr(boot));
  return "";
}

Result<std::string> pe_section(const fs::path& file, std::string_view name) {
  const auto bad = [&](const std::string& why) {
    return Error{ErrorKind::usage, "read the unified image " + file.string(), why, ""};
  };
  std::ifstream in(file, std::ios::binary);
  const auto at = [&](std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    in.clear();
    in.seekg(static_cast<std::streamoff>(offset));
    in.read(bytes.data(), static_cast<std::streamsize>(size));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    return bytes;
  };
  const auto number = [](std::string_view bytes, std::size_t from, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[from + i]);
    return value;
  };
  if (!in) return bad("it cannot be opened");
  const auto dos = at(0, 64);
  if (dos.size() < 64 || !dos.starts_with("MZ")) return bad("its PE header is broken: it does not begin with MZ");
  const auto header = number(dos, 60, 4);
  const auto coff = at(header, 24);
  if (coff.size() < 24 || !coff.starts_with(std::string_view("PE\0\0", 4)))
    return bad("its PE header is broken: there is no PE signature at " + std::to_string(header));
  const auto sections = number(coff, 6, 2);
  const auto table = header + 24 + number(coff, 20, 2);
  for (std::uint64_t i = 0; i < sections; ++i) {
    const auto section = at(table + i * 40, 40);
    if (section.size() < 40) return bad("its PE header is broken: its table of sections is cut off");
    if (std::string_view(section).substr(0, std::min<std::size_t>(section.find('\0'), 8)) != name) continue;
    const auto virtual_size = number(section, 8, 4), raw_size = number(section, 16, 4);
    const auto size = std::min(virtual_size == 0 ? raw_size : virtual_size, raw_size);
    if (size > 16U << 20U) return bad("its section " + std::string(name) + " has " + std::to_string(size) + " bytes");
    auto bytes = at(number(section, 20, 4), size);
    if (bytes.size() < size) return bad("its PE header is broken: its section " + std::string(name) + " is cut off");
    return bytes;
  }
  return bad("it has no section " + std::string(name));
}

}  // namespace vgpukit::system
