#include "recipe/lint.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "support/text.hpp"
#include "support/yaml_reader.hpp"

namespace vgpukit::recipe {

namespace {

using Kind = kernel::Question::Kind;

bool same(const FileCondition& a, const FileCondition& b) {
  return a.what == b.what && a.patterns == b.patterns && a.globs == b.globs;
}

std::string shown(const FileCondition& condition) {
  const auto globs = join(condition.globs, ", ");
  if (condition.what == FileCondition::What::file) return "the file " + globs;
  return "'" + join(condition.patterns, "' or '") + "' in " + globs;
}

class Linter {
 public:
  Linter(const Recipe& recipe, const std::vector<std::string_view>& ids) : recipe_(recipe), ids_(ids) {}

  std::vector<LintFinding> run() {
    name();
    summary();
    kernel();
    driver();
    ranges();
    after();
    ensures();
    explains();
    return std::move(findings_);
  }

 private:
  void error(std::string what, std::string next, SourcePos where) {
    findings_.push_back({true, recipe_.id, std::move(what), std::move(next), std::move(where)});
  }
  void warning(std::string what, std::string next, SourcePos where) {
    findings_.push_back({false, recipe_.id, std::move(what), std::move(next), std::move(where)});
  }

  // The position of a key of the recipe; the recipe's own position if it does not have the key.
  [[nodiscard]] SourcePos key(const std::string& name) const {
    auto where = recipe_.where;
    bool found = false;
    for_each_line(recipe_.text, [&](std::string_view line, int number) {
      if (found || !line.starts_with(name + ":")) return;
      found = true;
      where = {recipe_.where.file, number, 1};
    });
    return where;
  }

  void name() {
    const auto stem = std::filesystem::path(recipe_.where.file).stem().string();
    if (stem != recipe_.id)
      error("the id '" + recipe_.id + "' is not the file's name '" + stem + "'",
            "call the file " + recipe_.id + ".yaml", key("id"));
  }

  void summary() {
    const auto& text = recipe_.summary;
    const auto words = 1 + std::count(text.begin(), text.end(), ' ');
    if (words < 3 || text == recipe_.id)
      warning("the summary '" + text + "' is not a sentence",
              "say what changed, what the recipe does, and what it costs", key("summary"));
    else if (std::string_view(".:,;").find(text.back()) != std::string_view::npos)
      warning("the summary ends in '" + std::string(1, text.back()) + "'", "remove it: lists add their own punctuation",
              key("summary"));
  }

  // Conditions on the kernel that contradict each other.
  void kernel() {
    for (std::size_t i = 0; i < recipe_.kernel.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) contradict(recipe_.kernel[j], recipe_.kernel[i], true);
    }
    for (const auto& choice : recipe_.kernel_any)
      for (const auto& always : recipe_.kernel) contradict(always, choice, false);
    forms();
  }

  // A kernel that does not have the thing at all lacks every form of it. Another condition that the kernel has
  // something keeps the recipe from such kernels.
  void forms() {
    const auto anchors = [](const KernelCondition& each) {
      return each.wanted && each.question.kind != Kind::config && each.question.kind != Kind::compiler;
    };
    const auto& any = recipe_.kernel_any;
    if (std::any_of(recipe_.kernel.begin(), recipe_.kernel.end(), anchors)) return;
    if (!any.empty() && std::all_of(any.begin(), any.end(), anchors)) return;
    for (const auto& condition : recipe_.kernel)
      if (!condition.wanted && !condition.absent && condition.question.kind == Kind::compiles &&
          condition.question.of.empty())
        warning(
            "it would also apply to a kernel that has nothing of the kind: 'lacks' a form (" + condition.about + ")",
            "add 'of': the thing whose form the snippet asks for, such as of: struct drm_driver", condition.where);
  }

