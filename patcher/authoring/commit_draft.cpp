#include "authoring/commit_draft.hpp"

#include <algorithm>
#include <set>

#include "authoring/draft_text.hpp"
#include "diagnostics/header_texts.hpp"
#include "transform/unified_diff.hpp"

namespace vgpukit::authoring {
namespace {

using transform::Hunk;

// A name as a header declares it, once for each branch of an #if.
struct Known {
  std::vector<diagnostics::Declaration> all;
  std::string header;
};
using Names = std::map<std::string, Known>;

std::string key_of(const diagnostics::Declaration& one) {
  if (one.kind == diagnostics::NameKind::field || one.kind == diagnostics::NameKind::type)
    return one.of + " " + one.name;
  return one.name;
}

// In the headers' order, for drafts that follow it.
std::vector<std::string> collect(const KernelCommit& commit, std::string KernelCommit::Header::*side, Names& names) {
  std::vector<std::string> order;
  for (const auto& header : commit.headers)
    for (auto& one : diagnostics::declarations_in(header.*side)) {
      // A header's guard, and the members of a structure without a name, are nothing to ask for.
      if (one.kind == diagnostics::NameKind::macro && one.body.empty() && !one.callable && one.name.ends_with("_H"))
        continue;
      if (one.kind == diagnostics::NameKind::field && one.of.find(' ') == std::string::npos) continue;
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

// What a user of it sees: not the parameters' names, and of a structure its members, which have names of their own.
std::string shape_of(const diagnostics::Declaration& one) {
  if (one.kind == diagnostics::NameKind::type || one.kind == diagnostics::NameKind::macro ||
      one.kind == diagnostics::NameKind::constant)
    return "";
  if (one.kind != diagnostics::NameKind::function) return one.text;
  auto text = one.text.substr(0, one.text.find(one.name + "("));
  for (const auto& argument : one.arguments) text += "," + argument;
  return text;
}

bool alike(const diagnostics::Declaration& one, const diagnostics::Declaration& other) {
  // A macro's parameters have no types: then their number decides.
  if (one.kind == diagnostics::NameKind::macro || other.kind == diagnostics::NameKind::macro)
    return one.callable == other.callable && one.arguments.size() == other.arguments.size();
  return shape_of(one) == shape_of(other);
}

// Whether callers of the one can be callers of the other: some branch is the same.
bool same_shape(const Known& before, const Known& after) {
  return std::any_of(before.all.begin(), before.all.end(), [&](const diagnostics::Declaration& one) {
    return std::any_of(after.all.begin(), after.all.end(),
                       [&](const diagnostics::Declaration& other) { return alike(one, other); });
  });
}

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool names_it(std::string_view line, std::string_view name) {
  for (auto at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
    const auto end = at + name.size();
    if ((at == 0 || !in_word(line[at - 1])) && (end == line.size() || !in_word(line[end]))) return true;
  }
  return false;
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

// "struct ticker *t" is a parameter, and the line a prototype or the function itself: it looks like a call, but nobody
// is called.
bool is_declaration(const transform::RecognisedStep& step) {
  const auto arguments = arguments_of(step);
  return std::any_of(arguments.begin(), arguments.end(), [](const std::string& one) {
    const auto blank = one.find(' ');
    return blank != std::string::npos && blank > 0 && in_word(one[blank - 1]) &&
           (in_word(one[std::min(one.find_first_not_of(" *", blank), one.size() - 1)]));
  });
}

// Arguments of the old call, in any order, and constants: right in every caller.
bool holds_everywhere(const transform::RecognisedStep& step) {
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

// How the commit changed those who use `name`: steps where it was always the same way, else its lines.
DraftOrigin::Shown shown_of(const transform::RecognisedDiff& diff, const std::vector<transform::FileDiff>& files,
                            const std::string& name) {
  DraftOrigin::Shown shown;
  std::set<std::string> forms;
  bool sure = true;
  for (const auto& step : diff.steps) {
    if (!step.kind.starts_with("rename-") || parameter(step, "from") != name || is_declaration(step)) continue;
    // Two ways for calls with as many arguments: which is the driver's?
    sure = sure && forms.insert(parameter(step, "when-arguments")).second && holds_everywhere(step);
    shown.steps.push_back(step);
  }
  if (sure && !shown.steps.empty()) return shown;
  shown.steps.clear();
  constexpr std::size_t most = 12;
  for (const auto& file : files)
    for (const auto& hunk : file.hunks)
      for (std::size_t i = 0; i < hunk.lines.size() && shown.lines.size() < most; ++i) {
        // A run of changed lines, one of which takes the name away.
        std::size_t end = i;
        bool about = false;
        for (; end < hunk.lines.size() && hunk.lines[end].origin != ' '; ++end)
          about = about || (hunk.lines[end].origin == '-' && names_it(hunk.lines[end].text, name));
        if (about && shown.lines.empty()) shown.lines.push_back("the commit, in " + file.path + " first:");
        for (; about && i < end && shown.lines.size() < most; ++i) {
          auto text = hunk.lines[i].text;
          while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
          shown.lines.push_back(hunk.lines[i].origin + text);
        }
        i = std::max(i, end);
      }
  return shown;
}

// The symbols of EXPORT_SYMBOL() and its kin in the lines of one origin: name -> GPL-only.
std::map<std::string, bool> exports(const std::vector<transform::FileDiff>& files, char origin) {
  std::map<std::string, bool> all;
  for (const auto& file : files)
    for (const auto& hunk : file.hunks)
      for (const auto& line : hunk.lines) {
        if (line.origin != origin || !line.text.starts_with("EXPORT_SYMBOL")) continue;
        const auto open = line.text.find('(');
        const auto end = line.text.find_first_of(",)", open);
        if (open == std::string::npos || end == std::string::npos) continue;
        all[line.text.substr(open + 1, end - open - 1)] = line.text.substr(0, open).find("GPL") != std::string::npos;
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

Result<CommitDrafts> draft_from_commit(const KernelCommit& commit) {
  const std::string name = commit.id.empty() ? "the patch" : commit.id.substr(0, 12);
  TRY_ASSIGN(const auto files, transform::read_diff(commit.diff, name));
  TRY_ASSIGN(const auto recognised, transform::recognise_diff(commit.diff, name));
  CommitDrafts made;
  const auto subjects = subjects_of(commit, files, made.moved);
  if (subjects.empty())
    return Error{ErrorKind::usage, "draft recipes from " + name,
                 made.moved.empty()
                     ? "nothing that a module includes or links to has gone or changed in it: it touches " +
                           std::to_string(files.size()) + (files.size() == 1 ? " file" : " files") + ", and " +
                           std::to_string(commit.headers.size()) + " of the headers in include/ and arch/x86/include/"
                     : "it only moves names to other headers, such as " + made.moved.front(),
                 made.moved.empty() ? "name the commit that changed what the driver uses"
                                    : "a driver that misses one wants add-include"};

  const std::string now = commit.release.empty() ? "the commit" : commit.release;
  kernel::KernelHeaders before{"before " + now, {}, {}}, after{now, {}, {}};
  for (const auto& header : commit.headers) {
    before.texts.emplace(header.name, header.before);
    if (!header.gone) after.texts.emplace(header.name, header.after);
  }
  DraftOrigin origin;
  origin.option = "--from-commit " + name;
  if (!commit.release.empty() && !commit.subject.empty())
    origin.upstream = "upstream: [{release: " + in_yaml_quotes(commit.release) +
                      ", subject: " + in_yaml_quotes(commit.subject) +
                      (commit.id.empty() ? "" : ", commit: " + in_yaml_quotes(commit.id.substr(0, 12))) + "}]";
  else
    origin.upstream = "# upstream: [{release: \"TODO\", subject: " +
                      in_yaml_quotes(commit.subject.empty() ? "TODO" : commit.subject) +
                      (commit.id.empty() ? "" : ", commit: " + in_yaml_quotes(commit.id.substr(0, 12))) + "}]";
  for (const auto& subject : subjects) origin.shown.emplace(subject.name, shown_of(recognised, files, subject.name));
  made.drafts =
      draft_recipes(diagnostics::find_api_changes({before, after}, now, subjects, {}), {}, {}, commit.release, origin);
  return made;
}

}  // namespace vgpukit::authoring
