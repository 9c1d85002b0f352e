#include "build/header_prefixes.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "build/preprocessor_lines.hpp"
#include "support/text.hpp"

namespace vgpukit::build {
namespace {

namespace fs = std::filesystem;

// A precompiled header costs about four times what reading its files costs (gcc 12, nv-linux.h: 1.7 s to compile and
// 0.3 s to load, for 0.5 s of reading).
constexpr std::size_t cost = 4;
// A prefix with fewer headers of the kernel saves too little time.
constexpr std::size_t min_kernel_headers = 12;

// A point in a file up to which it may be the same as other files.
struct State {
  std::string text;
  std::size_t weight = 0;  // headers of the kernel that the text includes, directly or not
  std::size_t depth = 0;   // headers of any kind that are included as a whole
  std::vector<HeaderPrefix::Move> moves;
  std::vector<std::string> macros;
};

// All headers that a file of the driver includes, directly or not.
struct Closure {
  std::set<std::string> files, kernel;     // of the driver, of the kernel
  std::set<std::string> beside, searched;  // found in the folder of the including file; found with -I
};

class Reader {
 public:
  Reader(std::string folder, const HeaderLookup& lookup) : folder_(std::move(folder)), lookup_(lookup) {}

  // Whether a header of the module's folder is found in both ways. gcc then lists it twice among the dependencies, and
  // does not tell which entry is that of the precompiled text.
  bool lists_twice(const std::string& source) {
    const auto& all = closure(source);
    return std::any_of(all.beside.begin(), all.beside.end(), [&](const std::string& path) {
      return fs::path(path).parent_path() == folder_ && all.searched.contains(path);
    });
  }

  // From the shortest to the longest.
  std::vector<State> states_of(const std::string& source) {
    states_.clear();
    items_.clear();
    done_.clear();
    brings_.clear();
    open_ = {{source, false, 0}};
    const auto text = lookup_.read(source);
    if (!text) return {};
    each_logical_line(*text, [&](std::string_view line) {
      const auto read = read_line(line);
      if (read.kind == Line::Kind::include) return include(read, source) && !open_.front().ended;
      if (read.kind != Line::Kind::define || !read.plain) return false;
      // The file itself repeats the same definition after the prefix.
      items_.push_back({"#define " + read.name + "\n", "", read.name, nullptr});
      return true;
    });
    return std::move(states_);
  }

 private:
  struct Open {
    std::string path;
    bool ended;         // the common prefix has ended in this file
    std::size_t first;  // the index of its first item in items_
  };
  struct Item {
    std::string text;
    std::string path;   // of a header of the driver
    std::string macro;  // the macro that it defines
    const Closure* closure;
  };

  [[nodiscard]] bool is_prefix_open() const {
    return std::none_of(open_.begin(), open_.end(), [](const Open& one) { return one.ended; });
  }

  const Header* header(const std::string& path) {
    if (const auto known = headers_.find(path); known != headers_.end())
      return known->second ? &*known->second : nullptr;
    const auto text = lookup_.read(path);
    auto& made = headers_[path];
    if (text) made = read_header(*text);
    return made ? &*made : nullptr;
  }

  // The files of the driver that the name in an #include may mean. The folder of a C file comes first; NVIDIA's Kbuild
  // has -I for common/inc and for the tree.
  std::vector<std::string> places_of(const Line& line, const fs::path& beside) {
    std::vector<std::string> places;
    for (const auto& folder : {beside, fs::path(folder_), fs::path("common/inc"), fs::path()}) {
      auto path = (folder / line.name).lexically_normal().string();
      if (!path.starts_with("..") && std::find(places.begin(), places.end(), path) == places.end() && header(path))
        places.push_back(std::move(path));
    }
    return places;
  }

  void done(const std::string& name, const Line& line, const Closure* closure) {
    done_.insert(name);
    items_.push_back({line.quoted ? "#include \"" + line.name + "\"\n" : "#include <" + line.name + ">\n",
                      closure ? name : "", "", closure});
    State state;
    for (const auto& item : items_) {
      if (item.macro.empty() || is_mentioned(item.macro))
        state.text += item.text;
      else
        state.macros.push_back(item.macro);
    }
    state.weight = brings_.size();
    state.depth = done_.size();
    state.moves = moves();
    states_.push_back(std::move(state));
  }

  // Whether a header of the driver that belongs to the prefix mentions the macro.
  [[nodiscard]] bool is_mentioned(const std::string& macro) {
    const auto mentions = [&](const std::string& path) {
      const auto [known, fresh] = mentions_.try_emplace({macro, path}, false);
      if (!fresh) return known->second;
      const auto text = lookup_.read(path);
      return known->second = !text || find_word(*text, macro) != std::string_view::npos;
    };
    return std::any_of(items_.begin(), items_.end(), [&](const Item& item) {
      return item.closure && std::any_of(item.closure->files.begin(), item.closure->files.end(), mentions);
    });
  }

  // The prefix contains only the beginning of headers that are still open. With the prefix the compiler reads these
  // headers after their beginning; without it, before.
  [[nodiscard]] std::vector<HeaderPrefix::Move> moves() const {
    const auto met_before = [&](std::size_t end, const std::string& path) {
      return std::any_of(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(end),
                         [&](const Item& item) { return item.closure && item.closure->files.contains(path); });
    };
    std::vector<HeaderPrefix::Move> moves;
    for (const auto& one : open_) {
      if (&one == &open_.front() || met_before(one.first, one.path)) continue;
      for (std::size_t i = one.first; i < items_.size(); ++i) {
        if (items_[i].path.empty() || met_before(one.first, items_[i].path)) continue;
        moves.push_back({one.path, items_[i].path});
        break;
      }
    }
    return moves;
  }

