#include "transform/recognise.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "transform/lexer.hpp"
#include "transform/source_text.hpp"
#include "transform/unified_diff.hpp"

namespace vgpukit::transform {

namespace {

using Lines = std::vector<std::string_view>;

// A run of removed and added lines with nothing in between.
struct Block {
  Lines removed, added;
};

std::vector<Block> blocks_of(const Hunk& hunk) {
  std::vector<Block> blocks;
  bool open = false;
  for (const auto& line : hunk.lines) {
    if (line.origin == ' ') {
      open = false;
      continue;
    }
    if (!open) blocks.emplace_back();
    open = true;
    if (blank(line.text)) continue;
    (line.origin == '-' ? blocks.back().removed : blocks.back().added).push_back(line.text);
  }
  return blocks;
}

std::vector<Token> code_of(std::string_view line) {
  std::vector<Token> code;
  for (const auto& token : lex(line)) {
    if (token.kind == Token::Kind::space || token.kind == Token::Kind::comment) continue;
    if (token.kind != Token::Kind::directive) {
      code.push_back(token);
      continue;
    }
    for (const auto& inner : lex_directive(token.text)) code.push_back(inner);
  }
  return code;
}

// The text between two tokens, both included, as it was written.
std::string written(std::string_view line, const std::vector<Token>& code, std::size_t first, std::size_t last) {
  if (first > last) return "";
  return trimmed_copy(line.substr(code[first].offset, code[last].offset + code[last].text.size() - code[first].offset));
}

std::optional<RecognisedStep> initializer(std::string_view removed) {
  const auto code = code_of(removed);
  if (code.size() < 4 || code[0].text != "." || code[1].kind != Token::Kind::identifier || code[2].text != "=")
    return std::nullopt;
  const auto last = code.size() - (code.back().text == "," ? 2 : 1);
  if (last < 3) return std::nullopt;
  RecognisedStep step{"remove-initializer", {}, {{"field", std::string(code[1].text)}}, std::string(code[1].text)};
  // Only an identifier: another value may differ in other drivers.
  if (last == 3 && code[3].kind == Token::Kind::identifier) {
    step.parameters.emplace_back("value", std::string(code[3].text));
    step.construct = code[3].text;
  }
  return step;
}

std::optional<RecognisedStep> include(std::string_view added) {
  auto line = trimmed(added);
  if (!line.starts_with('#')) return std::nullopt;
  line = trimmed(line.substr(1));
  if (!line.starts_with("include")) return std::nullopt;
  line = trimmed(line.substr(7));
  if (line.size() < 3 || (line.front() != '<' && line.front() != '"')) return std::nullopt;
  const bool system = line.front() == '<';
  const auto end = line.find(system ? '>' : '"', 1);
  if (end == std::string_view::npos) return std::nullopt;
  return RecognisedStep{
      "add-include", {}, {{"header", std::string(system ? line.substr(1, end - 1) : line.substr(0, end + 1))}}, ""};
}

std::optional<RecognisedStep> export_gpl(const std::vector<Token>& before, const std::vector<Token>& after) {
  if (before.size() < 4 || before.size() != after.size() || before[0].text != "EXPORT_SYMBOL" ||
      after[0].text != "EXPORT_SYMBOL_GPL")
    return std::nullopt;
  for (std::size_t i = 1; i < before.size(); ++i)
    if (before[i].text != after[i].text) return std::nullopt;
  const auto symbol = std::string(before[2].text);
  return RecognisedStep{"export-gpl", {}, {{"symbols", symbol}}, "EXPORT_SYMBOL(" + symbol + ")"};
}

// A rename: the tokens are the same, except for one identifier that is everywhere another one.
std::optional<RecognisedStep> rename(const std::vector<Token>& before, const std::vector<Token>& after) {
  if (before.size() != after.size()) return std::nullopt;
  std::string from, to;
  bool called = true;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].text == after[i].text) continue;
    if (before[i].kind != Token::Kind::identifier || after[i].kind != Token::Kind::identifier) return std::nullopt;
    if (!from.empty() && (from != before[i].text || to != after[i].text)) return std::nullopt;
    from = before[i].text;
    to = after[i].text;
    called = called && i + 1 < before.size() && before[i + 1].text == "(";
  }
  if (from.empty()) return std::nullopt;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before[i].text == from && after[i].text == from) return std::nullopt;  // only some of them
  return RecognisedStep{
      called ? "rename-call" : "rename-token", {}, {{"from", from}, {"to", to}}, called ? from + "(" : from};
}

