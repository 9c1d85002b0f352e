#include "matrix/emit.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "matrix_texts.hpp"  // patcher/matrix/jobs/, compiled in by CMake

namespace vgpukit::matrix {

namespace {

// Any text as a YAML scalar.
std::string yaml(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void replace_all(std::string& text, const std::string& mark, const std::string& by) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
}

std::size_t jobs_of(const Emission& emission, std::size_t most) {
  return emission.max_jobs == 0 ? most : std::min(emission.max_jobs, most);
}

Status check_path(const std::string& file) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-";
  const std::string tried = "write jobs for " + file;
  const auto normal = fs::path(file).lexically_normal();
  if (normal.is_absolute() || normal.string().starts_with(".."))
    return Error{ErrorKind::usage, tried, "a job finds the file by its path in the repository",
                 "run this in the top folder of the repository, with the path from there"};
  if (file.find_first_not_of(plain) != std::string::npos || file.front() == '-')
    return Error{ErrorKind::usage, tried, "a shell would change this name",
                 "use a name of letters, digits and _ . + -"};
  return {};
}

std::string filled(std::string text, const std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& [mark, value] : values) replace_all(text, mark, value);
  return text;
}

// A comment for each kernel in a container image. A job uses the podman of its own machine.
std::string about_images(const Grid& grid, const Emission& emission) {
  std::string text;
  for (const auto& kernel : grid.file->kernels) {
    if (kernel.container.empty()) continue;
    text += "# " + kernel.name + " is built in a container image: a job needs podman";
    text += kernel.source.fetch.empty()
                ? " and the image, otherwise its cells are missing (fetch: in the matrix file can pull it).\n"
                : ".\n";
  }
  if (!text.empty() && !emission.image.empty())
    text += "# Jobs run in a container themselves: podman works there only if it may mount (--privileged).\n";
  return text;
}

using nlohmann::ordered_json;

// A name for Kubernetes: lower case letters, digits and '-'.
std::string object_name(const std::string& file) {
  std::string name = "vgpukit-";
  for (const char c : fs::path(file).stem().string().substr(0, 40))
    name += std::isalnum(static_cast<unsigned char>(c)) ? static_cast<char>(std::tolower(c)) : '-';
  while (name.back() == '-') name.pop_back();
  return name;
}

std::string scalar(const ordered_json& value, const std::string& indent) {
  if (!value.is_string()) return value.dump();
  const auto text = value.get<std::string>();
  const bool block =
      text.ends_with('\n') && text.front() != ' ' && text.front() != '\n' && !text.ends_with("\n\n") &&
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return c == '\n' || (c >= ' ' && c != 0x7F); });
  if (!block) return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  std::string lines = "|";
  for (std::size_t from = 0; from < text.size();) {
    const auto end = text.find('\n', from);
    lines += "\n" + (end > from ? indent + text.substr(from, end - from) : "");
    from = end + 1;
  }
  return lines;
}

// Block style, for readability.
std::string yaml_of(const ordered_json& value, const std::string& indent) {
  std::string text;
  const auto child = [&](const ordered_json& of) {
    return of.is_structured() && !of.empty() ? "\n" + yaml_of(of, indent + "  ")
                                             : " " + scalar(of, indent + "  ") + "\n";
  };
  if (value.is_object()) {
    for (const auto& [key, of] : value.items()) text += indent + key + ":" + child(of);
    return text;
  }
  for (const auto& of : value) {
    auto item = of.is_structured() ? yaml_of(of, indent + "  ") : indent + "  " + scalar(of, indent + "  ") + "\n";
    item[indent.size()] = '-';
    text += item;
  }
  return text;
}

ordered_json job(const std::string& name, const Emission& emission, const std::string& script) {
  const ordered_json container = {
      {"name", "vgpukit"},
      {"image", emission.image},
      {"command", {"/bin/sh", "-ec", (emission.setup.empty() ? "" : emission.setup + "\n") + script}},
      {"resources", {{"requests", {{"cpu", "2"}, {"memory", "2Gi"}}}}},
      {"volumeMounts",
       {{{"name", "matrix"}, {"mountPath", "/matrix"}, {"readOnly", true}},
        {{"name", "results"}, {"mountPath", "/results"}}}}};
  const auto volumes = object_name(emission.file);
  return {{"apiVersion", "batch/v1"},
          {"kind", "Job"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"template",
             {{"spec",
               {{"restartPolicy", "Never"},
                {"containers", ordered_json::array({container})},
                {"volumes",
                 {{{"name", "matrix"}, {"configMap", {{"name", volumes}}}},
                  {{"name", "results"}, {"persistentVolumeClaim", {{"claimName", volumes}}}}}}}}}}}}};
}

}  // namespace

std::string head_of(const std::string& format, const Grid& grid, const Emission& emission) {
  std::string command = "vgpukit matrix emit --format " + format;
  if (emission.max_jobs > 0) command += " --max-jobs " + std::to_string(emission.max_jobs);
  if (!emission.image.empty()) command += " --image " + yaml(emission.image);
  if (!emission.setup.empty()) command += " --setup " + yaml(emission.setup);
  return "# Written by: " + command + " " + emission.file + "\n" + about_images(grid, emission);
}

