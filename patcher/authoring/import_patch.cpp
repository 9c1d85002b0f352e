#include "authoring/import_patch.hpp"

#include <algorithm>
#include <filesystem>

#include "authoring/draft_text.hpp"
#include "diagnostics/api_changes.hpp"
#include "transform/recognise.hpp"

namespace vgpukit::authoring {

namespace {

// The fact that kernels that need the patch have.
struct Condition {
  std::string yaml;  // below `kernel:`, indented by four
  std::string text;
  std::string subject;  // "function del_timer_sync() is gone"
};

Condition condition_of(const transform::RecognisedDiff& diff, const std::vector<kernel::KernelHeaders>& headers,
                       const std::string& release) {
  std::vector<diagnostics::Subject> subjects;
  const auto ask = [&](const std::vector<std::string>& names) {
    for (const auto& name : names) {
      diagnostics::Subject subject;
      subject.name = name;
      subjects.push_back(subject);
    }
  };
  ask(diff.gone);
  ask(diff.fresh);
  ask(diff.calls);
  if (!release.empty()) {
    const auto findings = diagnostics::find_api_changes(headers, release, subjects, {});
    const auto gone = findings.begin() + static_cast<std::ptrdiff_t>(diff.gone.size());
    const auto fresh = gone + static_cast<std::ptrdiff_t>(diff.fresh.size());
    // First a removed name, then a new one, then a changed prototype.
    for (auto each = findings.begin(); each != gone; ++each)
      if (each->before && !each->now) {
        const auto header = included_header(each->before->header);
        return {"    lacks: {declaration: " + each->subject.name + ", header: " + header + "}\n",
                "lacks declaration " + each->subject.name + " " + header, each->subject.name + " is gone"};
      }
    for (auto each = gone; each != fresh; ++each)
      if (each->now && !each->before) {
        const auto header = included_header(each->now->header);
        return {"    has: {declaration: " + each->subject.name + ", header: " + header + "}\n",
                "has declaration " + each->subject.name + " " + header, each->subject.name + " is new"};
      }
    for (auto each = fresh; each != findings.end(); ++each)
      if (each->now && !each->now->text.starts_with("#define")) {
        const auto about = each->subject.name + "() as it is declared in " + each->now->kernel;
        return {"    has:\n" + prototype_snippet(each->now->text) + "      about: " + about +
                    "\n      header: " + included_header(each->now->header) + "\n",
                "compiles " + about, each->subject.name + "() takes other arguments"};
      }
  }
  if (!diff.version.empty())
    return {"    version: \">=" + diff.version +
                "\"  # from the patch's KERNEL_VERSION; a fact would also detect backports\n",
            "version >=" + diff.version, "the kernel has changed"};
  return {};
}

std::string step_files(const transform::RecognisedStep& step) {
  return step.files.size() == 1 ? in_yaml_quotes(step.files.front()) : "\"**/*.{c,h}\"";
}

std::string step_with_files(const transform::RecognisedStep& step) {
  const auto text = step_in_words(step) + " in " + step.files.front();
  return step.files.size() == 1 ? text : text + " and " + std::to_string(step.files.size() - 1) + " more";
}

}  // namespace

Result<ImportedPatch> import_patch(const std::string& diff, const std::string& name,
                                   const std::vector<kernel::KernelHeaders>& headers, const std::string& release) {
  TRY_ASSIGN(const auto recognised, transform::recognise_diff(diff, name));
  const auto kernel = release.empty() && !headers.empty() ? headers.back().release : release;
  const auto condition = condition_of(recognised, headers, kernel);
  const auto subject = subject_of_mail(diff);

  ImportedPatch made;
  made.id =
      draft_id(recognised.version.empty() ? "new" : recognised.version, std::filesystem::path(name).stem().string());
  made.patch = recognised.rest;
  made.condition = condition.text;
  std::string steps;
  std::string constructs;
  // The diff comes first, because its context is that of the original driver.
  if (!recognised.rest.empty()) {
    steps += "  # the hunks that no transform describes; it fails if the driver's lines differ\n  - patch: {file: " +
             made.id + ".patch}\n";
    made.steps.push_back("patch of " + std::to_string(recognised.rest_files.size()) +
                         (recognised.rest_files.size() == 1 ? " file" : " files") + ", the first is " +
                         recognised.rest_files.front());
  }
  for (const auto& step : recognised.steps) {
    steps += step_in_yaml(step, step_files(step));
    made.steps.push_back(step_with_files(step));
    if (!step.construct.empty() && constructs.empty())
      constructs = "      - {token: " + in_yaml_quotes(step.construct) + ", files: " + step_files(step) + "}\n";
  }
  if (constructs.empty() && !recognised.rest_files.empty())
    constructs =
        "      - {file: " + recognised.rest_files.front() + "}  # TODO a token that only affected drivers have\n";
  if (condition.yaml.empty())
    constructs +=
        "      - {file: " + std::string(draft_guard) + "}  # remove this line when `kernel` has a condition\n";
  const bool exports = std::any_of(recognised.steps.begin(), recognised.steps.end(),
                                   [](const transform::RecognisedStep& step) { return step.kind == "export-gpl"; });
  made.text = "# A draft by `vgpukit recipe import " + std::filesystem::path(name).filename().string() +
              "`. Read it, try it, and say in `summary` what it costs the user.\nid: " + made.id + "\nsummary: " +
              in_yaml_quotes("TODO " + (!subject.empty()            ? subject
                                        : condition.subject.empty() ? "what the patch does"
                                                                    : condition.subject)) +
              "\n# upstream: [{release: \"TODO\", subject: \"TODO the kernel's commit\"}]\nwhen:\n" +
              (condition.yaml.empty() ? "  # TODO kernel: {lacks: {declaration: " +
                                            (recognised.gone.empty() ? std::string("OLD") : recognised.gone.front()) +
                                            ", header: linux/x.h}}\n"
                                      : "  kernel:\n" + condition.yaml) +
              "  driver:\n    contains:\n" + constructs + "transforms:\n" + steps;
  if (exports) made.text += "# TODO notice: {name: gpl-export, text: ...}, as in 6.6-symbol-get-gpl-only\n";
  return made;
}

}  // namespace vgpukit::authoring
