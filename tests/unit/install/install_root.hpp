// A root in which dkms, depmod and ldconfig are small scripts. install() does what dkms and nvidia-installer would do
// in an installation. The transaction around it, uninstall_driver() and rollback_driver() are the real ones.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>

#include "install/dkms.hpp"
#include "install/dkms_tree.hpp"
#include "install/hook_files.hpp"
#include "install/install_scope.hpp"
#include "install/uninstall.hpp"
#include "install/user_space.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::test {

inline constexpr const char* dkms_script = R"(#!/bin/sh
tree=/var/lib/dkms/nvidia verb=$1
while [ $# -gt 0 ]; do case $1 in -v) version=$2 ;; -k) release=$2 ;; esac; shift; done
case $verb in
--version) echo dkms-3.0.10 ;;
status)
  for one in $tree/*/*/; do
    [ ! -d "$one" ] || { one=${one%/}; v=${one%/*}; echo "nvidia/${v##*/}, ${one##*/}, x86_64: installed"; }
  done ;;
add) mkdir -p $tree/$version ;;
build) mkdir -p $tree/$version/$release && echo "$version for $release" >$tree/$version/$release/nvidia.ko ;;
install)
  mkdir -p /lib/modules/$release/updates/dkms &&
    cp $tree/$version/$release/nvidia.ko /lib/modules/$release/updates/dkms/ && depmod $release ;;
