#include "build/header_prefixes.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "support/text.hpp"

namespace vgpukit::build {
namespace {

namespace fs = std::filesystem;

// A precompiled header costs about four times what reading its files costs (gcc 12, nv-linux.h: 1.7 s, and 0.3 s to
// look at it, for 0.5 s).
constexpr std::size_t cost = 4;
// Below this many headers of the kernel there is too little to be spared.
constexpr std::size_t worthwhile = 12;

// --- the text of a file, line by line
// -------------------------------------------------------------------------------------------

constexpr std::string_view blanks = " \t\r\f\v";

std::string_view trimmed(std::string_view line) {
  const auto begin = std::min(line.find_first_not_of(blanks), line.size());
  return line.substr(begin, line.find_last_not_of(blanks) + 1 - begin);
}

// The logical lines of a text, without comments; empty ones are left out. `use` says whether to go on. (The transforms'
// lexer would take every file apart to its end, where the first lines of most are all that is wanted.)
template <class Use>
void each_logical_line(std::string_view text, Use use) {
  std::string line;
  const auto flush = [&] {
    const auto kept = trimmed(line);
    const bool go_on = kept.empty() || use(kept);
    line.clear();
    return go_on;
  };
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (c == '\\' && (next == '\n' || (next == '\r' && text.substr(i + 2).starts_with('\n')))) {
      i = text.find('\n', i) + 1;
    } else if (c == '/' && next == '*') {
      const auto end = text.find("*/", i + 2);
      if (end == std::string_view::npos) return;
      i = end + 2;
      line += ' ';
    } else if (c == '/' && next == '/') {
      while (i < text.size() && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;  // a backslash at its end continues it
    } else if (c == '"' || c == '\'') {
      const auto start = i++;
      while (i < text.size() && text[i] != c && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
      i = std::min(i + (i < text.size() && text[i] == c ? 1 : 0), text.size());
      line += text.substr(start, i - start);
    } else if (c == '\n') {
      ++i;
      if (!flush()) return;
    } else {
      line += c;
      ++i;
    }
  }
  flush();
}

struct Line {
  enum class Kind { include, define, condition, other_directive, text } kind = Kind::text;
  std::string name;     // of an #include without its brackets, of a macro that is defined
  bool quoted = false;  // #include "name"
  bool plain = false;   // #define NAME, and nothing more
  std::string text;     // without the blanks around '#'
};

std::string_view word_of(std::string_view text) {
  const auto end =
      std::find_if(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) == 0 && c != '_'; });
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

Line read_line(std::string_view text) {
  Line line;
  line.text = text;
  if (!text.starts_with('#')) return line;
  const auto directive = trimmed(text.substr(1));
  line.text = "#" + std::string(directive);
  line.kind = Line::Kind::other_directive;
  const auto word = word_of(directive);
  const auto rest = trimmed(directive.substr(word.size()));
  if (word == "include" && !rest.empty()) {
    const auto close = rest.find(rest[0] == '<' ? '>' : '"', 1);
    if ((rest[0] != '<' && rest[0] != '"') || close == std::string_view::npos) return line;
    line.kind = Line::Kind::include;
    line.quoted = rest[0] == '"';
    line.name = rest.substr(1, close - 1);
  } else if (word == "define") {
    line.kind = Line::Kind::define;
    line.name = word_of(rest);
    line.plain = !line.name.empty() && line.name == rest;
  } else if (word == "if" || word == "ifdef" || word == "ifndef" || word == "elif" || word == "else" ||
             word == "endif") {
    line.kind = Line::Kind::condition;
  }
  return line;
}

// "#ifndef X", "#if !defined(X)" -> X
std::string_view asked_to_be_undefined(const std::string& condition) {
  std::string_view rest = condition;
  if (rest.starts_with("#ifndef")) return trimmed(rest.substr(7));
  if (!rest.starts_with("#if")) return {};
  rest = trimmed(rest.substr(3));
  if (!rest.starts_with('!')) return {};
  rest = trimmed(rest.substr(1));
  if (!rest.starts_with("defined")) return {};
  rest = trimmed(rest.substr(7));
  const auto name = rest.starts_with('(') ? word_of(trimmed(rest.substr(1))) : word_of(rest);
  const auto after = trimmed(rest.substr(static_cast<std::size_t>(name.data() + name.size() - rest.data())));
  return after.empty() || after == ")" ? name : std::string_view();
}

struct Header {
  std::vector<Line> lines;  // of those that are text only the first of each run is kept
  bool repeats = false;     // and then `lines` is what the guard encloses
};

Header read_header(std::string_view text) {
  Header header;
  each_logical_line(text, [&](std::string_view line) {
    auto read = read_line(line);
    if (read.kind != Line::Kind::text || header.lines.empty() || header.lines.back().kind != Line::Kind::text)
      header.lines.push_back(std::move(read));
    return true;
  });
  auto& lines = header.lines;
  if (!lines.empty() && lines[0].text == "#pragma once") {
    lines.erase(lines.begin());
    header.repeats = true;
    return header;
  }
  header.repeats =
      std::all_of(lines.begin(), lines.end(), [](const Line& line) { return line.kind == Line::Kind::define; });
  if (lines.size() < 3 || lines[1].kind != Line::Kind::define) return header;
  const auto guard = asked_to_be_undefined(lines[0].text);
  if (guard.empty() || guard != lines[1].name) return header;
  int depth = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].kind != Line::Kind::condition) {
      if (lines[i].kind == Line::Kind::other_directive && lines[i].text.starts_with("#undef") &&
          trimmed(std::string_view(lines[i].text).substr(6)) == guard)
        return header;
      continue;
    }
    const std::string_view condition = lines[i].text;
    if (condition.starts_with("#if"))
      ++depth;
    else if (condition.starts_with("#endif"))
      --depth;
    else if (depth == 1)
      return header;  // #else of the guard
    if (depth == 0 && i + 1 != lines.size()) return header;
  }
  if (depth != 0) return header;
  header.repeats = true;
  lines.pop_back();
  lines.erase(lines.begin(), lines.begin() + 2);
  return header;
}

