#include "matrix/matrix_file.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "driver/driver_store.hpp"
#include "support/atomic_file.hpp"
#include "support/yaml_reader.hpp"

namespace vgpukit::matrix {

namespace {

bool is_name(const std::string& name) {
  constexpr std::string_view first = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return !name.empty() && first.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of(std::string(first) + "._+-") == std::string::npos;
}

class FileParser {
 public:
  FileParser(const fs::path& path, const Environment& environment)
      : yaml_(path.string()), folder_(fs::absolute(path).lexically_normal().parent_path()), environment_(environment) {}

  Result<MatrixFile> parse(const std::string& text, const fs::path& path) {
    TRY_ASSIGN(const auto root, yaml_.parse(text));
    TRY(yaml_.check_keys(root, "the matrix", {"drivers", "kernels", "unsupported", "deadline"},
                         {"drivers", "kernels"}));
    MatrixFile file;
    file.path = fs::absolute(path).lexically_normal();
    if (root["deadline"]) {
      TRY_ASSIGN(file.deadline, deadline(root["deadline"]));
    }
    TRY(each(root["drivers"], "drivers", [&](const YamlNode& item) -> Status {
      TRY_ASSIGN(auto one, driver(item));
      TRY(fresh(item, "driver", one.name, file.drivers));
      file.drivers.push_back(std::move(one));
      return {};
    }));
    TRY(each(root["kernels"], "kernels", [&](const YamlNode& item) -> Status {
      TRY_ASSIGN(auto one, kernel(item));
      TRY(fresh(item, "kernel", one.name, file.kernels));
      file.kernels.push_back(std::move(one));
      return {};
    }));
    constexpr std::size_t most_cells = 100'000;  // each takes some memory, and a line of every report
    if (file.drivers.size() * file.kernels.size() > most_cells)
      return yaml_.wrong(root,
                         std::to_string(file.drivers.size()) + " drivers on " + std::to_string(file.kernels.size()) +
                             " kernels are more than " + std::to_string(most_cells) + " cells",
                         "split it into several matrix files");
    if (root["unsupported"]) TRY(unsupported(root["unsupported"], file));
    return file;
  }

 private:
  template <class F>
  Status each(const YamlNode& list, const char* what, F one) {
    if (!list.is_sequence() || list.size() == 0) return yaml_.expected(list, "a list for " + std::string(what));
    for (const auto& item : list.items()) TRY(one(item));
    return {};
  }

  template <class T>
  Status fresh(const YamlNode& item, const char* what, const std::string& name, const std::vector<T>& known) {
    const auto same = std::find_if(known.begin(), known.end(), [&](const T& each) { return each.name == name; });
    if (same == known.end()) return {};
    return yaml_.wrong(item,
                       "a second " + std::string(what) + " called '" + name + "'; the first is in line " +
                           std::to_string(same->where.line),
                       "give one of them another name: ...");
  }

  Result<std::string> name(const YamlNode& node) {
    TRY_ASSIGN(auto text, yaml_.text(node, "name"));
    if (is_name(text)) return text;
    return yaml_.wrong(node, "'" + text + "' cannot be a name",
                       "letters, digits and . _ + -; the first is a letter or a digit");
  }

  // Expands "${NAME}" and "${NAME:-DEFAULT}". If a variable is not set and has no default, `absent` says so.
  Result<std::string> expand(const YamlNode& node, const std::string& text, std::string& absent) {
    std::string all;
    std::size_t at = 0;
    for (auto begin = text.find("${"); begin != std::string::npos; begin = text.find("${", at)) {
      const auto end = text.find('}', begin);
      if (end == std::string::npos) return yaml_.wrong(node, "'${' without its '}'");
      const auto inner = text.substr(begin + 2, end - begin - 2);
      const auto colon = inner.find(":-");
      const auto variable = inner.substr(0, colon);
      all += text.substr(at, begin - at);
      at = end + 1;
      const auto value = environment_(variable);
      if (value && !value->empty())
        all += *value;
      else if (colon != std::string::npos)
        all += inner.substr(colon + 2);
      else
        absent = "the environment variable " + variable + " is not set";
    }
    return all + text.substr(at);
  }