std::size_t closing_bracket(const std::vector<Token>& code, std::size_t open) {
  std::size_t depth = 0;
  for (std::size_t i = open; i < code.size(); ++i) {
    if (code[i].text == "(" || code[i].text == "[" || code[i].text == "{") ++depth;
    if (code[i].text != ")" && code[i].text != "]" && code[i].text != "}") continue;
    if (--depth == 0) return i;
  }
  return code.size();
}

std::vector<std::string> arguments(std::string_view line, const std::vector<Token>& code, std::size_t open,
                                   std::size_t close) {
  std::vector<std::string> all;
  std::size_t first = open + 1;
  for (std::size_t i = open + 1; i <= close; ++i) {
    if (i < close && (code[i].text == "(" || code[i].text == "[" || code[i].text == "{")) {
      i = closing_bracket(code, i);
      continue;
    }
    if (i != close && code[i].text != ",") continue;
    if (first < i) all.push_back(written(line, code, first, i - 1));
    first = i + 1;
  }
  return all;
}

// One call of the line gets other arguments, and the rest of the line is the same.
std::optional<RecognisedStep> call(std::string_view old_line, std::string_view new_line) {
  const auto before = code_of(old_line);
  const auto after = code_of(new_line);
  for (std::size_t i = std::min(before.size(), after.size()); i-- > 0;) {
    if (i + 1 >= before.size() || i + 1 >= after.size() || before[i].kind != Token::Kind::identifier ||
        before[i + 1].text != "(" || after[i].kind != Token::Kind::identifier || after[i + 1].text != "(")
      continue;
    const auto old_end = closing_bracket(before, i + 1);
    const auto new_end = closing_bracket(after, i + 1);
    if (old_end == before.size() || new_end == after.size() || before.size() - old_end != after.size() - new_end)
      continue;
    const auto same = [](const Token& a, const Token& b) { return a.text == b.text; };
    if (!std::equal(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(i), after.begin(), same) ||
        !std::equal(before.begin() + static_cast<std::ptrdiff_t>(old_end), before.end(),
                    after.begin() + static_cast<std::ptrdiff_t>(new_end), same))
      continue;
    const auto old_arguments = arguments(old_line, before, i + 1, old_end);
    const auto new_arguments = arguments(new_line, after, i + 1, new_end);
    // With the same number of arguments, rename-call would edit its own result.
    if (before[i].text == after[i].text && old_arguments.size() == new_arguments.size()) return std::nullopt;
    std::vector<std::string> mapped;
    for (const auto& argument : new_arguments) {
      const auto old = std::find(old_arguments.begin(), old_arguments.end(), argument);
      mapped.push_back(old == old_arguments.end() ? argument : "$" + std::to_string(old - old_arguments.begin() + 1));
    }
    return RecognisedStep{"rename-call",
                          {},
                          {{"from", std::string(before[i].text)},
                           {"to", std::string(after[i].text)},
                           {"when-arguments", std::to_string(old_arguments.size())},
                           {"arguments", join(mapped, ", ")}},
                          std::string(before[i].text) + "("};
  }
  return std::nullopt;
}

// The steps that make the edits of the block; nothing if a line is not of a known form.
std::optional<std::vector<RecognisedStep>> steps_of(const Block& block) {
  std::vector<RecognisedStep> steps;
  const auto take = [&](std::optional<RecognisedStep> step) {
    if (step) steps.push_back(std::move(*step));
    return step.has_value();
  };
  if (block.added.empty()) {
    for (const auto line : block.removed)
      if (!take(initializer(line))) return std::nullopt;
    return steps;
  }
  if (block.removed.empty()) {
    for (const auto line : block.added)
      if (!take(include(line))) return std::nullopt;
    return steps;
  }
  if (block.removed.size() != block.added.size()) return std::nullopt;
  for (std::size_t i = 0; i < block.removed.size(); ++i) {
    const auto before = code_of(block.removed[i]);
    const auto after = code_of(block.added[i]);
    if (!take(export_gpl(before, after)) && !take(rename(before, after)) &&
        !take(call(block.removed[i], block.added[i])))
      return std::nullopt;
  }
  return steps;
}

