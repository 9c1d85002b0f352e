#include <unistd.h>

#include <algorithm>

#include "cli/cli.hpp"
#include "cli/progress.hpp"
#include "driver/build_date.hpp"
#include "driver/driver_store.hpp"
#include "driver/extract.hpp"
#include "driver/published_sum.hpp"
#include "driver/run_file_unpack.hpp"
#include "driver/run_file_zip.hpp"
#include "recipe/plan.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

// An installer and its header.
struct Installer {
  std::string place;  // FILE.run, or FILE.zip/path/inside.run
  std::optional<driver::RunHeader> header;
};

// The checksums are compared each time, because the file may have changed. A member of a zip was checked when it was
// unpacked.
Result<std::optional<Installer>> installer_of(const Globals& globals, const driver::Driver& driver) {
  if (!driver.package) return std::optional<Installer>();
  Installer installer{(driver.package.file / driver.package.member).string(), std::nullopt};
  if (!driver.package.member.empty()) return std::optional(installer);
  installer.place = driver.package.file.string();
  TRY_ASSIGN(installer.header, driver::read_run_header(driver.package.file));
  Progress progress(installer.place, shows_progress(globals));
  TRY(driver::check_run_file(driver.package.file, *installer.header,
                             [&](const driver::PackageProgress& state) { progress.show(state); }));
  return std::optional(installer);
}

std::string sums_text(const driver::RunHeader& header) {
  if (header.crc.empty() && header.md5.empty()) return "none in its header, so it cannot be checked";
  std::string text;
  if (!header.crc.empty()) text += "CRC " + header.crc;
  if (!header.md5.empty()) append(text, "MD5 " + header.md5);
  return text + ": as in its header";
}

nlohmann::json installer_json(const Installer& installer) {
  nlohmann::json data = {{"path", installer.place}};
  if (!installer.header) return data;
  const auto& header = *installer.header;
  data["label"] = header.label;
  data["layout"] = header.layout == driver::RunHeader::Layout::nvidia ? "nvidia" : "makeself";
  data["version"] = header.version;
  data["arch"] = header.arch;
  data["crc"] = header.crc;
  data["md5"] = header.md5;
  data["compression"] = header.compression;
  data["payload"] = header.payload;
  data["bytes"] = header.bytes;
  return data;
}

std::string installer_text(const Installer& installer) {
  std::string text = "  installer:      " + installer.place + "\n";
  if (!installer.header) return text;
  const auto& header = *installer.header;
  text += "  label:          " + printable(header.label) + "\n  sums:           " + sums_text(header) +
          "\n  payload:        " + human_bytes(header.bytes - header.payload) + ", " +
          (header.compression == "none" ? "not compressed" : header.compression) + "\n";
  return text;
}

struct Info {
  std::string driver;
  std::string kernel;  // empty: only the package
};

// How many recipes a kernel needs for a driver, and for the newest later release of its branch in the store.
struct Needs {
  std::string release;
  std::size_t recipes = 0;
  std::string later;  // "535.261.03"; empty: the store has none
  std::size_t later_recipes = 0;
};

Result<Needs> needs_of(const Globals& globals, const HostPaths& host, const driver::Driver& driver,
                       const std::string& kernel_name) {
  TRY_ASSIGN(const auto recipes, recipes_of(globals));
  TRY_ASSIGN(auto kernel, kernel_of(host, kernel_name, {"other-compiler"}));
  TRY_ASSIGN(auto assumptions, assumptions_of(globals));
  Needs needs;
  needs.release = kernel.release;
  kernel::Facts facts(std::move(kernel), std::move(assumptions));
  const auto count = [&](const driver::Driver& each) -> Result<std::size_t> {
    TRY_ASSIGN(auto tree, transform::SourceTree::open(each.sources));
    std::set<std::string> accepted;
    for (const auto& recipe : recipes.applied.recipes())
      if (recipe.notice) accepted.insert(recipe.notice->name);
    TRY_ASSIGN(const auto plan, recipe::make_plan(recipes.applied, each, facts, tree, accepted));
    return static_cast<std::size_t>(std::count_if(plan.lines.begin(), plan.lines.end(), [](const auto& line) {
      return line.decision == recipe::Decision::applies || line.decision == recipe::Decision::cannot;
    }));
  };
  TRY_ASSIGN(needs.recipes, count(driver));
  TRY_ASSIGN(const auto stored, driver::DriverStore(host).list());
  for (const auto& each : stored) {  // newest first
    if (each.flavour != driver.flavour || each.version.parts.front() != driver.version.parts.front()) continue;
    if (!(each.version > driver.version)) break;
    TRY_ASSIGN(const auto later, driver::find_driver(host, each.folder.string()));
    needs.later = each.version.text;
    TRY_ASSIGN(needs.later_recipes, count(later));
    break;
  }
  return needs;
}