remove)
  for one in $tree/$version/*/; do
    one=${one%/}; rm -f /lib/modules/${one##*/}/updates/dkms/nvidia.ko; depmod ${one##*/}
  done
  rm -r $tree/$version ;;
esac
)";
inline constexpr const char* depmod_script = R"(#!/bin/sh
cd /lib/modules/$1 && set -- updates/dkms/*.ko && { [ -e "$1" ] || set --; } && echo "$*" >modules.dep
)";

class InstallRoot : public testing::Test {
 protected:
  using Files = std::map<std::string, std::string>;

  void SetUp() override {
    // Each of the hundreds of copies ends with a sync, so this is in memory if programs may be run there.
    for (const fs::path& folder : {fs::path("/dev/shm"), fs::temp_directory_path()}) {
      auto name = (folder / "vgpukit-killed-XXXXXX").string();
      if (!::mkdtemp(name.data())) continue;
      folder_ = fs::canonical(name);
      host_.root = folder_ / "root";
      make_disk();
      make_root();
      if (const auto dkms = install::Dkms::open(host_)) return;
      fs::remove_all(folder_);
    }
    GTEST_SKIP() << "programs of another root cannot be run here";
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Where the root will be.
  virtual void make_disk() {}
  void make_root() {
    host_.state = folder_ / "unused";
    for (const auto* program : {"sh", "mkdir", "cp", "rm"}) bring(program);
    put("/bin/dkms", dkms_script, 0755);
    put("/bin/depmod", depmod_script, 0755);
    put("/bin/ldconfig", "#!/bin/sh\n", 0755);
    put("/var/lib/dpkg/status", "");
    put("/usr/lib/theirs.so", "the distribution's");
    put("/usr/bin/theirs", "the distribution's");
    for (const auto* release : {"6.1", "6.12"}) put(std::string("/lib/modules/") + release + "/modules.dep", "\n");
  }

  void put(const fs::path& path, const std::string& text, unsigned mode = 0644) {
    const auto written = write_file(host_.in_root(path), text, mode);
    ASSERT_TRUE(written) << written.error().message();
  }
  // A program of this machine with its libraries.
  void bring(const std::string& name) {
    const auto program = find_program(name, "/");
    ASSERT_TRUE(program);
    Command ldd;
    ldd.argv = {"ldd", program->string()};
    const auto said = run(ldd);
    ASSERT_TRUE(said);
    std::error_code bad;
    fs::create_directories(host_.in_root("/bin"), bad);
    fs::copy_file(*program, host_.in_root("/bin/" + name), fs::copy_options::overwrite_existing, bad);
    for (const auto& line : lines_of(said->out)) {
      const auto slash = line.find('/');
      if (slash == std::string::npos) continue;
      const auto library = line.substr(slash, line.find(' ', slash) - slash);
      fs::create_directories(host_.in_root(library).parent_path(), bad);
      fs::copy_file(library, host_.in_root(library), fs::copy_options::skip_existing, bad);
    }
  }

  // The files of the root, without programs and without the state of vgpukit.
  Files all() const {
    Files found;
    for (const auto& entry : fs::recursive_directory_iterator(host_.root)) {
      const auto path = host_.inside(entry.path()).string();
      if (path.starts_with("/var/lib/vgpukit") || path.starts_with("/bin") || path.starts_with("/lib64") ||
          path.starts_with("/lib/x"))
        continue;
      found[path] = entry.is_directory() ? "folder" : *read_file(entry.path());
    }
    return found;
  }
  void save(const std::string& name) const {
    fs::remove_all(folder_ / name);
    fs::copy(host_.root, folder_ / name, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  }
  void load(const std::string& name) const {
    fs::remove_all(host_.root);
    load_into_place(name);
  }
  void load_into_place(const std::string& name) const {
    fs::copy(folder_ / name, host_.root, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  }

  // As nvidia-installer does it (backup.c): it removes its old files, moves files in its way to /var/lib/nvidia, then
  // names them in its log; it copies a file, then names that in its log.
  Status user_space(const std::string& version, const JournaledChange& transaction) {
    const auto old = install::installed_user_space(host_);
    for (const auto& file : old) {
      transaction.step("remove " + file);
      fs::remove(host_.in_root(file));
    }
    if (!old.empty()) fs::rename(host_.in_root("/var/lib/nvidia/100"), host_.in_root("/usr/lib/theirs.so"));
    transaction.step("empty /var/lib/nvidia");
    fs::remove_all(host_.in_root("/var/lib/nvidia"));
    std::string log = version + "\nNVIDIA\n";
    const auto write = [&](const std::string& lines) {
      return write_file(host_.in_root("/var/lib/nvidia/log"), log += lines);
    };
    TRY(write(""));
    transaction.step("back up");
    fs::rename(host_.in_root("/usr/lib/theirs.so"), host_.in_root("/var/lib/nvidia/100"));
    TRY(write("100: /usr/lib/theirs.so\n1 100644 " + std::to_string(::getuid()) + " " + std::to_string(::getgid()) +
              "\n"));
    transaction.step("copy");
    TRY(write_file(host_.in_root("/usr/lib/theirs.so"), "NVIDIA's " + version));
    transaction.step("write that down");
    TRY(write("1: /usr/lib/theirs.so\n1\n"));
    transaction.step("copy");
    TRY(write_file(host_.in_root("/usr/bin/nvidia-" + version), version));
    TRY(write("1: /usr/bin/nvidia-" + version + "\n1\n"));
    return write_file(host_.in_root("/var/log/nvidia-installer.log"), version);
  }

  Status install(const std::string& version, const OnStep& at) {
    const auto old = install::old_version(host_);
    TRY_ASSIGN(const auto dkms, install::Dkms::open(host_));
    TRY_ASSIGN(auto transaction, JournaledChange::begin(install::install_rules(host_), "install " + version, {}, at));
    std::vector<std::string> versions = {version};
    if (!old.empty()) versions.push_back(old);
    TRY(transaction.add(install::install_scope(host_, versions)));
    if (!old.empty()) {
      transaction.step("remove " + old);
      TRY(install::remove_installed(host_, dkms, old));
    }
    std::vector<std::string> paths = {"/var/lib/nvidia", "/etc/ld.so.cache", "/var/log/nvidia-installer.log"};
    for (const auto& file : install::installed_user_space(host_)) paths.push_back(file);
    TRY(transaction.add(paths));
    transaction.step("dkms add");
    for (const auto* name : {"vgpukit-dkms", "vgpukit.json"})
      TRY(write_file(host_.in_root(install::dkms_source_folder(version)) / name, version));
    TRY(dkms.add(install::dkms_module_name, version));
    transaction.step("dkms build 6.1");
    TRY(dkms.build(install::dkms_module_name, version, "6.1"));
    transaction.step("dkms install 6.1");
    TRY(dkms.install(install::dkms_module_name, version, "6.1"));
    TRY(user_space(version, transaction));
    transaction.step("dkms install 6.12");
    TRY(dkms.build(install::dkms_module_name, version, "6.12"));
    TRY(dkms.install(install::dkms_module_name, version, "6.12"));
    transaction.step("hooks");
    if (old.empty()) TRY(install::install_hooks(host_, "/usr/bin/vgpukit"));
    auto made = install::hook_paths();
    for (const auto* folder : {"/etc/kernel/postinst.d", "/etc/kernel/header_postinst.d", "/etc/kernel"})
      made.emplace_back(folder);
    return transaction.commit({{"version", version}, {"modules", {"nvidia"}}, {"made", made}});
  }

  static std::string differences(const Files& now, const Files& then) {
    std::string text;
    for (const auto& [path, what] : now)
      if (!then.contains(path) || then.at(path) != what) text += path + " is " + what + "; ";
    for (const auto& [path, what] : then)
      if (!now.contains(path)) text += path + " is gone; ";
    return text;
  }

  fs::path folder_;
  HostPaths host_;
};

}  // namespace vgpukit::test
