#include "driver/manifest.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

constexpr int kHeadLines = 8;

struct Entry {
  std::string_view line;  // in the manifest's text, without its newline
  std::vector<std::string> words;
  [[nodiscard]] const std::string& file() const { return words[0]; }
  [[nodiscard]] const std::string& type() const { return words[2]; }
};

std::vector<Entry> entries_of(std::string_view text) {
  std::vector<Entry> entries;
  for_each_line(text, [&](std::string_view line, int number) {
    if (number <= kHeadLines) return;
    auto words = split_words(line);
    if (words.size() >= 3) entries.push_back({line, std::move(words)});
  });
  return entries;
}

bool is_source(const Entry& entry) {
  return entry.type() == "KERNEL_MODULE_SRC";
}

// The number of leading folders that two paths have in common.
std::size_t shared_folders(std::string_view a, std::string_view b) {
  std::size_t folders = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()) && a[i] == b[i]; ++i) folders += a[i] == '/';
  return folders;
}

}  // namespace

std::vector<std::string> Manifest::kernel_files() const {
  std::vector<std::string> files;
  for (const auto& entry : entries_of(text_))
    if (is_source(entry) || entry.type() == "DKMS_CONF") files.push_back(entry.file());
  return files;
}

bool Manifest::has(std::string_view file) const {
  const auto entries = entries_of(text_);
  return std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.file() == file; });
}

void Manifest::add_source(std::string_view file) {
  if (has(file)) return;
  std::string rest = " 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1";
  std::size_t at = text_.size();
  std::size_t best = 0;
  for (const auto& entry : entries_of(text_)) {
    const auto shared = shared_folders(entry.file(), file);
    if (!is_source(entry) || shared < std::max<std::size_t>(best, 1)) continue;
    best = shared;
    rest = entry.line.substr(entry.line.find(entry.file()) + entry.file().size());
    at = static_cast<std::size_t>(entry.line.data() - text_.data()) + entry.line.size();
  }
  if (at == text_.size() && !text_.empty() && !text_.ends_with('\n')) text_ += '\n', ++at;
  const bool at_line_end = at < text_.size();
  const std::string line = std::string(file) + rest;
  text_.insert(at, at_line_end || (at > 0 && text_[at - 1] != '\n') ? "\n" + line : line + "\n");
}

void Manifest::remove(std::string_view file) {
  auto entries = entries_of(text_);
  // From the last one on: the others stay where they are.
  std::reverse(entries.begin(), entries.end());
  for (const auto& entry : entries) {
    if (entry.file() != file) continue;
    const auto at = static_cast<std::size_t>(entry.line.data() - text_.data());
    text_.erase(at, entry.line.size() + (at + entry.line.size() < text_.size() ? 1 : 0));
  }
}

}  // namespace vgpukit::driver