std::string needs_text(const Needs& needs) {
  auto text = "  for " + needs.release + ": " +
              (needs.recipes == 0 ? std::string("no recipe is needed")
                                  : std::to_string(needs.recipes) + (needs.recipes == 1 ? " recipe" : " recipes"));
  if (!needs.later.empty())
    text += "; " + needs.later + " of the store needs " +
            (needs.later_recipes == 0 ? std::string("none") : std::to_string(needs.later_recipes));
  return text + "\n";
}

Result<Exit> info(const Globals& globals, const Info& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto driver, driver_of(globals, host, options.driver));
  std::optional<Needs> needs;
  if (!options.kernel.empty()) {
    TRY_ASSIGN(needs, needs_of(globals, host, driver, options.kernel));
  }
  const auto built = driver::build_date(driver);
  TRY_ASSIGN(const auto installer, installer_of(globals, driver));
  const auto unnamed = driver::unnamed_sources(driver);
  if (globals.json()) {
    nlohmann::json data = {{"version", driver.version.text},
                           {"version_from", driver.version_from},
                           {"flavour", driver::flavour_name(driver.flavour)},
                           {"flavour_from", driver.flavour_from},
                           {"path", driver.path.string()},
                           {"sources", driver.sources.string()},
                           {"modules", driver.modules},
                           {"binary_objects", driver.binary_objects},
                           {"missing_binary_objects", driver.missing_binary_objects},
                           {"built", built.date}};
    if (needs)
      data["kernel"] = {{"release", needs->release},
                        {"recipes", needs->recipes},
                        {"later_version", needs->later},
                        {"later_recipes", needs->later_recipes}};
    if (installer) data["installer"] = installer_json(*installer);
    if (installer) data["installer"]["not_in_manifest"] = unnamed;
    print_json(data);
    return Exit::done;
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  print(style.bold("NVIDIA " + driver.version.text + " (" + std::string(driver::flavour_name(driver.flavour)) + ")") +
        "\n  version from:   " + driver.version_from +
        (built.date.empty() ? "" : "\n  built:          " + built.date + " (" + built.from + ")") +
        "\n  flavour from:   " + driver.flavour_from + "\n  sources:        " + driver.sources.string() +
        "\n  modules:        " + join(driver.modules, ", ") +
        "\n  binary objects: " + (driver.binary_objects.empty() ? "none" : join(driver.binary_objects, ", ")) + "\n");
  if (!driver.missing_binary_objects.empty())
    print(style.yellow("  missing:        ") + join(driver.missing_binary_objects, ", ") + "\n");
  if (needs) print(needs_text(*needs));
  if (installer) print(installer_text(*installer));
  if (!unnamed.empty())
    print(style.yellow("  not in .manifest: ") + join(unnamed, ", ") + "\n    nvidia-installer would leave " +
          (unnamed.size() == 1 ? "it" : "them") + " out of the dkms tree\n");
  return Exit::done;
}

Result<Exit> add(const Globals& globals, const std::string& word, bool replace) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Progress progress(word, shows_progress(globals));
  const auto show = [&](const driver::PackageProgress& state) { progress.show(state); };
  TRY_ASSIGN(const auto driver, driver::open_driver(host, word, false, show));
  driver::DriverStore store(host);
  TRY_ASSIGN(const auto stored, store.add(driver, replace, show));
  progress.clear();
  if (globals.json())
    print_json(nlohmann::json{{"version", stored.version.text},
                              {"flavour", driver::flavour_name(stored.flavour)},
                              {"folder", stored.folder.string()},
                              {"package", stored.package.file.string()}});
  else
    print("NVIDIA " + stored.version.text + " (" + std::string(driver::flavour_name(stored.flavour)) +
          ") is in the store: " + stored.folder.string() + "\n  vgpukit build " + stored.version.text + "\n");
  return Exit::done;
}

