// SIGKILL at the steps of install, upgrade, rollback and uninstall, user space and all: what is there after the next command has
// ended what was left is what was there before, or what the command would have made. dkms, depmod and ldconfig are small scripts in
// a root of its own; what dkms and nvidia-installer do in an installation is done here, the rest is the real thing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <set>

#include "install/dkms.hpp"
#include "install/dkms_tree.hpp"
#include "install/hook_files.hpp"
#include "install/install.hpp"
#include "install/nvidia_installer.hpp"
#include "install/parts.hpp"
#include "install/scope.hpp"
#include "install/transaction.hpp"
#include "support/atomic_file.hpp"
#include "support/killed_at.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit {
namespace {

constexpr const char* dkms_script = R"(#!/bin/sh
tree=/var/lib/dkms/nvidia verb=$1
while [ $# -gt 0 ]; do case $1 in -v) version=$2 ;; -k) release=$2 ;; esac; shift; done
case $verb in
--version) echo dkms-3.0.10 ;;
status) for one in $tree/*/*/; do [ ! -d "$one" ] || { one=${one%/}; v=${one%/*}; echo "nvidia/${v##*/}, ${one##*/}, x86_64: installed"; }; done ;;
add) mkdir -p $tree/$version ;;
build) mkdir -p $tree/$version/$release && echo "$version for $release" >$tree/$version/$release/nvidia.ko ;;
install) mkdir -p /lib/modules/$release/updates/dkms && cp $tree/$version/$release/nvidia.ko /lib/modules/$release/updates/dkms/ && depmod $release ;;
remove) for one in $tree/$version/*/; do one=${one%/}; rm -f /lib/modules/${one##*/}/updates/dkms/nvidia.ko; depmod ${one##*/}; done; rm -r $tree/$version ;;
esac
)";
constexpr const char* depmod_script = R"(#!/bin/sh
cd /lib/modules/$1 && set -- updates/dkms/*.ko && { [ -e "$1" ] || set --; } && echo "$*" >modules.dep
)";

using Files = std::map<std::string, std::string>;

class KilledTest : public testing::Test {
 protected:
  void SetUp() override {
    // Every copy ends with a sync, of which there are hundreds here: in memory, where programs may be run from there.
    for (const fs::path& folder : {fs::path("/dev/shm"), fs::temp_directory_path()}) {
      auto name = (folder / "vgpukit-killed-XXXXXX").string();
      if (!::mkdtemp(name.data())) continue;
      folder_ = fs::canonical(name);
      make_root();
      if (const auto dkms = Dkms::open(host_)) return;
      fs::remove_all(folder_);
    }
    GTEST_SKIP() << "programs of another root cannot be run here";
  }
  void TearDown() override { fs::remove_all(folder_); }

  void make_root() {
    host_.root = folder_ / "root";
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

  // What is in the root, but for the programs and for what vgpukit keeps for itself.
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
    fs::copy(folder_ / name, host_.root, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  }

  // As nvidia-installer does it (backup.c): what was there of it goes; what is in its way is moved to /var/lib/nvidia, then its log
  // names that; a file is copied, then the log names it.
  void user_space(const std::string& version, const Transaction& transaction) {
    const auto old = installed_user_space(host_);
    for (const auto& file : old) {
      transaction.step("remove " + file);
      fs::remove(host_.in_root(file));
    }
    if (!old.empty()) fs::rename(host_.in_root("/var/lib/nvidia/100"), host_.in_root("/usr/lib/theirs.so"));
    transaction.step("empty /var/lib/nvidia");
    fs::remove_all(host_.in_root("/var/lib/nvidia"));
    std::string log = version + "\nNVIDIA\n";
    const auto write = [&](const std::string& lines) { put("/var/lib/nvidia/log", log += lines); };
    write("");
    transaction.step("back up");
    fs::rename(host_.in_root("/usr/lib/theirs.so"), host_.in_root("/var/lib/nvidia/100"));
    write("100: /usr/lib/theirs.so\n1 100644 " + std::to_string(::getuid()) + " " + std::to_string(::getgid()) + "\n");
    transaction.step("copy");
    put("/usr/lib/theirs.so", "NVIDIA's " + version);
    transaction.step("write that down");
    write("1: /usr/lib/theirs.so\n1\n");
    transaction.step("copy");
    put("/usr/bin/nvidia-" + version, version);
    write("1: /usr/bin/nvidia-" + version + "\n1\n");
    put("/var/log/nvidia-installer.log", version);
  }

  Status install(const std::string& version, const OnStep& at) {
    const auto old = old_version(host_);
    TRY_ASSIGN(const auto dkms, Dkms::open(host_));
    TRY_ASSIGN(auto transaction, Transaction::begin(host_, "install " + version, {}, at));
    std::vector<std::string> versions = {version};
    if (!old.empty()) versions.push_back(old);
    TRY(transaction.add(install_scope(host_, versions)));
    if (!old.empty()) {
      transaction.step("remove " + old);
      TRY(remove_installed(host_, dkms, old));
    }
    std::vector<std::string> paths = {"/var/lib/nvidia", "/etc/ld.so.cache", "/var/log/nvidia-installer.log"};
    for (const auto& file : installed_user_space(host_)) paths.push_back(file);
    TRY(transaction.add(paths));
    transaction.step("dkms add");
    put(dkms_source_folder(version) / "vgpukit-dkms", version);
    put(dkms_source_folder(version) / "vgpukit.json", version);
    TRY(dkms.add(dkms_module_name, version));
    transaction.step("dkms build 6.1");
    TRY(dkms.build(dkms_module_name, version, "6.1"));
    transaction.step("dkms install 6.1");
    TRY(dkms.install(dkms_module_name, version, "6.1"));
    user_space(version, transaction);
    transaction.step("dkms install 6.12");
    TRY(dkms.build(dkms_module_name, version, "6.12"));
    TRY(dkms.install(dkms_module_name, version, "6.12"));
    transaction.step("hooks");
    if (old.empty()) TRY(install_hooks(host_, "/usr/bin/vgpukit"));
    auto made = hook_paths();
    for (const auto* folder : {"/etc/kernel/postinst.d", "/etc/kernel/header_postinst.d", "/etc/kernel"}) made.emplace_back(folder);
    return transaction.commit({{"version", version}, {"modules", {"nvidia"}}, {"made", made}});
  }

  // The steps at which it is worth dying: all but those of copies made and put back, of which there is one for each path.
  template <class Work>
  std::set<int> steps_of(Work work) {
    std::set<int> wanted;
    int number = 0;
    int copies = 0;
    const auto done = work([&](std::string_view name) {
      const bool copy = name.starts_with("keep ") || name.starts_with("put back ");
      if (!copy || copies++ % 70 == 0) wanted.insert(number);
      ++number;
    });
    EXPECT_TRUE(done) << done.error().message();
    return wanted;
  }

  // `undone` and `finished` count how often what was there before was there again, and how often the work was completed.
  template <class Work>
  void kill_at_each_step(Work work) {
    const auto before = all();
    save("before");
    const auto steps = steps_of(work);
    const auto after = all();
    ASSERT_NE(after, before);
    int undone = 0;
    int finished = 0;
    for (const auto at : steps) {
      load("before");
      ASSERT_TRUE(test::killed_at(at, [&](const OnStep& step) { return static_cast<bool>(work(step)); }));
      const auto left = lock_installation(host_);  // as each command begins
      ASSERT_TRUE(left) << left.error().message();
      const auto now = all();
      ASSERT_TRUE(now == before || now == after) << "killed at step " << at << ": " << differences(now, before);
      (now == before ? undone : finished) += 1;
      EXPECT_FALSE(unfinished_work(host_));
    }
    EXPECT_GE(undone, 5);
    EXPECT_GE(finished, 2);
    load("before");
    ASSERT_TRUE(test::killed_at(*std::next(steps.begin(), static_cast<long>(steps.size() / 2)),
                                [&](const OnStep& step) { return static_cast<bool>(work(step)); }));
    const auto again = work({});
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(all(), after) << "the same command, once more";
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

TEST_F(KilledTest, Install) {
  kill_at_each_step([&](const OnStep& at) { return install("1", at); });
}

TEST_F(KilledTest, Upgrade) {
  ASSERT_TRUE(install("1", {}));
  kill_at_each_step([&](const OnStep& at) { return install("2", at); });
}

TEST_F(KilledTest, Rollback) {
  ASSERT_TRUE(install("1", {}));
  ASSERT_TRUE(install("2", {}));
  const auto second = all();
  kill_at_each_step([&](const OnStep& at) -> Status {
    TRY(rollback_driver(host_, {}, at));
    return {};
  });
  EXPECT_EQ(*read_file(host_.in_root("/usr/lib/theirs.so")), "NVIDIA's 1");
  ASSERT_TRUE(rollback_driver(host_));
  EXPECT_EQ(differences(all(), second), "") << "forward again";
}

TEST_F(KilledTest, RollbackToNoDriver) {
  const auto none = all();
  ASSERT_TRUE(install("1", {}));
  kill_at_each_step([&](const OnStep& at) -> Status {
    TRY(rollback_driver(host_, {}, at));
    return {};
  });
  EXPECT_EQ(differences(all(), none), "");
}

TEST_F(KilledTest, Uninstall) {
  ASSERT_TRUE(install("1", {}));
  kill_at_each_step([&](const OnStep& at) -> Status {
    TRY(uninstall_driver(host_, at));
    return {};
  });
  EXPECT_EQ(*read_file(host_.in_root("/usr/lib/theirs.so")), "NVIDIA's 1") << "nvidia-uninstall removes that";
}

TEST_F(KilledTest, ARecoveryOfUserSpaceCanBeDoneAgain) {
  ASSERT_TRUE(install("1", {}));
  const auto before = all();
  const auto last = [&] {
    save("before");
    const auto steps = steps_of([&](const OnStep& at) { return install("2", at); });
    load("before");
    return *std::prev(steps.end(), 6);  // before the five of the commit
  }();
  ASSERT_TRUE(test::killed_at(last, [&](const OnStep& step) { return static_cast<bool>(install("2", step)); }));
  ASSERT_NE(all(), before);
  save("left");
  for (int at = 0;; at += 25) {
    load("left");
    const bool killed = test::killed_at(at, [&](const OnStep& step) { return static_cast<bool>(recover(host_, step)); });
    ASSERT_TRUE(recover(host_));
    EXPECT_EQ(differences(all(), before), "") << "recovery killed at step " << at;
    if (!killed) break;
    ASSERT_LT(at, 2000);
  }
}

}  // namespace
}  // namespace vgpukit
