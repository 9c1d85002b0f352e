#include "conftest/conftest_audit.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>

#include "support/text.hpp"

namespace vgpukit::conftest {
namespace {

bool has_any(const kernel::CompileError& error, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return contains(error.message, part); });
}

// The call or the redefinition does not match the declaration in a header.
bool wrong_arguments(const kernel::CompileError& error) {
  return has_any(
      error, {"too few arguments",  // gcc, clang: function call, macro invocation
              "too many arguments",
              "arguments, but only",  // gcc: macro "x" requires 2 arguments, but only 1 given
              "argument, but only", "arguments, but takes just", "incompatible type for argument", "passing argument",
              "passing '",  // clang
              "conflicting types for",
              "void value not ignored",  // the function is declared and returns void
              "invalid use of void expression",
              "called object",                          // gcc: an object has the name of the function
              "is not a function or function pointer",  // clang
              "argument 'x' was not specified", "incompatible return type"});
}

// The flags reject the form of the test itself.
bool is_about_form(const kernel::CompileError& error) {
  return has_any(error, {"no return statement in function", "control reaches end of non-void",
                         "does not return a value", "strict-prototypes", "missing-prototypes", "missing-declarations",
                         "[-Werror=unused", "[-Werror,-Wunused", "old-style-definition"});
}

bool is_missing_file(const kernel::CompileError& error) {
  return error.fatal && has_any(error, {"No such file", "file not found"});
}

// The error is in the snippet itself.
bool own(const kernel::CompileError& error) {
  return error.file.empty();
}

diagnostics::Diagnostic warning(const ConftestFinding& finding) {
  diagnostics::Diagnostic made;
  made.kind = diagnostics::Diagnostic::Kind::warning;
  made.tool = "conftest";
  made.file = own(finding.error) ? "conftest.sh" : finding.error.file;
  made.line = own(finding.error) ? 0 : finding.error.line;
  return made;
}

std::string answer_of(const ConftestCheck& check) {
  return check.inverted ? "present" : "absent";
}

// Whether the kernel's headers declare the function; nothing if that cannot be determined.
std::optional<bool> declared(kernel::Facts& facts, const std::string& function, const std::string& code) {
  kernel::Question question;
  question.kind = kernel::Question::Kind::declaration;
  question.name = function;
  for (const auto& header : headers_of(code)) {
    const auto there = facts.ask({kernel::Question::Kind::header, header, {}, {}, {}});
    if (there && there->yes) question.headers.push_back(header);
  }
  if (question.headers.empty()) return false;
  const auto answer = facts.ask(question);
  if (!answer) return std::nullopt;
  return answer->yes;
}

// Nothing if the kernel's headers confirm the answer.
std::optional<diagnostics::Diagnostic> false_negative_warning(kernel::Facts& facts, const ConftestCheck& check,
                                                              const ConftestFinding& finding) {
  const std::string function = check.inverted ? called_function(check.code) : std::string();
  std::optional<bool> fact;
  if (!function.empty()) fact = declared(facts, function, check.code);
  if (fact == true) return std::nullopt;
  diagnostics::Diagnostic made = warning(finding);
  made.message = "the test " + check.test + " says \"" + answer_of(check) +
                 "\" only because of an unrelated error: " + finding.error.message;
  const std::string effect = check.inverted
                                 ? "the driver treats this kernel as having " +
                                       (function.empty() ? "what it asked for" : function + "()") + " (" +
                                       check.define + " is defined)"
                                 : "the driver treats this kernel as lacking it (" + check.define + " is not defined)";
  const std::string set = " a recipe can `replace` its compile_check_conftest line in conftest.sh by `echo \"#" +
                          std::string(check.inverted ? "undef " : "define ") + check.define + "\"`";
  if (fact == false)
    made.hint = effect + ", but its headers declare no " + function + ";" + set;
  else
    made.hint = effect + "; if that is wrong," + set;
  return made;
}

}  // namespace