  [[nodiscard]] std::string absolute(const std::string& path) const {
    return (folder_ / path).lexically_normal().string();
  }

  Result<std::chrono::seconds> deadline(const YamlNode& node) {
    TRY_ASSIGN(const auto text, yaml_.text(node, "deadline"));
    unsigned number = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, text.data() + text.size());
    const unsigned factor = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
    if (bad != std::errc() || number == 0 || number > 1'000'000 || factor == 0)
      return yaml_.expected(node, "a time such as 90s, 45m or 2h for deadline");
    return std::chrono::seconds(std::uint64_t{number} * factor);
  }

  // A program with a slash in its name is relative to the folder of the matrix file.
  Result<std::vector<std::string>> command(const YamlNode& node, const std::string& what) {
    TRY_ASSIGN(auto argv, yaml_.texts(node, what));
    if (argv.front().find('/') != std::string::npos) argv.front() = absolute(argv.front());
    return argv;
  }

  Status source(const YamlNode& node, Source& source) {
    if (node["fetch"]) {
      TRY_ASSIGN(source.fetch, command(node["fetch"], "fetch"));
    }
    if (node["optional"]) {
      TRY_ASSIGN(source.optional, yaml_.text(node["optional"], "optional (why it may be absent)"));
    }
    return {};
  }

  Status driver_word(const YamlNode& node, MatrixDriver& driver) {
    TRY_ASSIGN(const auto text, yaml_.text(node, "driver"));
    TRY_ASSIGN(driver.word, expand(node, text, driver.source.absent));
    if (driver.source.absent.empty() && driver::DriverName::parse(driver.word).kind == driver::DriverName::Kind::path)
      driver.word = absolute(driver.word);
    return {};
  }

  Result<MatrixDriver> driver(const YamlNode& node) {
    MatrixDriver driver;
    driver.where = yaml_.at(node);
    if (node.is_scalar()) {
      TRY(driver_word(node, driver));
      driver.name = fs::path(driver.word).filename().string();
      if (!is_name(driver.name))
        return yaml_.wrong(node, "this driver needs a name of its own", "{name: ..., driver: " + node.scalar() + "}");
      return driver;
    }
    TRY(yaml_.check_keys(
        node, "a driver",
        {"name", "driver", "fetch", "optional", "accept", "modules", "compile-only", "loads", "works", "deadline"},
        {"name", "driver"}));
    TRY_ASSIGN(driver.name, name(node["name"]));
    TRY(driver_word(node["driver"], driver));
    TRY(source(node, driver.source));
    if (node["accept"]) {
      TRY_ASSIGN(driver.accept, yaml_.texts(node["accept"], "accept"));
    }
    if (node["modules"]) {
      TRY_ASSIGN(driver.modules, yaml_.texts(node["modules"], "modules"));
    }
    if (node["compile-only"]) {
      TRY_ASSIGN(driver.compile_only, yaml_.flag(node["compile-only"], "compile-only"));
    }
    for (const auto verdict : {Verdict::loads, Verdict::works}) {
      const auto key = word_of(verdict);
      if (!node[key]) continue;
      if (!driver.loads.empty())
        return yaml_.wrong(node[key], "a driver has one program for its modules", "leave out loads: or works:");
      TRY_ASSIGN(driver.loads, command(node[key], key));
      driver.loaded = verdict;
      if (driver.compile_only)
        return yaml_.wrong(node[key], "what is only compiled cannot be loaded",
                           "leave out " + key + ": or compile-only:");
    }
    if (node["deadline"]) {
      TRY_ASSIGN(driver.deadline, deadline(node["deadline"]));
    }
    return driver;
  }

  Status container(const YamlNode& node, MatrixKernel& kernel) {
    const auto image = node["container"];
    if (node["root"])
      return yaml_.wrong(image, "a kernel is in a root or in a container image, not in both",
                         "leave out root: or container:");
    TRY_ASSIGN(const auto text, yaml_.text(image, "container"));
    TRY_ASSIGN(kernel.container, expand(image, text, kernel.source.absent));
    // podman checks the rest of the name. It must not be taken for an option.
    if ((kernel.source.absent.empty() && kernel.container.starts_with('-')) ||
        kernel.container.find_first_of(" \t\r\n") != std::string::npos)
      return yaml_.wrong(image, "'" + kernel.container + "' is not the name of a container image",
                         "write it as for podman: registry.example/headers:6.12, localhost/mine:1, or its ID");
    if (kernel.word == "running")
      return yaml_.wrong(node["kernel"], "an image has no running kernel", "name a release, newest or all");
    return {};
  }

