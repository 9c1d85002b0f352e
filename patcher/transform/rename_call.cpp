// rename-call: from(...) -> to(...), with other arguments if the kernel changed them.
#include <algorithm>
#include <cctype>
#include <charconv>

#include "support/number.hpp"
#include "transform/call_sites.hpp"
#include "transform/kinds.hpp"
#include "transform/source_text.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {
namespace {

// "$1, $2, NULL" cut into literal text and references.
struct Template {
  struct Part {
    enum class Kind { text, argument, all, count } kind = Kind::text;
    std::string text;
    std::size_t argument = 0;
  };
  std::vector<Part> parts;
  std::size_t highest = 0;            // the highest $n
  std::optional<std::size_t> length;  // how many arguments it makes; unknown with $*

  static Template parse(std::string_view text) {
    Template made;
    std::string literal;
    const auto add = [&](Part part) {
      if (!literal.empty()) made.parts.push_back({Part::Kind::text, std::move(literal), 0});
      literal.clear();
      made.parts.push_back(std::move(part));
    };
    bool all = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char next = text[i] == '$' && i + 1 < text.size() ? text[i + 1] : '\0';
      if (next == '*')
        add({Part::Kind::all, "", 0}), all = true, ++i;
      else if (next == '#')
        add({Part::Kind::count, "", 0}), ++i;
      else if (next >= '1' && next <= '9') {
        std::size_t number = 0;
        const auto end = std::from_chars(text.data() + i + 1, text.data() + text.size(), number).ptr;
        add({Part::Kind::argument, "", number});
        made.highest = std::max(made.highest, number);
        i = static_cast<std::size_t>(end - text.data()) - 1;
      } else {
        literal += text[i];
      }
    }
    if (!literal.empty()) made.parts.push_back({Part::Kind::text, std::move(literal), 0});
    if (!all) {  // counted in a call
      const std::string call = "f(" + std::string(text) + ")";
      const std::vector<CallSite> calls = find_calls(CodeView(call), "f");
      if (!calls.empty() && calls.front().complete) made.length = calls.front().arguments.size();
    }
    return made;
  }
};

std::string arguments_of(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " argument" : " arguments");
}

class RenameCall : public Transform {
 public:
  static constexpr std::string_view kind_name = "rename-call";
  static Result<std::unique_ptr<Transform>> make(const Parameters& parameters);

  std::vector<std::string> globs;
  std::string from, to, arguments_text;
  std::optional<Template> arguments;
  std::optional<std::size_t> when;  // only calls with that many arguments
  Places wanted;

  std::string_view kind() const override { return kind_name; }
  std::string describe() const override {
    std::string text = "rename-call " + from;
    if (when) text += " (with " + arguments_of(*when) + ")";
    text += " -> " + to;
    if (arguments) text += "(" + arguments_text + ")";
    return text + " in " + join(globs, ", ");
  }

