// A driver of a few lines that Kbuild's commands compile in a moment, and the headers of an old and a new kernel. The
// driver is compiled for the new one, which is that of kernel/fake_kernel.hpp.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adapt/adapt.hpp"
#include "build/fake_driver.hpp"
#include "recipe/parse_recipe.hpp"

namespace vgpukit::adapt {

// What NVIDIA's makefiles do, without Kbuild: all C files of nvidia/ become one module.
inline driver::testing_driver::Files small_driver(const driver::testing_driver::Files& more) {
  auto files = test::fake_driver();
  files["Makefile"] =
      "  NV_KERNEL_MODULES ?= $(wildcard nvidia nvidia-uvm nvidia-vgpu-vfio nvidia-modeset nvidia-drm nvidia-peermem)\n"
      ".PHONY: modules\nmodules:\n"
      "\t@$(MAKE) -f Kbuild KBUILD_EXTMOD=$(CURDIR) obj=$(CURDIR) src=$(CURDIR)\n";
  files["Kbuild"] +=
      "CC ?= gcc\n"
      "c_flags = -nostdinc -I$(SYSOUT)/include -Icommon -Werror=implicit-function-declaration $(ccflags-y)\n"
      "NV_CONFTEST_CMD := /bin/sh $(src)/conftest.sh $(CC) x86_64 $(SYSOUT) $(obj)\n"
      "objects := $(patsubst %.c,%.o,$(wildcard nvidia/*.c))\n"
      "nvidia.ko: $(objects)\n\t@echo '  LD [M]  nvidia.ko'\n\t@ld -r -o $@ $^\n"
      ".PHONY: always\n"
      "%.o: %.c always\n\t@echo '  CC [M]  $@'\n\t@$(CC) $(c_flags) -c -o $@ $<\n"
      "$(obj)/conftest/patches.h:\n\t@mkdir -p $(@D) && touch $@\n";
  files["nvidia/nvidia.Kbuild"] = "NVIDIA_SOURCES =\n";
  for (const auto& [path, text] : more) {
    files[path] = text;
    if (path.ends_with(".c") && path != "nvidia/nv.c")
      files["nvidia/nvidia.Kbuild"] += "NVIDIA_SOURCES += " + path + "\n";
  }
  files["nvidia/nv.c"] += test::module_information("6.99.0-fake SMP mod_unload ");
  files["nvidia/nvidia.Kbuild"] += "NVIDIA_SOURCES += nvidia/nv.c\n";
  return files;
}

class AdaptTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::can_build() || !find_program("ld")) GTEST_SKIP() << "there is no make, gcc or ld";
    header("");
    old_header("");
  }
  // <linux/api.h> of the new and of the old kernel.
  void header(const std::string& lines) { new_header_ = "#ifndef API\n#define API\n" + lines + "#endif\n"; }
  void old_header(const std::string& lines) { put(folder / "old/include/linux/api.h", lines); }
  void package(const driver::testing_driver::Files& more) {
    fs::remove_all(folder / "driver");
    driver::testing_driver::put(folder / "driver", small_driver(more));
  }
  static void put(const fs::path& path, const std::string& text) { test::put(path, text); }

  virtual kernel::Kernel kernel() {
    auto kernel = test::kernel_without_old_call(folder);
    put(kernel.build / "include/linux/api.h", new_header_);
    std::string symbols;
    for (const auto& each : exported) symbols += "0x12345678\t" + each + "\tvmlinux\tEXPORT_SYMBOL\t\n";
    put(kernel.build / "Module.symvers", symbols);
    if (fs::exists(folder / "cc")) kernel.compiler.command = (folder / "cc").string();
    if (!makefile.empty()) put(kernel.build / "Makefile", makefile);
    return kernel;
  }

  Result<AdaptReport> try_adapt() {
    kernel::Facts facts(kernel());
    auto opened = driver::open_driver(facts.kernel().host, folder / "driver");
    if (!opened) return opened.error();
    const auto before = contents();
    AdaptJob job;
    job.driver = &*opened;
    job.catalogue = &catalogue;
    job.headers = {{"6.1.0-old", {folder / "old/include"}, {}, {folder / "old/Makefile"}},
                   {"6.99.0-fake", {folder / "build/include"}, {}, {folder / "new/Makefile"}}};
    job.exercise = exercise;
    job.repository = repository;
    auto report = adapt(facts, job);
    EXPECT_EQ(contents(), before) << "the package has changed";
    EXPECT_THAT(driver::testing_driver::listing(folder / "cache/work"), testing::IsEmpty());
    EXPECT_FALSE(fs::exists(folder / "state/built"));
    if (report) text = text_of(*report, *opened, facts.kernel());
    return report;
  }
  // `text` is then what `adapt --report` writes.
  AdaptReport adapt_it() {
    auto report = try_adapt();
    EXPECT_TRUE(report) << report.error().message();
    return report ? *std::move(report) : AdaptReport{};
  }
  Error error_of_adapt() {
    const auto report = try_adapt();
    EXPECT_FALSE(report) << text;
    return report ? Error{} : report.error();
  }
  static std::vector<std::string> changes_of(const AdaptReport& report) {
    std::vector<std::string> changes;
    for (const auto& each : report.proposals) changes.push_back(each.draft.change);
    return changes;
  }

  test::TempFolder folder;
  std::vector<std::string> exported = {"printk"};
  std::string makefile;  // of the new kernel, if it is not fake_kernel()'s
  recipe::Catalogue catalogue;
  std::vector<std::string> exercise;  // AdaptJob::exercise
  fs::path repository;                // AdaptJob::repository
  std::string text;

 private:
  driver::testing_driver::Files contents() const {
    driver::testing_driver::Files files;
    for (const auto& path : driver::testing_driver::listing(folder / "driver"))
      if (fs::is_regular_file(folder / "driver" / path))
        files[path] = driver::testing_driver::read(folder / "driver" / path);
    return files;
  }
  std::string new_header_;
};

}  // namespace vgpukit::adapt
