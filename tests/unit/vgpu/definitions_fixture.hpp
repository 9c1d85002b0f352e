// A host with fake cards, and the commands on its definitions.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vgpu/fake_cards.hpp"
#include "vgpu/vgpu_apply.hpp"

namespace vgpukit::vgpu {

class DefinitionsTest : public testing::Test {
 protected:
  [[nodiscard]] VgpuTools tools() {
    return {fake.host, driver, [this] { return [this] { return tries-- > 0; }; }, [] {},
            [this](const Command& command) { return smi.run(command); }};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& device : read_vgpus(driver).devices) all.push_back(device.name);
    return all;
  }
  AppliedVgpus apply(bool dry_run = false) {
    auto applied = apply_vgpus(tools(), {dry_run});
    EXPECT_TRUE(applied) << applied.error().message();
    return std::move(*applied);
  }
  void yaml(const std::string& text, const std::string& cards = "") const {
    fake.file("etc/vgpukit/vgpus.yaml", (cards.empty() ? "" : "cards:\n" + cards) + "vgpus:\n" + text);
  }
  test::FakeHost fake;
  test::FakeDriver driver{fake};
  test::FakeSmi smi{fake, driver};
  int tries = 3;
};

}  // namespace vgpukit::vgpu