  Result<Applied> apply(SourceTree& tree) const override {
    SearchResult findings;
    findings.what = "calls of " + from + (when ? " with " + arguments_of(*when) : "");
    findings.hint = "it would count as done already if there were calls of " + to + result_count() + " in these files";
    TRY_ASSIGN(findings.searched, select_files(kind_name, tree, globs));
    for (const std::string& path : findings.searched) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      if (!contains(source, from) && !contains(source, to)) continue;
      TRY(in_file(path, source, findings));
    }
    return conclude(kind_name, wanted, std::move(findings), tree);
  }

 private:
  std::string result_count() const {
    return arguments && arguments->length ? " with " + arguments_of(*arguments->length) : "";
  }
  bool is_result(const CallSite& call) const {
    return !arguments || !arguments->length || (call.complete && call.arguments.size() == *arguments->length);
  }

  Status in_file(const std::string& path, std::string_view source, SearchResult& findings) const {
    const CodeView view(source);
    std::vector<CallSite> todo;
    // The definition of `to` may call `from`: such a call stays.
    const std::vector<Span> wrappers = from == to ? std::vector<Span>{} : find_definitions(view, to);
    for (CallSite& call : find_calls(view, from)) {
      const auto covers = [&](const Span& span) { return span.begin <= call.name.begin && call.name.end <= span.end; };
      if (std::any_of(wrappers.begin(), wrappers.end(), covers)) continue;
      if (when || arguments) {
        if (!call.complete)
          return other_shape(kind_name, {path, call.line},
                             "the arguments of this call of " + from + " cannot be separated",
                             "an #if is inside of it, or a macro leaves its parenthesis open");
        if (when && call.arguments.size() != *when) continue;
        if (from == to && is_result(call)) continue;
      }
      if (arguments && call.arguments.size() < arguments->highest)
        return other_shape(kind_name, {path, call.line},
                           "this call of " + from + " has " + arguments_of(call.arguments.size()) + ", and `" +
                               arguments_text + "` needs $" + std::to_string(arguments->highest),
                           "`when-arguments` selects the calls to edit");
      if (const std::string_view twice = computed_twice(source, call); !twice.empty())
        return other_shape(kind_name, {path, call.line}, quoted(twice) + " would be computed more than once");
      findings.places.push_back({path, call.line});
      todo.push_back(std::move(call));
    }
    if (const auto line = todo.empty() ? std::nullopt : function_pointer(view, from))
      return other_shape(kind_name, {path, *line},
                         from + " is also a variable here: calls of the function cannot be told from its calls");
    for (const CallSite& call : find_calls(view, to))
      if (is_result(call) && (from != to || todo.empty())) findings.already = true;
    if (todo.empty()) return {};
    findings.change(path, render(source, {0, source.size()}, todo), todo.size());
    return {};
  }

  // An argument that changes something and that the new arguments have more than once; empty if there is none.
  std::string_view computed_twice(std::string_view source, const CallSite& call) const {
    if (!arguments || call.arguments.empty()) return {};
    const auto text = [&](const Span& first, const Span& last) {
      return source.substr(first.begin, last.end - first.begin);
    };
    std::vector<std::size_t> uses(call.arguments.size(), 0);
    std::size_t all = 0;
    for (const Template::Part& part : arguments->parts) {
      if (part.kind == Template::Part::Kind::argument) ++uses[part.argument - 1];
      if (part.kind == Template::Part::Kind::all) ++all;
    }
    const std::string_view list = text(call.arguments.front(), call.arguments.back());
    if (all > 1 && assigns(list)) return list;
    for (std::size_t i = 0; i < uses.size(); ++i) {
      const std::string_view argument = text(call.arguments[i], call.arguments[i]);
      if (uses[i] + all > 1 && assigns(argument)) return argument;
    }
    return {};
  }

  // The text of a span with its calls rewritten, including calls in the arguments of a call.
  std::string render(std::string_view source, Span span, const std::vector<CallSite>& calls) const {
    std::string text;
    std::size_t at = span.begin;
    for (const CallSite& call : calls) {
      if (call.name.begin < at || call.name.end > span.end) continue;
      text += source.substr(at, call.name.begin - at);
      text += to;
      at = call.name.end;
      if (!arguments) continue;
      text += source.substr(at, call.list.begin - at);  // white space and the parenthesis
      text += fill(source, call, calls);
      at = call.list.end;
    }
    return text += source.substr(at, span.end - at);
  }

  std::string fill(std::string_view source, const CallSite& call, const std::vector<CallSite>& calls) const {
    std::string text;
    for (const Template::Part& part : arguments->parts) {
      switch (part.kind) {
        case Template::Part::Kind::text:
          text += part.text;
          break;
        case Template::Part::Kind::count:
          text += std::to_string(call.arguments.size());
          break;
        case Template::Part::Kind::argument:
          text += render(source, call.arguments[part.argument - 1], calls);
          break;
        case Template::Part::Kind::all:
          if (!call.arguments.empty())
            text += render(source, {call.arguments.front().begin, call.arguments.back().end}, calls);
          break;
      }
    }
    return text;
  }
};

Result<std::unique_ptr<Transform>> RenameCall::make(const Parameters& parameters) {
  auto made = std::make_unique<RenameCall>();
  made->globs = list_of(parameters, "files");
  made->from = trimmed_copy(text_of(parameters, "from"));
  made->to = trimmed_copy(text_of(parameters, "to"));
  TRY_ASSIGN(made->wanted, places_of(parameters, "1.."));
  for (const std::string& name : {made->from, made->to}) {
    const std::vector<Token> tokens = lex(name);
    if (tokens.size() != 1 || tokens[0].kind != Token::Kind::identifier)
      return usage_error(kind_name, "`" + name + "` is not the name of a function");
  }
  if (has(parameters, "arguments")) {
    made->arguments_text = trimmed_copy(text_of(parameters, "arguments"));
    made->arguments = Template::parse(made->arguments_text);
  }
  if (has(parameters, "when-arguments")) {
    const std::string text = trimmed_copy(text_of(parameters, "when-arguments"));
    made->when = number_in<std::size_t>(text);
    if (!made->when) return usage_error(kind_name, "`when-arguments` is `" + text + "`, expected a number");
  }
  if (made->from == made->to) {
    if (!made->arguments)
      return usage_error(kind_name, "`from` and `to` are the same and there are no `arguments`: nothing would change");
    if (!made->arguments->length)
      return usage_error(kind_name,
                         "with the same `from` and `to`, `arguments` cannot have $*: edited calls could not be "
                         "distinguished from others");
    if (made->when == made->arguments->length)
      return usage_error(
          kind_name,
          "the calls would have as many arguments as before: edited calls could not be distinguished from others");
  }
  return std::unique_ptr<Transform>(std::move(made));
}

}  // namespace

TransformKind rename_call_kind() {
  using Type = ParameterSpec::Type;
  return {
      RenameCall::kind_name,
      "Renames the calls of a function, in code and in macro bodies, and rewrites their arguments. Its "
      "declarations, members of that name and the definition of `to` itself stay. Done already: there are no such "
      "calls, and there are calls of `to`; if `from` and `to` are the same, calls with the new number of arguments.",
      {{"files", Type::glob, true, "the files"},
       {"from", Type::token, true, "the function whose calls are edited"},
       {"to", Type::token, true, "the function to call; may be the same"},
       {"arguments", Type::text, false,
        "the new arguments: `$1, NULL`; $1, $2, ... are the old ones, $* all of them, $# their number"},
       {"when-arguments", Type::text, false, "only calls with that many arguments"},
       {"places", Type::places, false, "the expected number of places; 1.. if not given"}},
      RenameCall::make};
}

}  // namespace vgpukit::transform