Result<Exit> extract(const Globals& globals, const std::string& word, const std::string& output) {
  TRY_ASSIGN(const auto host, host_of(globals));
  fs::path file = word;
  driver::PackageFile package;
  const auto name = driver::DriverName::parse(word);
  if (name.kind == driver::DriverName::Kind::version || name.kind == driver::DriverName::Kind::branch) {
    TRY_ASSIGN(const auto stored, driver::DriverStore(host).find(name));
    package = stored.package;
    if (!package)
      return Error{ErrorKind::usage, "unpack " + word,
                   "the store has its kernel sources only: it was added from a folder or a tarball",
                   "they are in " + stored.folder.string()};
  } else {
    TRY_ASSIGN(package, driver::find_package(file));
  }
  Progress progress(word, shows_progress(globals));
  const auto show = [&](const driver::PackageProgress& state) { progress.show(state); };
  const auto inside = package.member.empty() ? (package ? package.file : file) : fs::path(package.member);
  const auto target = fs::absolute(output.empty() ? inside.stem() : fs::path(output)).lexically_normal();
  if (package) {
    TRY(driver::unpack_package(package, target, show));
  } else {
    TRY(driver::extract_archive(file, target, {}, show));
  }
  progress.clear();
  if (globals.json())
    print_json(nlohmann::json{{"folder", target.string()}});
  else
    print("unpacked to " + target.string() + "\n");
  return Exit::done;
}

Result<Exit> verify(const Globals& globals, const std::string& file, const std::string& expected) {
  TRY_ASSIGN(const auto sum, driver::compare_sha256(file, expected));
  if (globals.json())
    print_json(nlohmann::json{{"path", file}, {"sha256", sum}});
  else
    print(file + " has the SHA-256 that was expected: " + sum + "\n");
  return Exit::done;
}

Result<Exit> list(const Globals& globals) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const driver::DriverStore store(host);
  TRY_ASSIGN(const auto drivers, store.list());
  if (globals.json()) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& driver : drivers)
      all.push_back({{"version", driver.version.text},
                     {"flavour", driver::flavour_name(driver.flavour)},
                     {"folder", driver.folder.string()},
                     {"added", driver.added},
                     {"origin", driver.origin}});
    print_json(nlohmann::json{{"store", store.folder().string()}, {"drivers", all}});
    return Exit::done;
  }
  if (drivers.empty())
    print("the store " + store.folder().string() + " is empty; vgpukit driver add FILE adds a driver\n");
  std::size_t width = 0;
  for (const auto& driver : drivers) width = std::max(width, driver.version.text.size());
  for (const auto& driver : drivers) {
    const auto flavour = std::string(driver::flavour_name(driver.flavour));
    print(driver.version.text + std::string(width + 2 - driver.version.text.size(), ' ') + flavour +
          std::string(10 - flavour.size(), ' ') + "added " + driver.added + " from " + driver.origin + "\n");
  }
  return Exit::done;
}

}  // namespace

void add_driver(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand("driver", "The driver store, and what is in a package");
  command->require_subcommand(1);
  auto word = std::make_shared<std::string>();
  auto replace = std::make_shared<bool>(false);
  auto* adding =
      command->add_subcommand("add", "Add a package to the store, so that commands can name it by version or branch");
  adding->add_option("DRIVER", *word, "Folder, .run, .zip or tarball")->required();
  adding->add_flag("--replace", *replace, "Replace another package of the same version and flavour");
  adding->callback([&globals, &action, word, replace] {
    action = [&globals, word, replace] { return add(globals, *word, *replace); };
  });
  auto output = std::make_shared<std::string>();
  auto* extracting = command->add_subcommand("extract", "Unpack all of an installer, without running it");
  extracting->add_option("DRIVER", *word, ".run, .zip, tarball, or a version of the store")->required();
  extracting->add_option("--output", *output, "The folder, new or empty (default: here, named like the file)")
      ->type_name("DIR");
  extracting->callback([&globals, &action, word, output] {
    action = [&globals, word, output] { return extract(globals, *word, *output); };
  });
  auto expected = std::make_shared<std::string>();
  auto* verifying =
      command->add_subcommand("verify", "Compare a package with the sum that NVIDIA has published for it");
  verifying->add_option("FILE", *word, ".run, .zip or tarball")->required();
  verifying->add_option("--sha256", *expected, "64 hexadecimal digits, or a file with lines SUM  NAME")
      ->required()
      ->type_name("SUM");
  verifying->callback([&globals, &action, word, expected] {
    action = [&globals, word, expected] { return verify(globals, *word, *expected); };
  });
  set_action(command->add_subcommand("list", "List the store"), globals, action, list);
  auto* telling =
      command->add_subcommand("info", "Show a package's version, flavour and modules, and how they were recognised");
  auto asked = std::make_shared<Info>();
  telling->add_option("DRIVER", asked->driver, driver_help)->required();
  telling
      ->add_option("--kernel", asked->kernel, "Also how many recipes this kernel needs: running, newest or a release")
      ->type_name("REL");
  set_action(telling, globals, action, asked, info);
}

}  // namespace vgpukit::cli
