#include "install/dkms_tree.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "config.hpp"
#include "driver/source_files.hpp"
#include "recipe/catalogue.hpp"
#include "support/atomic_file.hpp"
#include "support/configuration.hpp"
#include "support/json_file.hpp"
#include "support/text.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::install {

namespace {

using nlohmann::json;

constexpr const char* kChoices = "vgpukit.json";
constexpr const char* kRecipes = "vgpukit-recipes";

// A template of kbuild/dkms with its @NAMES@ filled in.
Result<std::string> filled(const fs::path& file, const std::vector<std::pair<std::string, std::string>>& values) {
  TRY_ASSIGN(auto text, read_file(file));
  for (const auto& [name, value] : values) {
    const auto mark = "@" + name + "@";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size()))
      text.replace(at, mark.size(), value);
  }
  return text;
}

// Three lines for each module. STRIP=no, so that the installed module is the verified one. Distributions may override
// the location: Debian and Arch use updates/dkms, Red Hat extra.
std::string module_lines(const std::vector<std::string>& modules) {
  std::string text;
  for (std::size_t i = 0; i < modules.size(); ++i) {
    const auto index = "[" + std::to_string(i) + "]=\"";
    text += "BUILT_MODULE_NAME" + index + modules[i] + "\"\nDEST_MODULE_LOCATION" + index +
            "/kernel/drivers/video\"\nSTRIP" + index + "no\"\n";
  }
  return text;
}

// A hash of what write_dkms_tree() writes, without the file of choices, which has this hash. dkms adds make.log.
Result<std::string> hash_of_tree(const fs::path& folder) {
  TRY_ASSIGN(auto files, driver::list_sources(folder));
  std::erase_if(files, [](const auto& file) { return file.path == kChoices || file.path == "make.log"; });
  return driver::hash_sources(folder, files);
}

// Copies the recipes in `from` and their patches to the new folder `to`.
Status copy_recipes(const fs::path& from, const fs::path& to) {
  TRY_ASSIGN(const auto files, recipe::recipe_files(from));
  for (const auto& file : files) TRY(clone_file(file, to / file.filename()));
  const auto patches = from / "patches";
  std::error_code bad;
  for (auto entry = fs::recursive_directory_iterator(patches, bad); !bad && entry != fs::end(entry);
       entry.increment(bad)) {
    const auto path = entry->path().lexically_relative(from);
    std::error_code gone;
    if (entry->is_regular_file(gone)) TRY(clone_beneath(from, path, to / path));
  }
  // Otherwise the next kernel upgrade would be the first to miss one. A folder of recipes need not have patches.
  if (bad && bad != std::errc::no_such_file_or_directory && bad != std::errc::not_a_directory)
    return Error{ErrorKind::usage, "copy the patches in " + patches.string(), bad.message(), ""};
  fs::create_directories(to, bad);  // also when there is nothing to copy
  return {};
}

}  // namespace

fs::path dkms_source_folder(const std::string& version) {
  return "/usr/src/nvidia-" + version;
}

Status write_dkms_tree(const fs::path& folder, const driver::Driver& driver, const DkmsChoices& choices,
                       const std::string& vgpukit) {
  TRY_ASSIGN(const auto data, shipped_data());
  TRY_ASSIGN(const auto tree, transform::SourceTree::open(driver.sources));
  for (const auto& path : tree.files())
    if (path != "dkms.conf") TRY(clone_beneath(driver.sources, path, folder / path));
  for (const auto& object : driver.binary_objects)
    TRY(driver::copy_binary_object(driver.sources, object, folder / object));
  const std::vector<std::pair<std::string, std::string>> values = {
      {"VGPUKIT_VERSION", VGPUKIT_VERSION}, {"VERSION", driver.version.text}, {"VGPUKIT", vgpukit}};
  TRY_ASSIGN(const auto conf, filled(data / "kbuild/dkms/dkms.conf", values));
  TRY_ASSIGN(const auto script, filled(data / "kbuild/dkms/vgpukit-dkms", values));
  TRY(write_file(folder / "dkms.conf", conf + module_lines(choices.modules)));
  TRY(write_file(folder / "vgpukit-dkms", script, 0755));
  std::vector<std::string> recipes;
  for (const auto& from : choices.recipes) {
    recipes.push_back(kRecipes + ("/" + std::to_string(recipes.size() + 1)));
    TRY(copy_recipes(from, folder / recipes.back()));
  }
  TRY_ASSIGN(const auto written, hash_of_tree(folder));
  const json document = {{"vgpukit", VGPUKIT_VERSION},
                         {"version", driver.version.text},
                         {"content", driver.content},
                         {"written", written},
                         {"accepted", choices.accepted},
                         {"recipes", recipes},
                         {"shipped-recipes", choices.shipped_recipes},
                         {"without", choices.without},
                         {"modules", choices.modules}};
  return write_file(folder / kChoices, json_text(document, 2) + "\n");
}

