#include "authoring/commit_draft.hpp"

#include <algorithm>
#include <set>

#include "authoring/draft_text.hpp"
#include "diagnostics/api_changes.hpp"
#include "support/text.hpp"
#include "transform/unified_diff.hpp"

namespace vgpukit::authoring {
namespace {

using transform::Hunk;

// The declarations of a name in a header; several if they are in branches of an #if.
struct Declared {
  std::vector<diagnostics::Declaration> all;
  std::string header;
};
using Names = std::map<std::string, Declared>;

std::string key_of(const diagnostics::Declaration& one) {
  if (one.kind == diagnostics::NameKind::field || one.kind == diagnostics::NameKind::type)
    return one.of + " " + one.name;
  return one.name;
}

// Adds the declarations of all headers to `names`. Returns their keys in the order of the headers.
std::vector<std::string> collect(const KernelCommit& commit, std::string KernelCommit::Header::*side, Names& names) {
  std::vector<std::string> order;
  for (const auto& header : commit.headers)
    for (auto& one : diagnostics::declarations_in(header.*side)) {
      // Without include guards and members of structures without a name.
      if (one.kind == diagnostics::NameKind::macro && one.body.empty() && !one.callable && one.name.ends_with("_H"))
        continue;
      if (one.kind == diagnostics::NameKind::field && !contains(one.of, " ")) continue;
      const auto key = key_of(one);
      const auto [known, fresh] = names.try_emplace(key);
      if (fresh) {
        order.push_back(key);
        known->second.header = header.name;
      }
      known->second.all.push_back(std::move(one));
    }
  return order;
}

// The part of a declaration on which its users depend: without the names of parameters; empty for a structure.
std::string shape_of(const diagnostics::Declaration& one) {
  if (one.kind == diagnostics::NameKind::type || one.kind == diagnostics::NameKind::macro ||
      one.kind == diagnostics::NameKind::constant)
    return "";
  if (one.kind != diagnostics::NameKind::function) return one.text;
  return one.text.substr(0, one.text.find(one.name + "(")) + "," + join(one.arguments, ",");
}

// Whether users of the one can use the other: a declaration is the same.
bool same_shape(const Declared& before, const Declared& after) {
  return std::any_of(before.all.begin(), before.all.end(), [&](const diagnostics::Declaration& one) {
    return std::any_of(after.all.begin(), after.all.end(),
                       [&](const diagnostics::Declaration& other) { return same_for_users(one, other); });
  });
}

std::vector<std::string> arguments_of(const transform::RecognisedStep& step) {
  std::vector<std::string> all;
  for (const auto& [name, value] : step.parameters) {
    if (name != "arguments") continue;
    for (std::size_t begin = 0; begin < value.size();) {
      const auto end = std::min(value.find(", ", begin), value.size());
      all.push_back(value.substr(begin, end - begin));
      begin = end + 2;
    }
  }
  return all;
}

// Whether the "call" is a prototype or a definition: it has a parameter such as "struct ticker *t".
bool is_declaration(const transform::RecognisedStep& step) {
  const auto arguments = arguments_of(step);
  return std::any_of(arguments.begin(), arguments.end(), [](const std::string& one) {
    const auto blank = one.find(' ');
    return blank != std::string::npos && blank > 0 && is_identifier_character(one[blank - 1]) &&
           (is_identifier_character(one[std::min(one.find_first_not_of(" *", blank), one.size() - 1)]));
  });
}

// Whether the arguments are those of the old call, in any order, and constants, so that they are valid in every caller.
bool valid_everywhere(const transform::RecognisedStep& step) {
  const auto arguments = arguments_of(step);
  return std::all_of(arguments.begin(), arguments.end(), [](const std::string& one) {
    const bool old = one.starts_with('$') && one.find_first_not_of("0123456789", 1) == std::string::npos;
    const bool constant = one.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string::npos;
    return old || constant || one == "true" || one == "false";
  });
}

std::string parameter(const transform::RecognisedStep& step, std::string_view name) {
  for (const auto& [key, value] : step.parameters)
    if (key == name) return value;
  return "";
}

bool is_of_caller(const transform::RecognisedStep& step, const std::string& name) {
  return step.kind.starts_with("rename-") && parameter(step, "from") == name && !is_declaration(step);
}

// The changes of the users of `name`: steps if all changed in the same way, otherwise lines of the diff.
DraftOrigin::Shown shown_of(const transform::RecognisedDiff& diff, const std::vector<transform::FileDiff>& files,
                            const std::string& name) {
  DraftOrigin::Shown shown;
  std::set<std::string> forms;
  bool sure = true;
  for (const auto& step : diff.steps) {
    if (!is_of_caller(step, name)) continue;
    // Not sure if calls with the same number of arguments changed in two ways.
    sure = sure && forms.insert(parameter(step, "when-arguments")).second && valid_everywhere(step);
    shown.steps.push_back(step);
    shown.steps.back().files.clear();  // those of the kernel
  }
  if (sure && !shown.steps.empty()) return shown;
  shown.steps.clear();
  constexpr std::size_t most = 12;
  for (const auto& file : files)
    for (const auto& hunk : file.hunks)
      for (std::size_t i = 0; i < hunk.lines.size() && shown.lines.size() < most; ++i) {
        // Consecutive changed lines; one of the removed lines has the name.
        std::size_t end = i;
        bool about = false;
        for (; end < hunk.lines.size() && hunk.lines[end].origin != ' '; ++end)
          about =
              about || (hunk.lines[end].origin == '-' && find_word(hunk.lines[end].text, name) != std::string::npos);
        if (about && shown.lines.empty()) shown.lines.push_back("the commit, in " + file.path + " first:");
        for (; about && i < end && shown.lines.size() < most; ++i) {
          const std::string_view text = hunk.lines[i].text;
          shown.lines.push_back(hunk.lines[i].origin + std::string(text.substr(0, text.find_last_not_of(" \n") + 1)));
        }
        i = std::max(i, end);
      }
  return shown;
}

// The symbols of EXPORT_SYMBOL() and its variants in the lines of one origin: name -> GPL-only.
std::map<std::string, bool> exports(const std::vector<transform::FileDiff>& files, char origin) {
  std::map<std::string, bool> all;
  for (const auto& file : files)
    for (const auto& hunk : file.hunks)
      for (const auto& line : hunk.lines) {
        if (line.origin != origin || !line.text.starts_with("EXPORT_SYMBOL")) continue;
        const auto open = line.text.find('(');
        const auto end = line.text.find_first_of(",)", open);
        if (open == std::string::npos || end == std::string::npos) continue;
        all[line.text.substr(open + 1, end - open - 1)] = contains(line.text.substr(0, open), "GPL");
      }
  return all;
}

std::vector<diagnostics::Subject> subjects_of(const KernelCommit& commit, const std::vector<transform::FileDiff>& files,
                                              std::vector<std::string>& moved) {
  std::vector<diagnostics::Subject> subjects;
  for (const auto& header : commit.headers)
    if (header.gone) subjects.push_back({diagnostics::NameKind::header, header.name, "", true, {}});
  Names before, after;
  const auto order = collect(commit, &KernelCommit::Header::before, before);
  collect(commit, &KernelCommit::Header::after, after);
  for (const auto& key : order) {
    const auto& was = before.at(key);
    const auto& one = was.all.front();
    const auto is = after.find(key);
    if (is == after.end()) {
      const bool with_its_structure = one.kind == diagnostics::NameKind::field && !after.contains(one.of);
      if (!with_its_structure) subjects.push_back({one.kind, one.name, one.of, true, {}});
    } else if (is->second.header != was.header) {
      if (one.kind != diagnostics::NameKind::field)
        moved.push_back(one.name + ": " + was.header + " -> " + is->second.header);
    } else if (!same_shape(was, is->second)) {
      subjects.push_back(
          {one.kind, one.name, one.of, false,
           one.kind == diagnostics::NameKind::field ? is->second.all.front().arguments : std::vector<std::string>()});
    }
  }
  const auto gone_too = [&](const std::string& name) {
    return std::any_of(subjects.begin(), subjects.end(),
                       [&](const diagnostics::Subject& each) { return each.gone && each.name == name; });
  };
  const auto now = exports(files, '+');
  for (const auto& [name, gpl] : exports(files, '-')) {
    const auto still = now.find(name);
    if (still == now.end() ? !gone_too(name) : still->second && !gpl)
      subjects.push_back({diagnostics::NameKind::symbol, name, "", still == now.end(), {}});
  }
  return subjects;
}

}  // namespace

bool same_for_users(const diagnostics::Declaration& one, const diagnostics::Declaration& other) {
  // The parameters of a macro have no types: their number is compared.
  if (one.kind == diagnostics::NameKind::macro || other.kind == diagnostics::NameKind::macro)
    return one.callable == other.callable && one.arguments.size() == other.arguments.size();
  return shape_of(one) == shape_of(other);
}

std::string upstream_line(const KernelCommit& commit) {
  const bool known = !commit.release.empty() && !commit.subject.empty();
  return (known ? "" : "# ") + std::string("upstream: [{release: ") +
         in_yaml_quotes(commit.release.empty() ? "TODO" : commit.release) +
         ", subject: " + in_yaml_quotes(commit.subject.empty() ? "TODO" : commit.subject) +
         (commit.id.empty() ? "" : ", commit: " + in_yaml_quotes(commit.id.substr(0, 12))) + "}]";
}

std::vector<CallerChange> changes_of_callers(const KernelCommit& commit, const std::string& name) {
  const auto diff = transform::recognise_diff(commit.diff, commit.id);
  if (!diff) return {};
  std::vector<CallerChange> all;
  for (const auto& step : diff->steps) {
    if (!is_of_caller(step, name) || !valid_everywhere(step)) continue;
    CallerChange change{step, {}};
    for (const auto& include : diff->steps) {
      const auto has = [&](const std::string& file) {
        return std::find(include.files.begin(), include.files.end(), file) != include.files.end();
      };
      if (include.kind == "add-include" && std::all_of(step.files.begin(), step.files.end(), has))
        change.includes.push_back(parameter(include, "header"));
    }
    all.push_back(std::move(change));
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.step.files.size() > b.step.files.size(); });
  return all;
}

