#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "matrix/emit.hpp"

namespace vgpukit::matrix {

namespace {

using nlohmann::ordered_json;

// As Kubernetes names things: lower case, digits and '-'.
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

// Block style: people read these files.
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

Result<std::string> kubernetes_of(const Grid& grid, const Emission& emission) {
  if (emission.image.empty())
    return Error{ErrorKind::usage, "write a Kubernetes Job", "its pods need an image, and none was named",
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
                       "# A cell that fails is a result; a pod without a result is tried again.\n" +
                       "vgpukit matrix run /matrix/matrix.yaml --shard \"$((JOB_COMPLETION_INDEX + 1))/" +
                       std::to_string(count) + "\" --output \"$result\" || [ -s \"$result\" ]\n");
  auto& spec = cells["spec"];
  spec["completionMode"] = "Indexed";
  spec["completions"] = count;
  spec["parallelism"] = count;  // what the nodes have no room for waits
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
               "Roots and drivers that the matrix file names are in the image, or on volumes that are added here.")})
    text += line.empty() ? "#\n" : "# " + line + "\n";
  for (const auto& document : {config, claim, cells, report}) text += "---\n" + yaml_of(document, "");
  return text;
}

}  // namespace vgpukit::matrix
