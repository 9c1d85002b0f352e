// export-gpl: EXPORT_SYMBOL(x) -> EXPORT_SYMBOL_GPL(x). Since 6.6 (9011e49d54dc, also in stable releases) symbol_get()
// refuses symbols that are not exported GPL-only.
#include <algorithm>
#include <set>

#include "transform/code_view.hpp"
#include "transform/kinds.hpp"
#include "transform/source_text.hpp"

namespace vgpukit::transform {
namespace {

class ExportGpl : public Transform {
 public:
  static constexpr std::string_view kind_name = "export-gpl";
  static Result<std::unique_ptr<Transform>> make(const Parameters& parameters);

  std::vector<std::string> globs;
  std::vector<std::string> symbols;

  std::string_view kind() const override { return kind_name; }
  std::string describe() const override { return "export-gpl " + join(symbols, ", ") + " in " + join(globs, ", "); }

  Result<Applied> apply(SourceTree& tree) const override {
    SearchResult findings;
    findings.what = "EXPORT_SYMBOL of " + join(symbols, ", ");
    TRY_ASSIGN(findings.searched, select_files(kind_name, tree, globs));
    std::set<std::string, std::less<>> seen;
    for (const std::string& path : findings.searched) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      if (!contains(source, "EXPORT_SYMBOL")) continue;
      TextEdits edits;
      const CodeView view(source);
      for (std::size_t i = 0; i < view.code().size(); ++i) {
        const bool plain = view.is(i, "EXPORT_SYMBOL");
        if (!plain && !view.is(i, "EXPORT_SYMBOL_GPL")) continue;
        if (!view.is(i + 1, "(") || !view.is(i + 3, ")")) continue;
        const std::string symbol(view.code()[i + 2].text);
        if (std::find(symbols.begin(), symbols.end(), symbol) == symbols.end()) continue;
        seen.insert(symbol);
        if (!plain) continue;
        const Token& token = view.code()[i];
        edits.replace(token.offset, token.text.size(), "EXPORT_SYMBOL_GPL");
        findings.places.push_back({path, token.line});
      }
      if (!edits.empty()) findings.change(path, edits.apply(source), edits.size());
    }
    for (const std::string& symbol : symbols) {
      if (seen.contains(symbol)) continue;
      return unexpected_places(kind_name, "EXPORT_SYMBOL(" + symbol + ") nor EXPORT_SYMBOL_GPL(" + symbol + ")",
                               Places{}, {}, findings.searched);
    }
    findings.already = true;
    return conclude(kind_name, Places{}, std::move(findings), tree);
  }
};

Result<std::unique_ptr<Transform>> ExportGpl::make(const Parameters& parameters) {
  auto made = std::make_unique<ExportGpl>();
  made->globs = list_of(parameters, "files");
  made->symbols = list_of(parameters, "symbols");
  if (made->symbols.empty()) return usage_error(kind_name, "`symbols` is empty");
  return std::unique_ptr<Transform>(std::move(made));
}

}  // namespace

TransformKind export_gpl_kind() {
  using Type = ParameterSpec::Type;
  return {
      ExportGpl::kind_name,
      "Turns EXPORT_SYMBOL(x) into EXPORT_SYMBOL_GPL(x) for these symbols; all of them must be exported. Done already: "
      "all of them are exported with EXPORT_SYMBOL_GPL.",
      {{"files", Type::glob, true, "the files"}, {"symbols", Type::list, true, "the exported symbols"}},
      ExportGpl::make};
}

}  // namespace vgpukit::transform