Result<DkmsChoices> read_dkms_choices(const fs::path& folder) {
  const auto file = folder / kChoices;
  TRY_ASSIGN(const auto text, read_file(file));
  const auto document = parse_json(text);
  try {
    DkmsChoices choices;
    document.at("accepted").get_to(choices.accepted);
    // Earlier versions of vgpukit wrote absolute paths; they stay what they are.
    for (const auto& recipes : document.at("recipes")) choices.recipes.push_back(folder / recipes.get<std::string>());
    document.at("shipped-recipes").get_to(choices.shipped_recipes);
    document.at("without").get_to(choices.without);
    document.at("modules").get_to(choices.modules);
    return choices;
  } catch (const json::exception& bad) {
    return Error{ErrorKind::usage, "read the choices of vgpukit install in " + file.string(), bad.what(),
                 "install the driver again: vgpukit install"};
  }
}

Result<std::string> original_content(const fs::path& folder, const driver::Driver& driver) {
  const auto document = json_if_readable(folder / kChoices);
  TRY_ASSIGN(const auto now, hash_of_tree(folder));
  const auto word = [&](const char* key) { return document ? text_in(*document, key) : std::string(); };
  return word("written") == now && !word("content").empty() ? word("content") : driver.content;
}

Status write_dkms_signing(const HostPaths& host) {
  TRY_ASSIGN(const auto configuration, configuration_of_root(host));
  std::error_code bad;
  if (!configuration.signing) {
    fs::remove(host.reach(dkms_signing_file), bad);
    return {};
  }
  return write_file(host.reach(dkms_signing_file),
                    "# Written by vgpukit install: signing: of /etc/vgpukit/config.yaml\nmok_signing_key=\"" +
                        configuration.signing->key + "\"\nmok_certificate=\"" + configuration.signing->certificate +
                        "\"\n");
}

std::string diverted_dkms(const HostPaths& host, const std::string& version) {
  const auto folder = host.in_root("/etc/dkms");
  std::vector<fs::path> files = {folder / "framework.conf"};
  for (const auto& part : {folder / "framework.conf.d", folder})
    for (const auto& file : entries_of(part))
      if (file.extension() == ".conf") files.push_back(file);
  const std::map<std::string, std::string, std::less<>> places = {
      {"source_tree", "/usr/src"}, {"dkms_tree", "/var/lib/dkms"}, {"install_tree", "/lib/modules"}};
  for (const auto& file : files) {
    const auto name = file.filename().string();
    const bool framework = file.parent_path() != folder || name == "framework.conf";
    if (!framework && name != "nvidia.conf" && !name.starts_with("nvidia-" + version) && !name.starts_with("nvidia--"))
      continue;
    const auto text = read_file(file);
    if (!text) continue;
    for (const auto& line : lines_of(*text)) {
      const auto words = trimmed(line);
      const auto equals = words.find('=');
      if (equals == std::string::npos) continue;
      const auto variable = words.substr(0, std::min(words.find('['), equals));
      if (!framework && (variable == "MAKE" || variable == "MAKE_MATCH"))
        return file.string() + " sets " + std::string(variable) +
               ", so dkms would compile the unpatched sources instead of running vgpukit";
      const auto place = framework ? places.find(variable) : places.end();
      if (place == places.end()) continue;
      const auto value = words_of(words.substr(equals + 1), "\"' ");
      if (value.empty() || (fs::path(value.front()) / "").lexically_normal() != fs::path(place->second) / "")
        return file.string() + " sets " + place->first + ", and vgpukit uses " + place->second;
    }
  }
  return "";
}

bool is_our_dkms_tree(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / kChoices, ignored) && fs::is_regular_file(folder / "vgpukit-dkms", ignored);
}

}  // namespace vgpukit::install