std::string called_function(std::string_view code) {
  std::string called;
  code.remove_prefix(std::min(code.find('{'), code.size()));
  for_each_word(code, [&](std::string_view word, std::size_t offset) {
    static constexpr std::string_view keywords[] = {"return", "if", "while", "for", "sizeof", "offsetof"};
    if (!called.empty() || !is_identifier(word)) return;
    if (std::find(std::begin(keywords), std::end(keywords), word) != std::end(keywords)) return;
    const auto next = code.find_first_not_of(" \n", offset + word.size());
    if (next != std::string_view::npos && code[next] == '(') called = word;
  });
  return called;
}

std::vector<std::string> headers_of(std::string_view code) {
  std::vector<std::string> headers;
  each_line(code, [&](std::string_view line) {
    line.remove_prefix(std::min(line.find("#include"), line.size()));
    const auto open = line.find('<');
    const auto close = line.find('>');
    if (open != std::string_view::npos && close != std::string_view::npos && open < close)
      headers.emplace_back(line.substr(open + 1, close - open - 1));
  });
  return headers;
}

ConftestFinding classify_failure(const ConftestCheck& check) {
  const auto& errors = check.verdict.errors;
  const auto first = [&](const auto& wanted) { return std::find_if(errors.begin(), errors.end(), wanted); };
  if (errors.empty()) return {};  // the compiler printed no error that could be parsed
  const bool asks_for_function = check.inverted && !called_function(check.code).empty();
  if (asks_for_function) {
    if (first([](const kernel::CompileError& e) { return own(e) && wrong_arguments(e); }) != errors.end()) return {};
  } else {
    // Any error in the lines of the test: a missing name or member, or a macro with other parameters (a "functions"
    // test that calls nothing).
    if (first([](const kernel::CompileError& e) { return own(e) && !is_about_form(e); }) != errors.end()) return {};
  }
  if (const auto header = first([](const kernel::CompileError& e) { return !own(e); }); header != errors.end())
    return {ConftestFailure::header, *header};
  if (is_about_form(errors.front())) return {ConftestFailure::form, errors.front()};
  return {ConftestFailure::other, errors.front()};
}

std::vector<diagnostics::Diagnostic> audit_conftest(kernel::Facts& facts, const std::vector<ConftestCheck>& checks) {
  std::vector<diagnostics::Diagnostic> warnings;
  struct Broken {
    ConftestFinding finding;
    std::vector<std::string> present, absent;
  };
  std::map<std::string, Broken> broken;  // by place and message
  for (const auto& check : checks) {
    const auto finding = classify_failure(check);
    if (finding.failure == ConftestFailure::expected) continue;
    if (finding.failure != ConftestFailure::header) {
      if (auto made = false_negative_warning(facts, check, finding)) warnings.push_back(std::move(*made));
      continue;
    }
    auto& one = broken[finding.error.file + ":" + std::to_string(finding.error.line) + finding.error.message];
    one.finding = finding;
    (check.inverted ? one.present : one.absent).push_back(check.test);
  }
  for (auto& [place, one] : broken) {
    diagnostics::Diagnostic made = warning(one.finding);
    made.message = "this header of the kernel does not compile (" + one.finding.error.message +
                   "), so these answers of conftest may be wrong: ";
    if (!one.present.empty()) made.message += "\"present\" to " + join(one.present, ", ");
    if (!one.absent.empty())
      made.message += std::string(one.present.empty() ? "" : "; ") + "\"absent\" to " + join(one.absent, ", ");
    made.hint = is_missing_file(one.finding.error) ? "the kernel's headers are not complete: install them again"
                                                   : "install the kernel's headers again; if the header is meant to be "
                                                     "like that, a recipe can `replace` each test's "
                                                     "compile_check_conftest line in conftest.sh by "
                                                     "`echo \"#define NAME\"` or `echo \"#undef NAME\"`";
    warnings.push_back(std::move(made));
  }
  return warnings;
}

}  // namespace vgpukit::conftest
