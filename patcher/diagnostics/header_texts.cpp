#include "diagnostics/header_texts.hpp"

#include <algorithm>
#include <array>

#include "support/atomic_file.hpp"

namespace vgpukit::diagnostics {
namespace {

// A set of words that rejects most other words by their first letter and length.
class WordSet {
 public:
  void add(std::string_view word) {
    words_.insert(word);
    lengths_[slot(word)] = true;
  }
  [[nodiscard]] bool has(std::string_view word) const { return lengths_[slot(word)] && words_.contains(word); }

 private:
  static std::size_t slot(std::string_view word) {
    return (static_cast<unsigned char>(word.front()) & 0x7fU) * 64 + std::min<std::size_t>(word.size(), 63);
  }
  std::array<bool, std::size_t{128} * 64> lengths_{};
  std::set<std::string_view> words_;
};

// Whether the name is that of a definition: "struct x {", "} x;", "typedef int x;". Far more headers only use it.
bool defines_type(std::string_view text, std::size_t begin, std::size_t end) {
  const auto next = text.find_first_not_of(" \t\r\n", end);
  if (next == std::string_view::npos) return false;
  if (text[next] == '{') return true;
  const auto line = text.rfind('\n', begin) + 1;  // npos + 1 is 0
  const std::string_view before = text.substr(line, begin - line);
  if (text[next] == ';' || text[next] == ')') return contains(before, "typedef") || contains(before, "}");
  return false;
}

}  // namespace

void HeaderTexts::read() const {
  if (is_read_) return;
  is_read_ = true;
  for (const auto& [name, text] : headers_.texts) {
    by_name_.emplace(name, files_.size());
    files_.push_back({name, text});
  }
  for (const auto& folder : headers_.folders) {
    std::error_code bad;
    for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, bad), end;
         !bad && at != end; at.increment(bad)) {
      const std::string leaf = at->path().filename().string();
      // uapi is another folder of the list; the driver uses no device tree constants.
      if (at.depth() == 0 && (leaf == "uapi" || leaf == "dt-bindings" || leaf == "generated"))
        at.disable_recursion_pending();
      if (!leaf.ends_with(".h")) continue;
      std::string name = at->path().string().substr(folder.string().size() + 1);
      if (by_name_.contains(name)) continue;
      auto text = read_file(at->path());
      if (!text) continue;
      by_name_.emplace(name, files_.size());
      files_.push_back({std::move(name), std::move(*text)});
    }
  }
}

const std::vector<HeaderTexts::File>& HeaderTexts::files() const {
  read();
  return files_;
}

void HeaderTexts::forget() {
  declarations_.clear();
  by_name_.clear();
  files_.clear();
  files_.shrink_to_fit();
  is_read_ = false;
}

const HeaderTexts::File* HeaderTexts::file(std::string_view name) const {
  read();
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : &files_[at->second];
}

const std::vector<Declaration>& HeaderTexts::declarations(const File& file) {
  const auto [entry, is_new] = declarations_.try_emplace(&file);
  if (is_new) entry->second = declarations_in(file.text);
  return entry->second;
}

std::map<std::string, std::vector<HeaderTexts::Found>, std::less<>> HeaderTexts::find(
    const std::set<std::string, std::less<>>& names, const std::set<std::string, std::less<>>& types) {
  std::map<std::string, std::vector<Found>, std::less<>> found;
  WordSet wanted;
  for (const auto& name : names) wanted.add(name);
  for (const auto& name : types) wanted.add(name);
  // A few words are found faster one by one.
  constexpr std::size_t few = 16;
  const bool one_by_one = names.size() + types.size() <= few;
  for (const File& file : files()) {
    std::set<std::string_view> here;
    const auto add = [&](std::string_view word, std::size_t offset) {
      if (names.contains(word) || defines_type(file.text, offset, offset + word.size())) here.insert(word);
    };
    if (one_by_one) {
      for (const auto* some : {&names, &types})
        for (const auto& word : *some)
          for (auto at = find_word(file.text, word); at != std::string::npos && !here.contains(word);
               at = find_word(file.text, word, at + 1))
            add(word, at);
    } else {
      for_each_word(file.text, [&](std::string_view word, std::size_t offset) {
        if (wanted.has(word) && !here.contains(word)) add(word, offset);
      });
    }
    if (here.empty()) continue;
    for (const Declaration& one : declarations(file))
      if (here.contains(one.name)) found[one.name].push_back({&file, &one});
  }
  return found;
}

}  // namespace vgpukit::diagnostics