  void contradict(const KernelCondition& a, const KernelCondition& b, bool both) {
    const auto clash = contradiction(a, b);
    if (clash.empty()) return;
    const auto line = std::to_string(a.where.line);
    if (both)
      error("no kernel meets the conditions: " + clash + " (line " + line + ")", "remove one of the two conditions",
            b.where);
    else
      error("this choice can never hold: " + clash + " (line " + line + ")", "remove it from 'any'", b.where);
  }

  static std::string contradiction(const KernelCondition& a, const KernelCondition& b) {
    const auto& p = a.question;
    const auto& q = b.question;
    if (p.key() == q.key() && a.wanted != b.wanted) return "it has and lacks the same fact";
    if (p.key() == q.key() && a.absent != b.absent) return "a thing has another form and is absent";
    // A GPL-only symbol is an exported symbol.
    const auto weaker = [](const KernelCondition& strong, const KernelCondition& weak, Kind kind, Kind than) {
      return strong.question.kind == kind && weak.question.kind == than && strong.question.name == weak.question.name &&
             strong.wanted && !weak.wanted;
    };
    if (weaker(a, b, Kind::symbol_is_gpl, Kind::symbol) || weaker(b, a, Kind::symbol_is_gpl, Kind::symbol))
      return p.name + " is exported GPL-only and is not exported";
    if (p.kind == Kind::config && q.kind == Kind::config && p.name == q.name) {
      const auto unset = [](const KernelCondition& set, const KernelCondition& none) {
        return set.wanted && !none.wanted && none.question.value.empty() && set.question.value != "n";
      };
      if (unset(a, b) || unset(b, a)) return p.name + " is set and is not set";
      if (a.wanted && b.wanted && !p.value.empty() && !q.value.empty() && p.value != q.value)
        return p.name + " has two values";
    }
    if (p.kind == Kind::compiler && q.kind == Kind::compiler && a.wanted && b.wanted) return compilers(p.name, q.name);
    return "";
  }

  static std::string compilers(const std::string& a, const std::string& b) {
    const auto cut = [](const std::string& text) { return std::min(text.find_first_of("<>="), text.size()); };
    if (a.substr(0, cut(a)) != b.substr(0, cut(b))) return "it is built with " + a + " and with " + b;
    std::vector<VersionRange> both;
    for (const auto* text : {&a, &b})
      if (auto range = VersionRange::parse(text->substr(cut(*text)))) both.push_back(*std::move(range));
    return version_in(both) ? "" : "it is built with " + a + " and with " + b;
  }

