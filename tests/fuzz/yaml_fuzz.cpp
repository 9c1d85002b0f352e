// YAML: a recipe and a file of vGPUs.
#include <cstdint>
#include <string>

#include "recipe/parse_recipe.hpp"
#include "vgpu/definitions.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(static_cast<bool>(vgpukit::recipe::parse_recipe(text, "x.yaml", "/nonexistent")));
  static_cast<void>(static_cast<bool>(vgpukit::vgpu::parse_vgpus("vgpus.yaml", text)));
  return 0;
}
