#include "diagnostics/diagnostics.hpp"

#include <algorithm>
#include <filesystem>

#include "diagnostics/error_hints.hpp"
#include "diagnostics/error_subject.hpp"
#include "diagnostics/log_line.hpp"
#include "support/text.hpp"

namespace vgpukit::diagnostics {
namespace {

// An explanation of conftest has a dozen lines at most.
// Distinct errors and warnings. More come only from a tree that is none, and nobody reads them.
constexpr std::size_t max_entries = 1000;
constexpr std::size_t max_plain_lines = 24;
// A warning in a header that every file includes appears hundreds of times.
constexpr std::size_t max_more = 100;

std::string place_of(const Diagnostic& diagnostic) {
  if (diagnostic.line == 0) return diagnostic.file;
  return diagnostic.file + ":" + std::to_string(diagnostic.line);
}

// Diagnostics with the same key are one. The key has neither the compiler's guess ("did you mean 'folio_pfn'?"), which
// differs from file to file, nor the flag, which -Werror changes.
std::string key_of(const Diagnostic& diagnostic) {
  std::string text = diagnostic.message;
  if (const auto guess = text.find("; did you mean "); guess != std::string::npos) {
    const auto end = text.find('?', guess);
    text.erase(guess, end == std::string::npos ? std::string::npos : end + 1 - guess);
  }
  // gcc adds where a name appeared first.
  for (const std::string_view where : {" here (not in a function)", " (first use in this function)"}) {
    if (const auto at = text.find(where); at != std::string::npos) text.erase(at, where.size());
  }
  if (const auto flag = text.rfind(" [-W"); flag != std::string::npos) text.erase(flag);
  // "void value not ignored" names the function only in the quoted line.
  if (const auto subject = subject_of(diagnostic); subject && !contains(text, subject->name))
    text += " " + subject->text();
  return (diagnostic.kind == Diagnostic::Kind::error ? "E " : "W ") + diagnostic.tool + " " + text;
}

// Whether the note names what a message without a name is about.
bool names_subject(std::string_view note) {
  return contains(note, "near initialization for ") || note.ends_with(" declared here") ||
         note.ends_with(" defined here");
}

// A line that may be a part of conftest's explanation. Empty for variables, headers and commands.
std::string sentence_of(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.front() == '\t') return {};
  std::string plain(trimmed(plain_text(text)));
  if (plain.empty() || plain.find_first_of("#/{}\"") == 0 || plain.ends_with('{') || plain.ends_with('\\') ||
      plain.ends_with(';'))
    return {};
  const auto assignment = plain.find('=');
  if (assignment != std::string::npos && plain.find(' ') > assignment) return {};
  if (plain == "uname -a" || plain.starts_with("Linux ")) return {};
  return plain;
}

}  // namespace

// The path relative to the tree. Since 6.13 the compiler runs in the tree and prints "././common/inc/nv-mm.h".
std::string DiagnosticCollector::relative(std::string_view path) const {
  if (path.empty() || path.front() == '<') return std::string(path);
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  if (!tree_.empty() && normal.starts_with(tree_) && normal.size() > tree_.size() && normal[tree_.size()] == '/') {
    normal.erase(0, tree_.size() + 1);
  }
  return normal;
}

void DiagnosticCollector::context(std::string_view text) {
  const auto from = text.find(" from ");
  if (from != std::string_view::npos && !contains(text, ": In ")) {
    if (text.starts_with("In file")) includes_.clear();
    std::string_view place = text.substr(from + 6);
    while (!place.empty() && (place.back() == ',' || place.back() == ':')) place.remove_suffix(1);
    includes_.emplace_back(place);
    return;
  }
  function_.clear();
  const auto in = text.find(": In ");
  function_file_ = relative(text.substr(0, std::min(in, text.find(": At top"))));
  const auto quote = text.find('\'');
  const auto end = text.rfind('\'');
  if (in != std::string_view::npos && quote < end) function_ = text.substr(quote + 1, end - quote - 1);
}

// The sentences before conftest's verdict explain it.
void DiagnosticCollector::conftest_failure(std::string_view verdict, bool fatal) {
  Diagnostic diagnostic;
  diagnostic.kind = fatal ? Diagnostic::Kind::error : Diagnostic::Kind::warning;
  diagnostic.tool = "conftest";
  diagnostic.message = verdict;
  if (!plain_.empty()) append(diagnostic.message, join(plain_, " "), ": ");
  plain_.clear();
  sanity_failed_ = false;
  hold(std::move(diagnostic), false);
}