  // Follows an #include. Returns whether the prefix may go on after it.
  bool include(const Line& line, const std::string& from) {
    const auto places = places_of(line, fs::path(from).parent_path());
    if (places.size() > 1) return false;
    if (places.empty()) {
      if (done_.contains("<" + line.name)) return true;
      if (!lookup_.kernel_header_may_repeat(line.name)) return false;
      brings_.insert(line.name);
      done("<" + line.name, line, nullptr);
      return true;
    }
    const auto& path = places.front();
    if (done_.contains(path)) return true;
    if (!header(path)->may_be_included_twice || places_of(line, folder_).empty()) return false;
    const auto& all = closure(path);
    // A header that includes an open header, as part of its beginning, has the same text in every file only together
    // with the open header.
    if (const auto again =
            std::find_if(open_.begin(), open_.end(), [&](const Open& one) { return all.files.contains(one.path); });
        again != open_.end()) {
      std::for_each(again, open_.end(), [](Open& one) { one.ended = true; });
      return true;
    }
    open_.push_back({path, false, items_.size()});
    for (const auto& each : header(path)->lines) {
      if (each.kind != Line::Kind::include || !include(each, path)) open_.back().ended = true;
      if (!is_prefix_open()) break;
    }
    const auto first = open_.back().first;
    open_.pop_back();
    if (!is_prefix_open()) return true;
    items_.resize(first);  // the header includes them
    brings_.insert(all.kernel.begin(), all.kernel.end());
    done(path, line, &all);
    return true;
  }

  const Closure& closure(const std::string& path) {
    if (const auto known = closures_.find(path); known != closures_.end()) return known->second;
    Closure made;
    std::vector<std::string> open = {path};
    while (!open.empty()) {
      const auto at = std::move(open.back());
      open.pop_back();
      const auto* found = header(at);
      if (!found || !made.files.insert(at).second) continue;
      const auto folder = fs::path(at).parent_path();
      for (const auto& line : found->lines) {
        if (line.kind != Line::Kind::include) continue;
        const auto places = places_of(line, folder);
        open.insert(open.end(), places.begin(), places.end());
        for (const auto& place : places)
          (line.quoted && fs::path(place).parent_path() == folder ? made.beside : made.searched).insert(place);
        if (places.empty()) made.kernel.insert(line.name);
      }
    }
    return closures_[path] = std::move(made);
  }

  std::string folder_;
  const HeaderLookup& lookup_;
  std::map<std::string, std::optional<Header>> headers_;
  std::map<std::string, Closure> closures_;
  std::map<std::pair<std::string, std::string>, bool> mentions_;  // a macro, a header
  // Of the current file:
  std::vector<State> states_;
  std::vector<Item> items_;       // whole headers and macros; no item contains another one
  std::set<std::string> done_;    // headers that were included as a whole
  std::set<std::string> brings_;  // headers of the kernel
  std::vector<Open> open_;        // the file, then the headers that contain each other
};

}  // namespace

std::vector<HeaderPrefix> header_prefixes(const std::vector<std::string>& sources, const HeaderLookup& lookup) {
  if (sources.empty()) return {};
  struct Candidate {
    std::size_t weight = 0;
    std::size_t depth = 0;
    std::map<std::size_t, HeaderPrefix::File> files;
  };
  std::map<std::string, Candidate> candidates;
  Reader reader(fs::path(sources.front()).parent_path().string(), lookup);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (reader.lists_twice(sources[i])) continue;
    for (auto& state : reader.states_of(sources[i])) {
      if (state.weight < min_kernel_headers) continue;
      auto& candidate = candidates[state.text];
      candidate.weight = state.weight;
      candidate.depth = state.depth;
      candidate.files.try_emplace(i, HeaderPrefix::File{sources[i], std::move(state.moves), std::move(state.macros)});
    }
  }

  // Chooses the prefix with the largest gain, then the one with the largest remaining gain, and so on.
  std::vector<std::size_t> spared(sources.size(), 0);
  std::vector<const std::string*> chosen(sources.size(), nullptr);
  for (;;) {
    const std::pair<const std::string, Candidate>* best = nullptr;
    std::size_t most = 0;
    for (const auto& one : candidates) {
      std::size_t gain = 0;
      for (const auto& [i, file] : one.second.files) gain += one.second.weight - std::min(one.second.weight, spared[i]);
      if (gain <= cost * one.second.weight) continue;
      gain -= cost * one.second.weight;
      // Of two prefixes with the same headers of the kernel, the one with more headers of the driver is better.
      if (gain < most || (gain == most && best && one.second.depth < best->second.depth)) continue;
      most = gain;
      best = &one;
    }
    if (!best) break;
    for (const auto& [i, file] : best->second.files) {
      if (best->second.weight <= spared[i]) continue;
      spared[i] = best->second.weight;
      chosen[i] = &best->first;
    }
  }

  std::vector<HeaderPrefix> prefixes;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!chosen[i]) continue;
    auto found =
        std::find_if(prefixes.begin(), prefixes.end(), [&](const HeaderPrefix& one) { return one.text == *chosen[i]; });
    if (found == prefixes.end()) found = prefixes.insert(prefixes.end(), {*chosen[i], {}});
    found->files.push_back(candidates[*chosen[i]].files[i]);
  }
  return prefixes;
}

}  // namespace vgpukit::build
