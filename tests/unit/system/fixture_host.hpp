// A host of tests/fixtures/hosts, unpacked into a temporary folder. A test can change its files before it reads them.
#pragma once

#include <string>

#include "support/temp_folder.hpp"
#include "system/host_tree.hpp"
#include "system/pci.hpp"

namespace vgpukit::test {

class FixtureHost {
 public:
  // An empty name: a host with nothing in it.
  explicit FixtureHost(const std::string& name = "") : tree(folder.path()) {
    host.root = folder.path();
    host.cache = folder / "cache";
    host.state = folder / "state";
    if (!name.empty()) tree.unpack_file(fs::path(VGPUKIT_SOURCE_DIR) / "tests/fixtures/hosts" / (name + ".host"));
  }
  [[nodiscard]] system::PciView pci() const { return system::read_pci_devices(Sysfs(host)); }

  TempFolder folder;
  HostPaths host;
  HostTree tree;
};

}  // namespace vgpukit::test