std::vector<Part> parts_of(const Grid& grid, std::size_t most) {
  const auto cells = grid.cells.size();
  const auto count = std::min(cells, most);
  std::vector<Part> parts;
  for (std::size_t i = 0; i < count; ++i) {
    const auto more = (cells - i - 1) / count;  // select_cells() takes every count-th cell
    parts.push_back({grid.label(grid.cells[i]) + (more > 0 ? " and " + std::to_string(more) + " more" : ""),
                     std::to_string(i + 1) + "/" + std::to_string(count)});
  }
  return parts;
}

Result<std::string> github_of(const Grid& grid, const Emission& emission) {
  TRY(check_path(emission.file));
  const std::string setup =
      emission.setup.empty() ? "" : "      - name: Bring vgpukit\n        run: " + yaml(emission.setup) + "\n";
  const std::string container = emission.image.empty() ? "" : "    container: " + yaml(emission.image) + "\n";
  return head_of("github", grid, emission) +
         filled(std::string(matrix_texts::github), {{"@jobs", std::to_string(jobs_of(emission, most_jobs_on_github))},
                                                    {"@file", emission.file},
                                                    {"@container", container},
                                                    {"@setup", setup}});
}

Result<std::string> gitlab_of(const Grid& grid, const Emission& emission) {
  TRY(check_path(emission.file));
  std::string parts;
  for (const auto& part : parts_of(grid, jobs_of(emission, most_jobs_on_gitlab)))
    parts += "      - {CELL: " + yaml(part.name) + ", SHARD: " + yaml(part.shard) + "}\n";
  const std::string setup = emission.setup.empty() ? "" : "  before_script:\n    - " + yaml(emission.setup) + "\n";
  const std::string image = emission.image.empty() ? "" : "  image: " + yaml(emission.image) + "\n";
  return head_of("gitlab", grid, emission) +
         filled(std::string(matrix_texts::gitlab),
                {{"@file", emission.file}, {"@parts", parts}, {"@image", image}, {"@setup", setup}});
}

Result<std::string> kubernetes_of(const Grid& grid, const Emission& emission) {
  if (emission.image.empty())
    return Error{ErrorKind::usage, "write a Kubernetes Job", "its pods need an image, and there is no --image",
                 "--image NAME, of an image with vgpukit in it (or with what --setup needs to bring it)"};
  const auto most =
      emission.max_jobs == 0 ? most_jobs_on_kubernetes : std::min(emission.max_jobs, most_jobs_on_kubernetes);
  const auto count = parts_of(grid, most).size();
  const auto name = object_name(emission.file);
  const auto of = "-of-" + std::to_string(count) + ".json";

  const ordered_json config = {{"apiVersion", "v1"},
                               {"kind", "ConfigMap"},
                               {"metadata", {{"name", name}}},
                               {"data", {{"matrix.yaml", emission.text}}}};
  const ordered_json claim = {{"apiVersion", "v1"},
                              {"kind", "PersistentVolumeClaim"},
                              {"metadata", {{"name", name}}},
                              {"spec",
                               {{"accessModes", ordered_json::array({"ReadWriteMany"})},
                                {"resources", {{"requests", {{"storage", "10Gi"}}}}}}}};
  auto cells = job(name, emission,
                   "result=/results/$JOB_COMPLETION_INDEX" + of + "\nrm -f \"$result\"\n" +
                       "export VGPUKIT_STATE=/results/state/$JOB_COMPLETION_INDEX\n" +
                       "# A failed cell is a result. A pod without a result is run again.\n" +
                       "vgpukit matrix run /matrix/matrix.yaml --shard \"$((JOB_COMPLETION_INDEX + 1))/" +
                       std::to_string(count) + "\" --output \"$result\" || [ -s \"$result\" ]\n");
  auto& spec = cells["spec"];
  spec["completionMode"] = "Indexed";
  spec["completions"] = count;
  spec["parallelism"] = count;  // pods for which the nodes have no capacity wait
  spec["backoffLimitPerIndex"] = 2;
  auto report = job(name + "-report", emission,
                    "cd /results\nrm -f matrix.json\nvgpukit matrix merge *" + of +
                        " --output matrix.json 2> merge.log || [ -s matrix.json ]\nvgpukit matrix report matrix.json "
                        "--format html\n");
  report["spec"]["suspend"] = true;
  report["spec"]["backoffLimit"] = 2;

  std::string text = head_of("kubernetes", grid, emission);
  for (const auto& line : std::vector<std::string>{
           "", "  kubectl apply -f THIS", "  kubectl wait --for=condition=Complete --timeout=24h job/" + name,
           "  kubectl patch job/" + name + "-report -p '{\"spec\":{\"suspend\":false}}'",
           "  kubectl wait --for=condition=Complete job/" + name + "-report",
           "  kubectl logs job/" + name + "-report > matrix.html", "",
           std::string(
               "The roots and drivers of the matrix file have to be in the image or on volumes that you add here.")})
    text += line.empty() ? "#\n" : "# " + line + "\n";
  for (const auto& document : {config, claim, cells, report}) text += "---\n" + yaml_of(document, "");
  return text;
}

}  // namespace vgpukit::matrix