  Result<MatrixKernel> kernel(const YamlNode& node) {
    MatrixKernel kernel;
    kernel.where = yaml_.at(node);
    if (node.is_scalar()) {
      TRY_ASSIGN(kernel.word, yaml_.text(node, "kernel"));
      kernel.name = kernel.word;
      if (!is_name(kernel.name)) return yaml_.wrong(node, "'" + kernel.name + "' is no kernel release");
      return kernel;
    }
    TRY(yaml_.check_keys(node, "a kernel",
                         {"name", "root", "container", "kernel", "fetch", "optional", "accept", "adapt"},
                         {"name", "kernel"}));
    TRY_ASSIGN(kernel.name, name(node["name"]));
    TRY_ASSIGN(kernel.word, yaml_.text(node["kernel"], "kernel"));
    if (node["root"]) {
      TRY_ASSIGN(const auto text, yaml_.text(node["root"], "root"));
      TRY_ASSIGN(const auto root, expand(node["root"], text, kernel.source.absent));
      kernel.root = absolute(root);
      if (kernel.word == "running" && kernel.root != "/")
        return yaml_.wrong(node["kernel"], "another root has no running kernel", "name a release, newest or all");
    }
    if (node["container"]) TRY(container(node, kernel));
    TRY(source(node, kernel.source));
    if (node["accept"]) {
      TRY_ASSIGN(kernel.accept, yaml_.texts(node["accept"], "accept"));
    }
    if (node["adapt"]) {
      TRY_ASSIGN(kernel.adapt, yaml_.flag(node["adapt"], "adapt"));
    }
    return kernel;
  }

  template <class T>
  Result<std::string> known_name(const YamlNode& node, const char* what, const std::vector<T>& list) {
    TRY_ASSIGN(auto text, yaml_.text(node, what));
    std::vector<std::string_view> names;
    for (const auto& each : list) names.push_back(each.name);
    if (text == "*" || std::find(names.begin(), names.end(), text) != names.end()) return text;
    const auto near = nearest(text, names);
    return yaml_.wrong(node, "no " + std::string(what) + " of this file is called '" + text + "'",
                       near.empty() ? "" : "did you mean '" + near + "'?");
  }

  Status unsupported(const YamlNode& node, MatrixFile& file) {
    TRY_ASSIGN(const auto items, yaml_.items(node, "unsupported"));
    for (const auto& item : items) {
      TRY(yaml_.check_keys(item, "an unsupported cell", {"driver", "kernel", "reason"},
                           {"driver", "kernel", "reason"}));
      Unsupported one;
      TRY_ASSIGN(one.driver, known_name(item["driver"], "driver", file.drivers));
      TRY_ASSIGN(one.kernel, known_name(item["kernel"], "kernel", file.kernels));
      TRY_ASSIGN(one.reason, yaml_.text(item["reason"], "reason"));
      file.unsupported.push_back(std::move(one));
    }
    return {};
  }

  YamlReader yaml_;
  fs::path folder_;
  const Environment& environment_;
};

}  // namespace

std::string MatrixFile::why_unsupported(const std::string& driver, const std::string& kernel) const {
  for (const auto& one : unsupported)
    if ((one.driver == "*" || one.driver == driver) && (one.kernel == "*" || one.kernel == kernel)) return one.reason;
  return "";
}

Result<MatrixFile> parse_matrix_file(const std::string& yaml, const fs::path& path, const Environment& environment) {
  return FileParser(path, environment).parse(yaml, path);
}

Result<MatrixFile> read_matrix_file(const fs::path& path, const Environment& environment) {
  TRY_ASSIGN(const auto text, read_file(path));
  return parse_matrix_file(text, path, environment);
}

}  // namespace vgpukit::matrix