std::string hunk_text(const Hunk& hunk) {
  std::string text = hunk.header + (hunk.header.ends_with('\n') ? "" : "\n");
  for (const auto& line : hunk.lines) {
    text += line.origin + line.text;
    if (!line.text.ends_with('\n')) text += "\n\\ No newline at end of file\n";
  }
  return text;
}

class Recogniser {
 public:
  RecognisedDiff run(const std::vector<FileDiff>& files) {
    for (const auto& file : files) one(file);
    for (const auto& name : order_) {
      if (removed_.contains(name) && !added_.contains(name)) made_.gone.push_back(name);
      if (added_.contains(name) && !removed_.contains(name)) made_.fresh.push_back(name);
    }
    return std::move(made_);
  }

 private:
  void one(const FileDiff& file) {
    const bool c = is_c_file(file.path);
    std::string rest;
    for (const auto& hunk : file.hunks) {
      names_of(hunk, c);
      std::vector<RecognisedStep> steps;
      bool known = c && file.what == FileDiff::What::change;
      for (const auto& block : blocks_of(hunk)) {
        if (!known) break;
        auto these = steps_of(block);
        known = these.has_value();
        if (these) steps.insert(steps.end(), these->begin(), these->end());
      }
      if (!known) rest += hunk_text(hunk);
      if (known)
        for (auto& step : steps) add(std::move(step), file.path);
    }
    if (rest.empty()) return;
    const auto from = file.what == FileDiff::What::add ? std::string("/dev/null") : "a/" + file.path;
    const auto to = file.what == FileDiff::What::remove ? std::string("/dev/null") : "b/" + file.path;
    made_.rest += "--- " + from + "\n+++ " + to + "\n" + rest;
    made_.rest_files.push_back(file.path);
  }

  void add(RecognisedStep step, const std::string& path) {
    const auto when = std::find_if(step.parameters.begin(), step.parameters.end(),
                                   [](const auto& parameter) { return parameter.first == "when-arguments"; });
    if (when != step.parameters.end() &&
        std::find(made_.calls.begin(), made_.calls.end(), step.parameters[0].second) == made_.calls.end())
      made_.calls.push_back(step.parameters[0].second);
    const auto same = std::find_if(made_.steps.begin(), made_.steps.end(), [&](const RecognisedStep& each) {
      return each.kind == step.kind && each.parameters == step.parameters;
    });
    auto& files = (same == made_.steps.end() ? made_.steps.emplace_back(std::move(step)) : *same).files;
    if (std::find(files.begin(), files.end(), path) == files.end()) files.push_back(path);
  }

  void names_of(const Hunk& hunk, bool c) {
    for (const auto& line : hunk.lines) {
      if (line.origin == '+') version_of(line.text);
      if (!c || line.origin == ' ') continue;
      for (const auto& token : code_of(line.text)) {
        if (token.kind != Token::Kind::identifier) continue;
        const std::string name(token.text);
        order_.push_back(name);
        (line.origin == '-' ? removed_ : added_).insert(name);
      }
    }
    std::set<std::string> seen;
    std::erase_if(order_, [&](const std::string& name) { return !seen.insert(name).second; });
  }

  void version_of(std::string_view line) {
    constexpr std::string_view word = "KERNEL_VERSION(";
    const auto at = line.find(word);
    if (at == std::string_view::npos || !made_.version.empty()) return;
    unsigned major = 0, minor = 0;
    const char* const end = line.data() + line.size();
    const auto [comma, bad] = std::from_chars(line.data() + at + word.size(), end, major);
    if (bad != std::errc() || comma == end || *comma != ',') return;
    const char* next = comma + 1;
    while (next != end && *next == ' ') ++next;
    if (std::from_chars(next, end, minor).ec != std::errc()) return;
    made_.version = std::to_string(major) + "." + std::to_string(minor);
  }

  RecognisedDiff made_;
  std::vector<std::string> order_;
  std::set<std::string> removed_, added_;
};

}  // namespace

Result<RecognisedDiff> recognise_diff(const std::string& diff, const std::string& name) {
  TRY_ASSIGN(auto files, read_diff(diff, name));
  for (auto& file : files) file.path = path_in_sources(file.path);
  return Recogniser().run(files);
}

}  // namespace vgpukit::transform