std::vector<std::pair<std::string, std::size_t>> includes_instead_of(const KernelCommit& commit,
                                                                     const std::string& header) {
  const auto files = transform::read_diff(commit.diff, commit.id);
  if (!files) return {};
  const auto old = "#include <" + header + ">";
  std::map<std::string, std::set<std::string>> found;
  for (const auto& file : *files)
    for (const auto& hunk : file.hunks) {
      const auto& lines = hunk.lines;
      if (std::none_of(lines.begin(), lines.end(),
                       [&](const auto& line) { return line.origin == '-' && trimmed(line.text) == old; }))
        continue;
      for (const auto& line : lines)
        if (const auto text = trimmed(line.text); line.origin == '+' && text.starts_with("#include <"))
          found[std::string(text.substr(10, text.find('>') - 10))].insert(file.path);
    }
  std::vector<std::pair<std::string, std::size_t>> all;
  for (const auto& [name, in] : found) all.emplace_back(name, in.size());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return all;
}

Result<CommitDrafts> draft_from_commit(const KernelCommit& commit) {
  const std::string name = commit.id.empty() ? "the patch" : commit.id.substr(0, 12);
  TRY_ASSIGN(const auto files, transform::read_diff(commit.diff, name));
  TRY_ASSIGN(const auto recognised, transform::recognise_diff(commit.diff, name));
  CommitDrafts made;
  const auto subjects = subjects_of(commit, files, made.moved);
  if (subjects.empty())
    return Error{ErrorKind::usage, "draft recipes from " + name,
                 made.moved.empty()
                     ? "it removes or changes nothing that a module includes or links to: it touches " +
                           std::to_string(files.size()) + (files.size() == 1 ? " file" : " files") + ", and " +
                           std::to_string(commit.headers.size()) + " of the headers in include/ and arch/x86/include/"
                     : "it only moves names to other headers, such as " + made.moved.front(),
                 made.moved.empty() ? "name the commit that changed what the driver uses"
                                    : "use add-include for a driver that misses one"};

  const std::string now = commit.release.empty() ? "the commit" : commit.release;
  kernel::KernelHeaders before{"before " + now, {}, {}}, after{now, {}, {}};
  for (const auto& header : commit.headers) {
    before.texts.emplace(header.name, header.before);
    if (!header.gone) after.texts.emplace(header.name, header.after);
  }
  DraftOrigin origin;
  origin.option = "--from-commit " + name;
  origin.upstream = upstream_line(commit);
  for (const auto& subject : subjects) origin.shown.emplace(subject.name, shown_of(recognised, files, subject.name));
  made.drafts =
      draft_recipes(diagnostics::find_api_changes({before, after}, now, subjects, {}), {}, {}, commit.release, origin);
  return made;
}

}  // namespace vgpukit::authoring
