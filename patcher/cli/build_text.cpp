#include "cli/build_text.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "cli/plan_text.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

std::string seconds(const build::BuildReport& report, const char* what) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", report.seconds.contains(what) ? report.seconds.at(what) : 0.0);
  return text;
}

// "      was in   linux/timer.h:234 of 6.12.117  int del_timer(struct timer_list *timer)", with the text cut.
std::string fact_line(const char* what, const std::string& place, std::string text, const Style& style) {
  constexpr std::size_t most = 110;  // characters
  if (text.size() > most) text = text.substr(0, most - 3) + "...";
  return std::string("      ") + what + place + (text.empty() ? "" : style.dim("  " + text)) + "\n";
}

// What the headers say about the name that an error is about.
std::string api_change_text(const build::BuildReport::ErrorPart& error, const Style& style) {
  if (error.subject.empty()) return {};
  std::string text = "    about " + style.bold(error.subject) + "\n";
  const bool same = !error.declared_before.empty() && !error.declared_now.empty() &&
                    error.declared_before.front().text == error.declared_now.front().text;
  for (const auto& before : error.declared_before)
    if (!same) text += fact_line("was in   ", before.place + " of " + before.kernel, before.text, style);
  for (const auto& now : error.declared_now)
    text += fact_line("is in    ",
                      now.place + (same ? ", as in " + error.declared_before.front().kernel : " of " + now.kernel),
                      now.text, style);
  for (const auto& near : error.nearest) {
    text += fact_line("near     ", style.bold(near.name) + ", " + near.place, near.text, style);
    if (!near.why.empty()) text += fact_line("         ", "(" + near.why + ")", "", style);
  }
  if (error.declared_before.empty() && error.declared_now.empty() && error.nearest.empty() && error.conftest.empty())
    text += "      nothing found about it in the headers of the kernels here\n";
  if (!error.follows.empty()) text += fact_line("follows  ", "from " + error.follows + ", see there", "", style);
  if (!error.conftest.empty()) text += fact_line("conftest ", error.conftest, "", style);
  return text;
}

void print_error(const build::BuildReport::ErrorPart& error, const Style& style, bool with_hint) {
  std::string place = error.file;
  if (error.line > 0) place += ":" + std::to_string(error.line);
  std::string text = "  " + style.bold(place.empty() ? error.tool : place) + ": " + error.message + "\n";
  if (!error.more.empty())
    text += style.dim("    and in " + std::to_string(error.more.size()) + " more place" +
                      (error.more.size() == 1 ? "" : "s") + ": " + error.more.front() +
                      (error.more.size() > 1 ? " ..." : "") + "\n");
  if (with_hint && !error.hint.empty()) text += wrapped("-> " + error.hint, 4);
  print(text);
}

// Prints errors about the same name together, after the first of them, which has what is known of the name.
void print_errors(const build::BuildReport& report, const Style& style, const std::string& same_build) {
  std::set<std::string> printed;
  for (const auto& error : report.errors) {
    if (!error.subject.empty() && !printed.insert(error.subject).second) continue;
    print("\n");
    print_error(error, style, true);
    print(api_change_text(error, style));
    if (error.subject.empty()) continue;
    for (const auto& other : report.errors)
      if (&other != &error && other.subject == error.subject) print_error(other, style, other.hint != error.hint);
  }
  if (printed.empty() || report.log.empty()) return;
  print("\n" + std::to_string(printed.size()) + (printed.size() == 1 ? " name" : " names") +
        " of the kernel in these errors, and no recipe that was applied covers them.\n"
        "To have recipes searched for, and tried:\n"
        "  vgpukit adapt " +
        same_build + " --kernel " + report.kernel.release +
        "\nTo begin them by hand (docs/guides/writing-a-recipe.md goes on from there):\n"
        "  vgpukit recipe new --from-log " +
        report.log + " --kernel " + report.kernel.release +
        (report.kernel.root == "/" ? "" : " --root " + report.kernel.root) + "\n");
}

void print_warnings(const build::BuildReport& report, const Style& style) {
  for (const auto& warning : report.warnings) {
    if (warning.tool != "verify" && warning.tool != "package" && warning.tool != "compiler" &&
        warning.tool != "conftest" && warning.tool != "facts" && warning.tool != "recipe" &&
        warning.tool != "sandbox" && warning.tool != "signing")
      continue;  // the compiler's own are in the log
    const std::string place = warning.file + (warning.line > 0 ? ":" + std::to_string(warning.line) : "");
    print(style.yellow("warning: ") + (place.empty() ? "" : place + ": ") + warning.message + "\n" +
          wrapped("-> " + warning.hint, 4));
  }
}

}  // namespace

void print_build_report(const build::BuildReport& report, const Globals& globals, const std::string& same_build) {
  const auto style = style_of(globals, STDOUT_FILENO);
  print(
      style.bold("NVIDIA " + report.driver.version + " (" + report.driver.flavour + ") for " + report.kernel.release) +
      ", " + report.kernel.compiler + "\n");
  if (report.result == build::BuildReport::Result::consent) {
    print(notices_text(report.notices, style));
    return;
  }
  if (!globals.quiet) print(recipes_text(report.recipes, style, /*brief=*/true));
  if (report.result != build::BuildReport::Result::built) {
    print("\n" + style.red("not built") + ": " + std::to_string(report.errors.size()) +
          (report.errors.size() == 1 ? " error" : " errors") +
          (report.log.empty() ? "" : " after " + seconds(report, "total") + " s") + "\n");
    print_errors(report, style, same_build);
    print("\n");
    print_warnings(report, style);
    if (!report.log.empty()) print("log: " + report.log + "\n");
    return;
  }
  // The result is the last that a user sees.
  print("\n");
  print_warnings(report, style);
  if (!report.notices.empty()) {
    const auto names = join(report.notices, ", ", [](const auto& notice) { return notice.name; });
    const bool of_recipe = std::any_of(report.notices.begin(), report.notices.end(),
                                       [](const auto& notice) { return !notice.recipe.empty(); });
    print(style.yellow("accepted: ") + names +
          (of_recipe ? ". These modules are for this machine, not for distribution.\n" : "\n"));
  }
  if (!report.log.empty()) print("log: " + report.log + "\n");
  print(style.green(report.output.empty() ? "compiled and verified, no modules delivered"
                    : report.unchanged    ? "nothing has changed since it was built and verified"
                                          : "built and verified") +
        (report.unchanged ? ""
                          : " in " + seconds(report, "total") + " s (conftest " + seconds(report, "conftest") +
                                ", compile " + seconds(report, "compile") + ")") +
        ":\n");
  for (const auto& module : report.modules)
    print("  " + (module.path.empty() ? module.name : module.path) + "  " + style.dim(human_bytes(module.bytes)) +
          "\n");
}

Exit exit_of_build(const build::BuildReport& report) {
  if (report.result == build::BuildReport::Result::built) return Exit::done;
  return report.result == build::BuildReport::Result::consent ? Exit::consent : Exit::failed;
}

}  // namespace vgpukit::cli
