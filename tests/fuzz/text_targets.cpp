// Texts: patches, build logs, kernel commits, conftest.sh and makefiles, files of boot loaders, the kernel's log.
#include <algorithm>

#include "authoring/commit_draft.hpp"
#include "authoring/draft.hpp"
#include "authoring/import_patch.hpp"
#include "build/preprocessor_lines.hpp"
#include "conftest/conftest_audit.hpp"
#include "conftest/conftest_script.hpp"
#include "conftest/conftest_snippet.hpp"
#include "conftest/conftest_units.hpp"
#include "conftest/driver_checks.hpp"
#include "diagnostics/build_log.hpp"
#include "driver/kbuild_files.hpp"
#include "fuzz.hpp"
#include "install/dkms.hpp"
#include "kernel/headers_layout.hpp"
#include "kernel/snippets.hpp"
#include "support/configuration.hpp"
#include "support/text.hpp"
#include "system/boot_entries.hpp"
#include "system/grub_defaults.hpp"
#include "system/kernel_log.hpp"
#include "system/kernel_parameters.hpp"
#include "system/nvidia_smi.hpp"
#include "system/services.hpp"
#include "transform/makefile.hpp"
#include "transform/unified_diff.hpp"

namespace vgpukit::fuzz {

namespace {

void run_diff(const std::string& input) {
  // What follows the mark is the text that the patch is applied to.
  const auto mark = input.find("\n=====\n");
  const auto patch = input.substr(0, mark == std::string::npos ? mark : mark + 1);
  const auto text = mark == std::string::npos ? std::string() : input.substr(mark + 7);
  if (const auto diffs = transform::read_diff(patch, "x.patch")) {
    transform::Texts texts;
    bool placed = true;
    for (const auto& file : *diffs) {
      require(!file.path.empty() && !file.path.starts_with("/") && !contains("/" + file.path + "/", "/../"));
      static_cast<void>(transform::is_applied(file, text));
      placed = placed && transform::place_hunks(file, text).obstacle.empty();
      texts[file.path] = file.what == transform::FileDiff::What::add ? std::nullopt : std::optional(text);
    }
    if (placed) static_cast<void>(transform::apply_diffs(*diffs, "x.patch", texts));
  }
  static_cast<void>(authoring::import_patch(patch, "x.patch", {}, "6.12"));
  write_scratch("x.mail", patch);
  if (const auto commit = authoring::commit_of_mail(scratch() / "x.mail"))
    static_cast<void>(authoring::draft_from_commit(*commit));
}

std::vector<std::string> diff_seeds() {
  auto all = texts_of("patches", ".patch");
  all.emplace_back(
      "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: x <x>\n"
      "Subject: [PATCH] timer: rename\n\n---\ndiff --git a/include/linux/timer.h b/include/linux/timer.h\n"
      "index 1..2 100644\n--- a/include/linux/timer.h\n+++ b/include/linux/timer.h\n@@ -1,3 +1,3 @@\n int a;\n"
      "-extern int del_timer(struct timer_list *timer);\n+extern int timer_delete(struct timer_list *timer);\n int b;\n"
      "diff --git a/kernel/x.c b/kernel/x.c\n--- a/kernel/x.c\n+++ b/kernel/x.c\n@@ -1 +1 @@ f\n-del_timer(&t);\n"
      "+timer_delete(&t);\n--\n2.39\n");
  all.emplace_back(
      "--- a/nvidia/nv.c\n+++ b/nvidia/nv.c\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n\\ No newline at end of file\n"
      "--- /dev/null\n+++ b/nvidia/new.c\n@@ -0,0 +1 @@\n+x\n=====\na\nb\nd");
  return all;
}

void run_log(const std::string& input) {
  write_scratch("make.log", input);
  if (const auto log = diagnostics::read_build_log(scratch() / "make.log", {"6.12.95", "7.2"})) {
    const auto causes = diagnostics::causes_of(log->errors);
    static_cast<void>(authoring::draft_recipes({}, log->errors, causes, log->release));
  }
  for (const auto& line : system::dmesg_lines(input)) static_cast<void>(line);
  static_cast<void>(system::parse_kmsg(input));
  const auto shown = terminal_text(input, false);
  require(shown.find('\x1b') == std::string::npos && terminal_text(shown, false) == shown);
  static_cast<void>(printable(input));
}

std::vector<std::string> log_seeds() {
  auto all = texts_of("tests/fixtures/build-logs", ".log");
  all.emplace_back("6,339,5140900,-;NET: Registered protocol family 10\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:01.0\n");
  all.emplace_back("<6>[    0.018093] DMAR: IOMMU enabled\n[   1.0] NVRM: x\x1b[31m\xe2\x80\x8f\xc2\x9b\n");
  return all;
}

void run_conftest(const std::string& input) {
  static_cast<void>(conftest::headers_of_script(input));
  static_cast<void>(conftest::shape_of({input, input, false}));
  static_cast<void>(conftest::asks_only_known_names(input));
  static_cast<void>(conftest::called_function(input));
  static_cast<void>(conftest::headers_of(input));
  static_cast<void>(conftest::read_include_probe(input));
  static_cast<void>(conftest::read_unit({0, 1}, false, input));
  static_cast<void>(conftest::read_driver_checks(input, input, {}));
  const auto makefile = transform::read_makefile(input);
  for (const auto& assignment : makefile.assignments) static_cast<void>(makefile.value_words(assignment));
  write_scratch("tree/Kbuild", input);
  write_scratch("tree/nvidia/nvidia.Kbuild", input);
  static_cast<void>(driver::read_kbuild_summary(scratch() / "tree", {}));
}

std::vector<std::string> conftest_seeds() {
  auto all = texts_of("kbuild/reference-driver", "Kbuild");
  for (const auto* ending : {"conftest.sh", "Makefile"}) {
    const auto more = texts_of("kbuild", ending);
    all.insert(all.end(), more.begin(), more.end());
  }
  all.emplace_back(
      "#if defined(NV_LINUX_X_H_PRESENT)\n#include <linux/x.h>\n#endif\nvoid conftest_follow_pfn(void) {\n"
      "  follow_pfn();\n}\n");
  all.emplace_back("@ cc_sanity_check\nThe C compiler does not work.\n= 1\n@ xen_sanity_check\n= 0\n");
  all.emplace_back("test_headers() {\n    FILES=\"\n        asm/system.h\n        drm/drmP.h\"\n}\n");
  all.emplace_back("conftest-1:3:5: error: implicit declaration of function 'f' [-Werror=x]\n");
  all.emplace_back("# 1 \"conftest-0\"\nvgpukit_include linux/fs.h\nlinux/mm.h\n");
  return all;
}

void run_boot(const std::string& input) {
  if (const auto all = system::assignments_of(input, "GRUB_CMDLINE_LINUX", "grub"))
    static_cast<void>(system::value_after(*all, "GRUB_CMDLINE_LINUX", "quiet"));
  if (const auto more = system::with_words(input, "GRUB_CMDLINE_LINUX", {"intel_iommu=on"}, "grub")) {
    const auto all = system::assignments_of(*more, "GRUB_CMDLINE_LINUX", "grub");
    require(all && contains(system::value_after(*all, "GRUB_CMDLINE_LINUX", ""), "intel_iommu=on"));
  }
  static_cast<void>(system::KernelParameters(input).find("iommu"));
  static_cast<void>(system::same_parameters(input, "quiet iommu=pt"));
  HostPaths host;
  host.root = scratch() / "boot-root";
  for (const auto* name : {"boot/loader/entries/a.conf", "boot/grub/grub.cfg", "boot/limine.conf",
                           "boot/refind_linux.conf", "boot/EFI/Linux/a.efi"})
    write_scratch(fs::path("boot-root") / name, input);
  for (auto* read : {system::loader_entries, system::unified_images, system::grub_entries, system::limine_entries,
                     system::refind_entries})
    for (const auto& entry : read(host)) static_cast<void>(entry.is_normal());
}

std::vector<std::string> boot_seeds() {
  return {
      "# comment\nGRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX=\"quiet splash\"\nGRUB_CMDLINE_LINUX+=' a=\"b c\"'\\''x'\n"
      "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX ${GRUB_CMDLINE_LINUX} \\\"q\\\"\"\n",
      "title Arch\nversion 6.12\nlinux /vmlinuz-linux\ninitrd /intel-ucode.img\ninitrd /initramfs.img\n"
      "options root=UUID=1 rw quiet\n",
      "menuentry 'Debian' --class debian {\n  linux /boot/vmlinuz-6.12 root=/dev/sda1 ro quiet\n"
      "  initrd /boot/initrd.img-6.12\n}\nsubmenu 'more' {\n menuentry \"x\" {\n linux16 /x\n}\n}\n",
      "timeout: 5\n/Arch\n  protocol: linux\n  path: boot():/vmlinuz\n  cmdline: quiet\n  module_path: boot():/i\n",
      "\"Boot\" \"root=/dev/sda1 ro\"\n\"Boot to \"\"single\"\"\" \"single\"\nmenuentry \"Arch\" {\n  loader /v\n"
      "  options \"root=x\"\n}\n",
      "intel_iommu=on \"a b\"=c d=\"e f\" -- init"};
}

// What other programs print or keep: make, gcc, dkms, nvidia-smi, systemctl, the kernel's configuration.
void run_programs(const std::string& input) {
  static_cast<void>(kernel::parse_config(input));
  static_cast<void>(build::read_header(input));
  static_cast<void>(build::may_be_included_twice(input));
  static_cast<void>(kernel::compile_errors(input));
  static_cast<void>(install::parse_dkms_status(input));
  static_cast<void>(install::parse_dkms_version(input));
  system::NvidiaSmi smi;
  system::parse_nvidia_smi(input, smi);
  static_cast<void>(system::parse_systemctl_show("x.service", input).text());
  write_scratch("config.yaml", input);
  static_cast<void>(read_configuration(scratch() / "config.yaml"));
}

std::vector<std::string> programs_seeds() {
  return {
      "CONFIG_X86_64=y\nCONFIG_CC_VERSION_TEXT=\"gcc (Debian 12.2.0) 12.2.0\"\nCONFIG_HZ=250\nCONFIG_X=m\n",
      "#ifndef X_H\n#define X_H /* one\n two */\n#include <linux/fs.h>\n#include \"nv.h\"\n#define A 1 \\\n 2\n"
      "# pragma once\n// x\nint f(void);\n#endif\n",
      "nv.c:3:5: error: implicit declaration of function 'f' [-Werror=x]\nx.h:1:10: fatal error: x.h: No such file\n",
      "nvidia, 535.0.1, 6.1.0-50-amd64, x86_64: installed\nnvidia/535.0.1, 6.1, x86_64: built (WARNING! Diff between "
      "built and installed module!)\ndkms-3.0.10\ndkms: 2.8.4\n",
      "GPU 00000000:01:00.0\n    MIG Mode\n        Current                  : Disabled\n"
      "    vGPU Heterogeneous Mode               : N/A\n",
      "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainStatus=6\n",
      "accept: [gpl-symbols]\nsigning: {key: /root/mok.key, certificate: /root/mok.der}\n"};
}

}  // namespace

const Target diff = {"diff", run_diff, diff_seeds};
const Target log = {"log", run_log, log_seeds};
const Target conftest = {"conftest", run_conftest, conftest_seeds};
const Target boot = {"boot", run_boot, boot_seeds};
const Target programs = {"programs", run_programs, programs_seeds};

}  // namespace vgpukit::fuzz
