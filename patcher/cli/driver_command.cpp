#include <unistd.h>

#include <algorithm>

#include "cli/cli.hpp"

namespace vgpukit::cli {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

Result<Exit> info(const Globals& globals, const std::string& word) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto driver, find_driver(host, word));
  if (globals.json()) {
    print_json(nlohmann::json{{"version", driver.version.text},
                              {"version_from", driver.version_from},
                              {"flavour", flavour_name(driver.flavour)},
                              {"flavour_from", driver.flavour_from},
                              {"path", driver.path.string()},
                              {"sources", driver.sources.string()},
                              {"modules", driver.modules},
                              {"binary_objects", driver.binary_objects},
                              {"missing_binary_objects", driver.missing_binary_objects}});
    return Exit::done;
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  print(style.bold("NVIDIA " + driver.version.text + " (" + std::string(flavour_name(driver.flavour)) + ")") +
        "\n  version from:   " + driver.version_from + "\n  flavour from:   " + driver.flavour_from +
        "\n  sources:        " + driver.sources.string() + "\n  modules:        " + joined(driver.modules) +
        "\n  binary objects: " + (driver.binary_objects.empty() ? "none" : joined(driver.binary_objects)) + "\n");
  if (!driver.missing_binary_objects.empty())
    print(style.yellow("  missing:        ") + joined(driver.missing_binary_objects) + "\n");
  return Exit::done;
}

Result<Exit> add(const Globals& globals, const std::string& word, bool replace) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto driver, open_driver(host, word));
  DriverStore store(host);
  TRY_ASSIGN(const auto stored, store.add(driver, replace));
  if (globals.json())
    print_json(nlohmann::json{
        {"version", stored.version.text}, {"flavour", flavour_name(stored.flavour)}, {"folder", stored.folder.string()}});
  else
    print("NVIDIA " + stored.version.text + " (" + std::string(flavour_name(stored.flavour)) +
          ") is in the store: " + stored.folder.string() + "\n  vgpukit build " + stored.version.text + "\n");
  return Exit::done;
}

Result<Exit> list(const Globals& globals) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const DriverStore store(host);
  TRY_ASSIGN(const auto drivers, store.list());
  if (globals.json()) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& driver : drivers)
      all.push_back({{"version", driver.version.text},
                     {"flavour", flavour_name(driver.flavour)},
                     {"folder", driver.folder.string()},
                     {"added", driver.added},
                     {"origin", driver.origin}});
    print_json(nlohmann::json{{"store", store.folder().string()}, {"drivers", all}});
    return Exit::done;
  }
  if (drivers.empty()) print("the store " + store.folder().string() + " is empty; vgpukit driver add FOLDER|TARBALL fills it\n");
  std::size_t width = 0;
  for (const auto& driver : drivers) width = std::max(width, driver.version.text.size());
  for (const auto& driver : drivers) {
    const auto flavour = std::string(flavour_name(driver.flavour));
    print(driver.version.text + std::string(width + 2 - driver.version.text.size(), ' ') + flavour +
          std::string(10 - flavour.size(), ' ') + "added " + driver.added + " from " + driver.origin + "\n");
  }
  return Exit::done;
}

}  // namespace

void add_driver(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand("driver", "The driver store, and what a package says of itself");
  command->require_subcommand(1);
  auto word = std::make_shared<std::string>();
  auto replace = std::make_shared<bool>(false);
  auto* adding = command->add_subcommand("add", "Put a package into the store, so that its version and branch can be named");
  adding->add_option("DRIVER", *word, "Folder or tarball")->required();
  adding->add_flag("--replace", *replace, "Replace another package of the same version and flavour");
  adding->callback(
      [&globals, &action, word, replace] { action = [&globals, word, replace] { return add(globals, *word, *replace); }; });
  command->add_subcommand("list", "List the store")->callback([&globals, &action] {
    action = [&globals] { return list(globals); };
  });
  auto* telling = command->add_subcommand("info", "Show a package's version, flavour, modules, and what decided on them");
  telling->add_option("DRIVER", *word, "Folder, tarball, version, branch or 'reference'")->required();
  telling->callback([&globals, &action, word] { action = [&globals, word] { return info(globals, *word); }; });
}

}  // namespace vgpukit::cli
