#include "install/module_package.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "support/atomic_file.hpp"
#include "support/json_file.hpp"
#include "support/log.hpp"
#include "support/process.hpp"

namespace vgpukit::install {

namespace {

struct Tool {
  PackageFormat format;
  const char* name;     // of the format
  const char* program;  // that makes it
  const char* from;     // the packages that have the program
};
constexpr std::array<Tool, 3> kTools = {
    {{PackageFormat::deb, "deb", "dpkg-deb", "dpkg"},
     {PackageFormat::rpm, "rpm", "rpmbuild", "rpm (Debian) or rpm-build (Fedora)"},
     {PackageFormat::arch, "arch", "makepkg", "makepkg (Debian) or pacman (Arch)"}}};

const Tool& tool_of(PackageFormat format) {
  return *std::find_if(kTools.begin(), kTools.end(), [&](const Tool& tool) { return tool.format == format; });
}

// The files of the package, in the layout of the installed system, and the fields that all formats have.
struct Contents {
  fs::path root;  // staged; below it usr/lib/modules/...
  fs::path work;  // for the tool's own files
  std::string name, version, depends, summary;
  std::string release;  // the kernel's
  std::string folder;   // /usr/lib/modules/RELEASE/updates/vgpukit
};

std::string readme(const build::BuildReport& build) {
  std::string text = "NVIDIA " + build.driver.version + " (" + build.driver.flavour + ") for Linux " +
                     build.kernel.release + ", built with " + build.kernel.compiler + " by vgpukit.\n\n" + "Modules:\n";
  for (const auto& module : build.modules) text += "  " + module.name + "\n";
  text += "\nRecipes that were applied:\n";
  for (const auto& recipe : build.recipes)
    if (recipe.state == recipe::Decision::applies)
      text += "  " + recipe.id + ": " + recipe.summary + "\n      because " + recipe.reason + "\n";
  for (const auto& notice : build.notices) text += "\nAccepted: " + notice.name + "\n" + notice.text + "\n";
  return text +
         "\nThis package is for your own hosts. NVIDIA's licence and, where GPL-only symbols are used, the kernel's "
         "decide\n"
         "whether it may be given to others; vgpukit cannot.\n";
}

Status lay_out(const PackageRequest& request, Contents& contents) {
  for (const auto& module : request.build->modules)
    TRY(clone_file(module.path, contents.root / contents.folder.substr(1) / fs::path(module.path).filename()));
  const auto doc = contents.root / "usr/share/doc" / contents.name;
  TRY(write_file(doc / "README", readme(*request.build)));
  return write_file(doc / "build.json", json_text(nlohmann::json(*request.build), 1) + "\n");
}

// Runs after the installation and the removal. If the kernel itself was removed, there is nothing to index.
std::string depmod_script(const Contents& contents) {
  const auto release = shell_word(contents.release);
  return "if [ -e /usr/lib/modules/" + release + "/modules.builtin ]; then depmod " + release + "; fi\n";
}

Result<std::string> run_tool(const Tool& tool, Command command) {
  command.argv.insert(command.argv.begin(), tool.program);
  std::vector<std::string> errors;
  command.on_line = [&](std::string_view line, bool is_error) {
    log::trace(std::string(line));
    if (is_error && !line.empty()) errors.emplace_back(line);
  };
  const std::string tried = std::string("make a package with ") + tool.program;
  // makepkg refuses to run as root, so the user nobody runs it; make_arch() gives that user the files.
  if (tool.format == PackageFormat::arch && ::geteuid() == 0)
    command.argv.insert(command.argv.begin(), {"runuser", "-u", "nobody", "--"});
  TRY_ASSIGN(const auto outcome, run(command));
  if (outcome.ok()) return outcome.out;
  std::string said;
  for (std::size_t i = errors.size() > 4 ? errors.size() - 4 : 0; i < errors.size(); ++i) said += "\n  " + errors[i];
  return Error{ErrorKind::failed, tried,
               "it ended with status " + std::to_string(outcome.status) + (said.empty() ? "" : " and said:") + said,
               "-vv shows all that it said"};
}

Result<fs::path> only_file(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> found;
  std::error_code bad;
  for (fs::recursive_directory_iterator at(folder, bad), end; !bad && at != end; at.increment(bad))
    if (at->is_regular_file() && at->path().filename().string().find(extension) != std::string::npos)
      found.push_back(at->path());
  if (found.size() == 1) return found.front();
  return Error{ErrorKind::failed, "find the package that was made",
               "there are " + std::to_string(found.size()) + " in " + folder.string(), ""};
}

Result<fs::path> make_deb(const Contents& contents, const Tool& tool) {
  std::string control =
      "Package: " + contents.name + "\nVersion: " + contents.version +
      "\nArchitecture: amd64\nMaintainer: vgpukit <root@localhost>\nSection: kernel\nPriority: optional\nDepends: " +
      contents.depends + "\nDescription: " + contents.summary +
      "\n Made by vgpukit on one host for hosts of the same owner. Remove the modules that dkms has\n"
      " built of another version before: depmod takes one of the two.\n";
  TRY(write_file(contents.root / "DEBIAN/control", control));
  const auto script = "#!/bin/sh\nset -e\n" + depmod_script(contents);
  TRY(write_file(contents.root / "DEBIAN/postinst", script, 0755));
  TRY(write_file(contents.root / "DEBIAN/postrm", script, 0755));
  const auto file = contents.work / (contents.name + "_" + contents.version + "_amd64.deb");
  Command command;
  command.argv = {"--root-owner-group", "--build", contents.root.string(), file.string()};
  TRY(run_tool(tool, std::move(command)));
  return file;
}

Result<fs::path> make_rpm(const Contents& contents, const Tool& tool) {
  const auto dash = contents.version.rfind('-');
  const std::string doc = "/usr/share/doc/" + contents.name;
  std::string spec = "Name: " + contents.name + "\nVersion: " + contents.version.substr(0, dash) +
                     "\nRelease: " + contents.version.substr(dash + 1) + "\nSummary: " + contents.summary +
                     "\nLicense: NVIDIA\nRequires: " + contents.depends + "\nAutoReqProv: no\n" +
                     // A module that is stripped or compressed again no longer matches its signature.
                     "%global __os_install_post %{nil}\n%global debug_package %{nil}\n%global _build_id_links none\n" +
                     "%description\nMade by vgpukit on one host for hosts of the same owner.\n" + "%install\ncp -a " +
                     shell_word(contents.root.string() + "/.") + " %{buildroot}/\n" + "%files\n" + contents.folder +
                     "\n" + doc + "\n" + "%post\n" + depmod_script(contents) + "%postun\n" + depmod_script(contents);
  const auto file = contents.work / "package.spec";
  TRY(write_file(file, spec));
  Command command;
  const auto define = [&](const std::string& text) {
    command.argv.emplace_back("--define");
    command.argv.push_back(text);
  };
  command.argv = {"-bb", "--target", "x86_64"};
  define("_topdir " + (contents.work / "top").string());
  define("_rpmdir " + (contents.work / "out").string());
  // rpm's default for this may not exist on another distribution.
  define("_tmppath " + contents.work.string());
  command.argv.push_back(file.string());
  TRY(run_tool(tool, std::move(command)));
  return only_file(contents.work / "out", ".rpm");
}

Result<fs::path> make_arch(const Contents& contents, const Tool& tool) {
  const auto dash = contents.version.rfind('-');
  const std::string pkgbuild =
      "pkgname='" + contents.name + "'\npkgver='" + contents.version.substr(0, dash) +
      "'\npkgrel=" + contents.version.substr(dash + 1) + "\npkgdesc='" + contents.summary +
      "'\narch=(x86_64)\nlicense=(custom)\ndepends=(" + shell_word(contents.depends) +
      ")\noptions=(!strip !debug !zipman)\ninstall=modules.install\npackage() { cp -a --no-preserve=ownership " +
      shell_word(contents.root.string() + "/.") + " \"$pkgdir/\"; }\n";
  TRY(write_file(contents.work / "PKGBUILD", pkgbuild));
  const auto run = "() {\n  " + depmod_script(contents) + "}\n";
  TRY(write_file(contents.work / "modules.install", "post_install" + run + "post_upgrade" + run + "post_remove" + run));
  std::error_code bad;
  fs::create_directories(contents.work / "out", bad);
  if (::geteuid() == 0) {
    Command own;
    own.argv = {"chown", "-R", "nobody:", contents.work.parent_path().string()};
    TRY(vgpukit::run(own));
  }
  Command command;
  command.argv = {"--force", "--nodeps"};
  command.cwd = contents.work;
  command.env = {{"PKGDEST", (contents.work / "out").string()},
                 {"BUILDDIR", (contents.work / "build").string()},
                 {"SRCDEST", contents.work.string()},
                 {"PKGEXT", ".pkg.tar.zst"},
                 {"CARCH", "x86_64"},
                 {"PACKAGER", "vgpukit <root@localhost>"}};
  TRY(run_tool(tool, std::move(command)));
  return only_file(contents.work / "out", ".pkg.tar");
}

}  // namespace

std::string_view package_format_name(PackageFormat format) {
  return tool_of(format).name;
}

std::optional<PackageFormat> package_format_from(std::string_view name) {
  for (const auto& tool : kTools)
    if (tool.name == name) return tool.format;
  return std::nullopt;
}

std::string package_name(PackageFormat format, const std::string& release) {
  std::string name = "nvidia-modules-" + release;
  if (format == PackageFormat::rpm) return name;
  // Debian: small letters, digits, + - . ; Arch has _ and @, too.
  for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (format == PackageFormat::deb) std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

Result<std::string> kernel_dependency(PackageFormat format, const kernel::Kernel& kernel) {
  const auto& release = kernel.release;
  if (format == PackageFormat::deb) {
    if (release.ends_with("-pve")) return "proxmox-kernel-" + release + "-signed | proxmox-kernel-" + release;
    return "linux-image-" + release + " | linux-image-unsigned-" + release + " | linux-image-" + release + "-unsigned";
  }
  if (format == PackageFormat::rpm) {
    if (std::count(release.begin(), release.end(), '-') > 1)
      return Error{ErrorKind::usage, "find the rpm package of the kernel " + release,
                   "rpm distributions have no releases of this form", "name the dependency: --depends TEXT"};
    return "kernel-uname-r = " + release;
  }
  const auto base = kernel.host.resolve("/usr/lib/modules/" + release + "/pkgbase");
  const auto text = base ? read_file(*base) : Result<std::string>(Error{});
  if (!text)
    return Error{ErrorKind::usage, "find the Arch package of the kernel " + release,
                 "/usr/lib/modules/" + release + "/pkgbase is not there",
                 "install that kernel where the package is made, or name it: --depends linux=VERSION"};
  const auto name = text->substr(0, text->find_first_of(" \n"));
  // 6.12.1-arch1-1 is the release of linux 6.12.1.arch1-1; 6.12.1-1-lts that of linux-lts 6.12.1-1.
  auto version = release;
  if (name.starts_with("linux-") && version.ends_with(name.substr(5)))
    version.resize(version.size() - (name.size() - 5));
  for (auto dash = version.find('-'); dash != version.rfind('-'); dash = version.find('-')) version[dash] = '.';
  return name + "=" + version;
}

Result<ModulePackage> make_package(const PackageRequest& request) {
  const auto& tool = tool_of(request.format);
  const auto tried = "make a package (" + std::string(tool.name) + ") for " + request.kernel->release;
  if (request.build->modules.empty() || request.build->modules.front().path.empty())
    return Error{ErrorKind::usage, tried, "the build delivered no modules", ""};
  if (!find_program(tool.program))
    return Error{ErrorKind::missing, tried, std::string(tool.program) + " is not installed",
                 std::string("install ") + tool.from};
  if (request.format == PackageFormat::arch && !find_program("bsdtar"))
    return Error{ErrorKind::missing, tried, "makepkg needs bsdtar, which is not installed",
                 "install libarchive-tools (Debian)"};
  Contents contents;
  contents.release = request.kernel->release;
  contents.name = package_name(request.format, contents.release);
  contents.version = request.build->driver.version + "-" + std::to_string(request.revision);
  contents.summary = "NVIDIA " + request.build->driver.version + " kernel modules for " + contents.release;
  contents.depends = request.depends;
  if (contents.depends.empty()) {
    TRY_ASSIGN(contents.depends, kernel_dependency(request.format, *request.kernel));
  }
  contents.folder = "/usr/lib/modules/" + contents.release + "/updates/vgpukit";
  TRY_ASSIGN(const auto scratch, StagedFolder::beside(request.output / (contents.name + "-package")));
  std::error_code bad;
  // Others must be able to read it: makepkg runs as nobody, and the package's folders get this mode.
  fs::permissions(scratch.path(), fs::perms(0755), bad);
  contents.root = scratch.path() / "root";
  contents.work = scratch.path() / "work";
  fs::create_directories(contents.root, bad);
  fs::create_directories(contents.work, bad);
  TRY(lay_out(request, contents));
  TRY_ASSIGN(const auto made, request.format == PackageFormat::deb   ? make_deb(contents, tool)
                              : request.format == PackageFormat::rpm ? make_rpm(contents, tool)
                                                                     : make_arch(contents, tool));
  ModulePackage package{request.output / made.filename(), contents.name, contents.version, contents.depends};
  fs::rename(made, package.file, bad);
  if (bad) return Error{ErrorKind::missing, tried, package.file.string() + ": " + bad.message(), ""};
  if (::geteuid() == 0 && ::chown(package.file.c_str(), 0, 0) != 0)
    return Error{ErrorKind::missing, tried, "chown root " + package.file.string() + " failed", ""};
  return package;
}

}  // namespace vgpukit::install
