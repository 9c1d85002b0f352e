#include "kernel/question.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "support/hash.hpp"
#include "support/text.hpp"
#include "support/version.hpp"

namespace vgpukit::kernel {

namespace {

using Kind = Question::Kind;

constexpr std::array<std::pair<Kind, std::string_view>, 9> names = {{{Kind::symbol, "symbol"},
                                                                     {Kind::symbol_is_gpl, "symbol-is-gpl"},
                                                                     {Kind::config, "config"},
                                                                     {Kind::header, "header"},
                                                                     {Kind::declaration, "declaration"},
                                                                     {Kind::compiles, "compiles"},
                                                                     {Kind::compiler, "compiler"},
                                                                     {Kind::kbuild, "kbuild"},
                                                                     {Kind::behaviour, "behaviour"}}};

bool is_tag(std::string_view word) {
  return word == "struct" || word == "union" || word == "enum";
}

}  // namespace

std::string_view Question::kind_name(Kind kind) {
  for (const auto& [one, name] : names)
    if (one == kind) return name;
  return "";
}

std::optional<Question::Kind> Question::kind_from(std::string_view name) {
  for (const auto& [kind, one] : names)
    if (one == name) return kind;
  return std::nullopt;
}

std::string Question::key() const {
  std::string text(kind_name(kind));
  switch (kind) {
    case Kind::compiles: {
      Hasher hasher;
      for (const auto& header : headers) hasher.add(header);
      hasher.add("").add(code);
      return text + " " + hasher.hex();
    }
    case Kind::declaration:
      return text + " " + name + (headers.empty() ? "" : " " + join(headers, " "));
    case Kind::config:
      return text + " " + name + (value.empty() ? "" : "=" + value);
    default:
      return text + " " + name;
  }
}

Result<Question> Question::parse(std::string_view text) {
  const auto words = split_words(text);
  const auto refuse = [&](std::string why) {
    return Error{ErrorKind::usage, "read the question \"" + std::string(text) + "\"", std::move(why),
                 "write one of: symbol NAME, symbol-is-gpl NAME, config CONFIG_X[=VALUE], header PATH, declaration "
                 "NAME HEADER..., compiler "
                 "gcc>=15, kbuild NAME, behaviour NAME"};
  };
  if (words.empty()) return refuse("it is empty");
  const auto kind = kind_from(words[0]);
  if (!kind) return refuse("\"" + words[0] + "\" is not a kind of question");
  if (*kind == Kind::compiles) return refuse("a snippet cannot be written on one line");
  if (words.size() < 2) return refuse("the name is missing");

  Question question;
  question.kind = *kind;
  question.name = words[1];
  std::size_t used = 2;
  if (*kind == Kind::declaration) {
    if (is_tag(words[1])) {
      if (words.size() < 3) return refuse("the name after " + words[1] + " is missing");
      question.name += " " + words[2];
      used = 3;
    }
    question.headers.assign(words.begin() + static_cast<std::ptrdiff_t>(used), words.end());
    used = words.size();
  } else if (*kind == Kind::config) {
    const auto equals = question.name.find('=');
    if (equals != std::string::npos) {
      question.value = question.name.substr(equals + 1);
      question.name.resize(equals);
      if (question.value.empty()) return refuse("there is no value after the =");
    }
  } else if (*kind == Kind::compiler) {
    // "gcc >= 15" means "gcc>=15".
    question.name.clear();
    for (std::size_t i = 1; i < words.size(); ++i) question.name += words[i];
    used = words.size();
  }
  if (used < words.size()) return refuse("\"" + words[used] + "\" is one word too many");
  if (auto valid = check(question); !valid) return refuse(valid.error().why);
  return question;
}

Status Question::check(const Question& question) {
  const auto refuse = [&](std::string why) {
    return Error{ErrorKind::usage, "ask the kernel \"" + question.key() + "\"", std::move(why), ""};
  };
  const auto is_header = [](std::string_view path) {
    const auto good = [](char c) { return is_identifier_character(c) || contains("-./+,", std::string_view(&c, 1)); };
    return !path.empty() && path[0] != '/' && std::all_of(path.begin(), path.end(), good) && !contains(path, "..");
  };
  for (const auto& header : question.headers)
    if (!is_header(header)) return refuse("\"" + header + "\" is not a header as in #include <linux/fs.h>");
  switch (question.kind) {
    case Kind::symbol:
    case Kind::symbol_is_gpl:
      if (!is_identifier(question.name)) return refuse("\"" + question.name + "\" is not a symbol name");
      return {};
    case Kind::config:
      if (!question.name.starts_with("CONFIG_") || !is_identifier(question.name))
        return refuse("\"" + question.name + "\" is not a configuration option: these begin with CONFIG_");
      return {};
    case Kind::header:
      if (!is_header(question.name))
        return refuse("\"" + question.name + "\" is not a header as in #include <linux/fs.h>");
      return {};
    case Kind::declaration: {
      std::string_view word = question.name;
      if (const auto space = word.find(' '); space != std::string_view::npos && is_tag(word.substr(0, space)))
        word = word.substr(space + 1);
      if (!is_identifier(word))
        return refuse("\"" + question.name + "\" is neither an identifier nor struct, union or enum with a name");
      if (question.headers.empty()) return refuse("the header that declares it is missing");
      return {};
    }
    case Kind::compiles:
      if (question.code.find_first_not_of(" \t\n") == std::string::npos) return refuse("the snippet is empty");
      if (!question.of.empty()) return check({Kind::declaration, question.of, "", question.headers, ""});
      return {};
    case Kind::compiler: {
      const auto operators = question.name.find_first_of("<>=");
      const auto family = std::string_view(question.name).substr(0, operators);
      if (family != "gcc" && family != "clang")
        return refuse("\"" + std::string(family) + "\" is not a compiler: gcc or clang");
      if (operators == std::string::npos) return {};
      auto range = VersionRange::parse(std::string_view(question.name).substr(operators));
      if (!range) return refuse(range.error().why);
      return {};
    }
    case Kind::kbuild:
      if (question.name.empty()) return refuse("the variable is missing");
      return {};
    case Kind::behaviour:
      if (question.name != "symbol-get-gpl-only") return refuse("the known behaviours are: symbol-get-gpl-only");
      return {};
  }
  return {};
}

}  // namespace vgpukit::kernel
