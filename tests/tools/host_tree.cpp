// host_tree DESCRIPTION DIR: makes a root folder from a host of tests/fixtures/hosts, for --root.
#include "../unit/system/host_tree.hpp"

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "host_tree DESCRIPTION DIR\n";
    return 2;
  }
  try {
    std::filesystem::create_directories(argv[2]);
    vgpukit::test::HostTree(argv[2]).unpack_file(argv[1]);
  } catch (const std::exception& bad) {
    std::cerr << argv[1] << ": " << bad.what() << "\n";
    return 1;
  }
  return 0;
}