void DiagnosticCollector::line(std::string_view text) {
  LogLine read = read_log_line(text);
  switch (read.kind) {
    case LogLine::Kind::other:
      if (std::string plain = sentence_of(text); !plain.empty()) {
        if (plain_.size() == max_plain_lines) plain_.erase(plain_.begin());
        plain_.push_back(std::move(plain));
      }
      return;
    case LogLine::Kind::noise:
      return;
    case LogLine::Kind::step:
      // Other tests run in parallel and print between the lines of a check: only another check ends an explanation.
      if (read.subject.ends_with("_check")) flush_sanity_check();
      return;
    case LogLine::Kind::context:
      context(read.subject);
      return;
    case LogLine::Kind::clang:
      clang_ = true;
      return;
    case LogLine::Kind::conftest:
      conftest_failure(read.subject, read.fatal);
      return;
    case LogLine::Kind::quoted:
      if (pending_ && pending_->diagnostic.source.empty() && pending_->diagnostic.line == read.diagnostic.line)
        pending_->diagnostic.source = std::move(read.subject);
      return;
    case LogLine::Kind::note:
      if (pending_ && pending_->diagnostic.note.empty() && names_subject(read.subject))
        pending_->diagnostic.note = std::move(read.subject);
      return;
    case LogLine::Kind::diagnostic:
      break;
  }
  // Some of conftest's checks print an explanation and exit: make's message is then the verdict. It comes on another
  // stream and may precede the explanation.
  if (read.diagnostic.tool == "make" && read.follows && contains(read.diagnostic.message, "_sanity_check]"))
    sanity_failed_ = true;
  hold(std::move(read.diagnostic), read.follows);
}

void DiagnosticCollector::flush_pending() {
  if (!pending_) return;
  Entry last = std::move(*pending_);
  pending_.reset();
  add(std::move(last.diagnostic), last.follows);
}

void DiagnosticCollector::flush_sanity_check() {
  if (sanity_failed_ && !plain_.empty()) conftest_failure({}, true);
  sanity_failed_ = false;
  plain_.clear();
}

void DiagnosticCollector::hold(Diagnostic diagnostic, bool follows) {
  flush_pending();
  diagnostic.file = relative(diagnostic.file);
  if (!tree_.empty()) {
    for (auto at = diagnostic.message.find(tree_ + "/"); at != std::string::npos;
         at = diagnostic.message.find(tree_ + "/", at)) {
      diagnostic.message.erase(at, tree_.size() + 1);
    }
  }
  if (diagnostic.file == function_file_) diagnostic.function = function_;
  // For an error in a header, also the driver's file that included it.
  const bool of_kernel = diagnostic.file.starts_with('/');
  if (diagnostic.kind == Diagnostic::Kind::error && (of_kernel || diagnostic.file.ends_with(".h")) &&
      !includes_.empty()) {
    const std::string driver_file = relative(includes_.back());
    if (!driver_file.starts_with('/') && !driver_file.starts_with('<')) {
      diagnostic.unit = driver_file.substr(0, driver_file.find(':'));
      if (of_kernel) diagnostic.more.push_back(driver_file);
    }
  }
  pending_ = Entry{std::move(diagnostic), follows};
}

void DiagnosticCollector::add(Diagnostic diagnostic, bool follows) {
  const std::string place = place_of(diagnostic);
  if (entries_.size() >= max_entries && !index_.contains(key_of(diagnostic))) return;
  const auto [entry, is_new] = index_.try_emplace(key_of(diagnostic), entries_.size());
  if (is_new) {
    diagnostic.hint = hint_for(diagnostic);
    entries_.push_back({std::move(diagnostic), follows});
    return;
  }
  Diagnostic& first = entries_[entry->second].diagnostic;
  if (place.empty() || place == place_of(first) || first.more.size() >= max_more) return;
  if (std::find(first.more.begin(), first.more.end(), place) == first.more.end()) first.more.push_back(place);
}

std::vector<Diagnostic> DiagnosticCollector::all(Diagnostic::Kind kind) const {
  std::vector<Diagnostic> found;
  for (const bool follows : {false, true}) {
    if (follows && kind == Diagnostic::Kind::error && !found.empty()) break;
    for (const Entry& entry : entries_) {
      if (entry.diagnostic.kind != kind || entry.follows != follows) continue;
      found.push_back(entry.diagnostic);
      if (clang_ && found.back().tool == "gcc") found.back().tool = "clang";
    }
  }
  return found;
}

std::vector<Diagnostic> DiagnosticCollector::errors() const {
  DiagnosticCollector finished = *this;
  finished.flush_sanity_check();
  finished.flush_pending();
  return finished.all(Diagnostic::Kind::error);
}

std::vector<Diagnostic> DiagnosticCollector::warnings() const {
  DiagnosticCollector finished = *this;
  finished.flush_pending();
  return finished.all(Diagnostic::Kind::warning);
}

}  // namespace vgpukit::diagnostics