// --- what a file begins with
// ----------------------------------------------------------------------------------------------------

// A place up to which several files may be the same.
struct State {
  std::string text;
  std::size_t weight = 0;  // headers of the kernel that it brings
  std::size_t depth = 0;   // headers of whatever kind that were met as a whole
  std::vector<HeaderPrefix::Move> moves;
  std::vector<std::string> macros;
};

// What a file of the driver includes, and those that it includes.
struct Closure {
  std::set<std::string> files, kernel;
  std::set<std::string> beside,
      searched;  // files that lie in the folder of who includes them, and those that -I leads to
};

class Reader {
 public:
  Reader(std::string folder, const HeaderLookup& lookup) : folder_(std::move(folder)), lookup_(lookup) {}

  // gcc lists a header of the module's folder twice that was found in both ways, and does not tell us which of them was
  // the precompiled text's.
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
      // The file itself defines it again, the same.
      items_.push_back({"#define " + read.name + "\n", "", read.name, nullptr});
      return true;
    });
    return std::move(states_);
  }

 private:
  struct Open {
    std::string path;
    bool ended;         // something was read that is not the beginning of it any more
    std::size_t first;  // where in items_ its own begin
  };
  struct Item {
    std::string text;
    std::string path;   // of a driver's header
    std::string macro;  // that is defined here
    const Closure* closure;
  };

  [[nodiscard]] bool at_the_beginning() const {
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

  // The driver's files that a name may mean. NVIDIA's Kbuild has -I for common/inc and the tree; the folder of a C file
  // comes first.
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

  // By a header of the driver's that belongs to the beginning.
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

  // Headers that are open come late behind the prefix: only what they begin with is in it. Alone, the compiler would
  // have met them before that.
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

  // Whether what follows may still belong to the beginning.
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
    if (!header(path)->repeats || places_of(line, folder_).empty()) return false;
    const auto& all = closure(path);
    // What includes a header that is open, as its own beginning, is the same for everybody only together with that one.
    if (const auto again =
            std::find_if(open_.begin(), open_.end(), [&](const Open& one) { return all.files.contains(one.path); });
        again != open_.end()) {
      std::for_each(again, open_.end(), [](Open& one) { one.ended = true; });
      return true;
    }
    open_.push_back({path, false, items_.size()});
    for (const auto& each : header(path)->lines) {
      if (each.kind != Line::Kind::include || !include(each, path)) open_.back().ended = true;
      if (!at_the_beginning()) break;
    }
    const auto first = open_.back().first;
    open_.pop_back();
    if (!at_the_beginning()) return true;
    items_.resize(first);  // they come with it
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
  // Of the file at work:
  std::vector<State> states_;
  std::vector<Item> items_;       // whole headers, and macros; none lies in another one
  std::set<std::string> done_;    // headers that were included as a whole
  std::set<std::string> brings_;  // headers of the kernel
  std::vector<Open> open_;
};

}  // namespace

bool may_be_included_twice(std::string_view header) {
  return read_header(header).repeats;
}

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
      if (state.weight < worthwhile) continue;
      auto& candidate = candidates[state.text];
      candidate.weight = state.weight;
      candidate.depth = state.depth;
      candidate.files.try_emplace(i, HeaderPrefix::File{sources[i], std::move(state.moves), std::move(state.macros)});
    }
  }

  // The best one first, then what it leaves to be gained.
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
      // Of two that bring the same of the kernel, one brings more of the driver.
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
