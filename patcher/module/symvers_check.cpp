#include "module/symvers_check.hpp"

#include "kernel/modules_folder.hpp"
#include "kernel/package_hints.hpp"
#include "module/loader_check.hpp"
#include "module/module_file.hpp"

namespace vgpukit::module {

namespace {

// Some module that was built with the kernel.
std::optional<ModuleFile> own_module(const kernel::Kernel& kernel) {
  const auto folder = kernel::modules_folder(kernel.host, kernel.release);
  if (!folder) return std::nullopt;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(*folder / "kernel", error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.find(".ko") == std::string::npos) continue;
    auto module = read_module(entry->path());
    if (module && module->has_versions) return *std::move(module);
  }
  return std::nullopt;
}

}  // namespace

std::optional<SymversProblem> symvers_problem(const kernel::Kernel& kernel, const kernel::Symvers& symvers) {
  if (!kernel.has("CONFIG_MODVERSIONS")) return std::nullopt;
  const auto file = (kernel.build / "Module.symvers").string();
  const auto again =
      "install the headers that belong to this kernel: " + kernel::install_headers_hint(kernel.host, kernel.release);
  const auto* layout = symvers.find("module_layout");
  if (layout && layout->crc == 0)
    return SymversProblem{file +
                              " has no checksums (module_layout has 0x00000000), and this kernel compares them "
                              "(CONFIG_MODVERSIONS)",
                          again};
  const auto own = own_module(kernel);
  if (!own) return std::nullopt;
  const auto differs = [&](const std::string& name, const std::optional<std::uint32_t>& crc) {
    const auto* exported = symvers.find(name);
    return exported && crc && exported->crc != *crc;
  };
  const auto problem = [&](const std::string& name, std::uint32_t crc) {
    return SymversProblem{file + " is of another kernel: it has the checksum " +
                              checksum_text(symvers.find(name)->crc) + " for " + name +
                              ", and this kernel's own module " + own->name + " has " + checksum_text(crc),
                          again};
  };
  if (differs("module_layout", own->layout_crc)) return problem("module_layout", *own->layout_crc);
  for (const auto& import : own->imports)
    if (differs(import.name, import.crc)) return problem(import.name, *import.crc);
  return std::nullopt;
}

}  // namespace vgpukit::module