  void driver() {
    const auto& files = recipe_.driver.files;
    for (std::size_t i = 0; i < files.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (same(files[i], files[j]) && files[i].wanted != files[j].wanted)
          error("no driver meets the conditions: it contains and lacks " + shown(files[i]) + " (line " +
                    std::to_string(files[j].where.line) + ")",
                "remove one of the two conditions", files[i].where);
    if (recipe_.fixed.empty()) return;
    // `already-fixed` has precedence: if it is a part of the conditions, the recipe never applies.
    const bool always = std::all_of(recipe_.fixed.begin(), recipe_.fixed.end(), [&](const FileCondition& fixed) {
      return std::any_of(files.begin(), files.end(),
                         [&](const FileCondition& each) { return same(each, fixed) && each.wanted == fixed.wanted; });
    });
    if (always)
      error("every driver that meets the conditions counts as already fixed, so that the recipe never applies",
            "'already-fixed' must name what only a fixed driver has", recipe_.fixed.front().where);
  }

  void ranges() {
    const auto check = [&](const std::optional<VersionRange>& range, const char* whose) {
      if (range && !version_in({*range}))
        error(std::string("no ") + whose + " version is in the range \"" + range->text + "\"", "correct its bounds",
              key("when"));
    };
    check(recipe_.kernel_versions, "kernel");
    check(recipe_.driver.versions, "driver");
  }

  void after() {
    for (const auto& id : recipe_.after) {
      if (id == recipe_.id) {
        error("it goes after itself", "remove it from 'after'", key("after"));
      } else if (std::find(ids_.begin(), ids_.end(), id) == ids_.end()) {
        const auto near = nearest(id, ids_);
        error("it goes after '" + id + "', and no recipe has that id",
              near.empty() ? "" : "did you mean '" + near + "'?", key("after"));
      }
    }
  }

  // The other transforms change every occurrence or fail. Only `ensures` detects occurrences that a text replacement or
  // a diff does not change.
  void ensures() {
    if (!recipe_.ensures.empty()) return;
    const auto step = std::find_if(recipe_.steps.begin(), recipe_.steps.end(), [](const Step& each) {
      return each.transform->kind() == "replace" || each.transform->kind() == "patch";
    });
    if (step == recipe_.steps.end()) return;
    warning("there is no 'ensures', and '" + std::string(step->transform->kind()) + "' does not detect what it misses",
            "say what must be absent or present afterwards, so that other drivers are detected", step->where);
  }

  // `explains` is searched for in the compiler messages of any driver: it must name what the message is about.
  void explains() {
    std::set<std::string> seen;
    for (const auto& text : recipe_.explains) {
      if (!seen.insert(text).second) warning("'explains' says \"" + text + "\" twice", "", key("explains"));
      if (std::none_of(text.begin(), text.end(), is_identifier_character))
        error("'explains' has \"" + text + "\", which contains no word", "name a part of the compiler's message",
              key("explains"));
      else if (!is_specific(text))
        warning("'explains' has \"" + text + "\", which is a part of many messages",
                "add the function, type or file that the message is about", key("explains"));
    }
  }

  // Whether the text has a name in quotes, or a word with '_' or with '.' inside.
  static bool is_specific(const std::string& text) {
    const auto quote = text.find('\'');
    if (quote != std::string::npos &&
        text.find_first_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", quote + 1) != std::string::npos)
      return true;
    for (std::size_t i = 0; i < text.size();) {
      if (!is_identifier_character(text[i])) {
        ++i;
        continue;
      }
      std::size_t end = i;
      while (end < text.size() && (is_identifier_character(text[end]) || text[end] == '.' || text[end] == '/')) ++end;
      const auto word = std::string_view(text).substr(i, end - i);
      if (contains(word, "_") || contains(word.substr(0, word.size() - 1), ".")) return true;
      i = end;
    }
    return false;
  }

  const Recipe& recipe_;
  const std::vector<std::string_view>& ids_;
  std::vector<LintFinding> findings_;
};

}  // namespace

std::vector<LintFinding> lint_recipe(const Recipe& recipe, const std::vector<std::string_view>& ids) {
  return Linter(recipe, ids).run();
}

std::optional<Version> version_in(const std::vector<VersionRange>& ranges) {
  // The bounds divide the versions into intervals. Candidates: the bounds and the versions next to them.
  std::vector<Version> candidates = {*Version::parse("0"), *Version::parse("99999")};
  for (const auto& range : ranges)
    for (const auto& bound : range.bounds) {
      const auto& text = bound.version.text;
      for (const char* tail : {"", ".0", ".1", ".99999"})
        if (auto version = Version::parse(text + tail)) candidates.push_back(*std::move(version));
      for (const int step : {1, -1}) {
        auto parts = bound.version.parts;
        // Before 6.0 comes 5.99999.
        for (std::size_t i = parts.size(); i-- > 0;) {
          if (step < 0 && parts[i] == 0) {
            parts[i] = 99999;
            continue;
          }
          parts[i] = static_cast<unsigned>(static_cast<int>(parts[i]) + step);
          break;
        }
        const auto word = join(parts, ".", [](unsigned part) { return std::to_string(part); });
        for (const char* tail : {"", ".99999"})
          if (auto version = Version::parse(word + tail)) candidates.push_back(*std::move(version));
      }
    }
  for (const auto& candidate : candidates)
    if (std::all_of(ranges.begin(), ranges.end(), [&](const VersionRange& range) { return range.contains(candidate); }))
      return candidate;
  return std::nullopt;
}

}  // namespace vgpukit::recipe
