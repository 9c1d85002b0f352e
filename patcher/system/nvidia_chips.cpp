#include "system/nvidia_chips.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace vgpukit::system {

namespace {

struct Generation {
  std::string_view name;
  unsigned last_branch, first_vgpu, last_vgpu;
  bool open_modules, closed_modules;
  bool vgpu_cards_complete = true;  // no new cards of it are expected
};
constexpr Generation tesla{"Tesla", 340, 0, 0, false, true};
constexpr Generation fermi{"Fermi", 390, 0, 0, false, true};
constexpr Generation kepler{"Kepler", 470, 340, 367, false, true};
constexpr Generation grid{"Kepler", 367, 340, 367, false, true};  // GRID K1, K2 and K340: support ended earlier
constexpr Generation maxwell{"Maxwell", 580, 352, 535, false, true};
constexpr Generation pascal{"Pascal", 580, 367, 535, false, true};
constexpr Generation volta{"Volta", 580, 384, 580, false, true};
constexpr Generation turing{"Turing", 0, 410, 0, true, true};
constexpr Generation ampere{"Ampere", 0, 450, 0, true, true};
constexpr Generation ada{"Ada", 0, 525, 0, true, true};
constexpr Generation hopper{"Hopper", 0, 525, 0, true, true, false};
constexpr Generation blackwell{"Blackwell", 0, 570, 0, true, false, false};

struct Range {
  unsigned first, last;
  std::string_view chip;
  const Generation* generation;
};
// Sorted. Older chips have no driver for a kernel that vgpukit supports.
constexpr std::array ranges = std::to_array<Range>({
    {0x05e0, 0x05ff, "GT200", &tesla},     {0x06c0, 0x06df, "GF100", &fermi},     {0x0a20, 0x0a3f, "GT216", &tesla},
    {0x0a60, 0x0a7f, "GT218", &tesla},     {0x0ca0, 0x0cbf, "GT215", &tesla},     {0x0dc0, 0x0ddf, "GF106", &fermi},
    {0x0de0, 0x0dff, "GF108", &fermi},     {0x0e20, 0x0e3f, "GF104", &fermi},     {0x0f00, 0x0f1f, "GF108", &fermi},
    {0x0fc0, 0x0fee, "GK107", &kepler},    {0x0fef, 0x0fef, "GK107", &grid},      {0x0ff0, 0x0ff1, "GK107", &kepler},
    {0x0ff2, 0x0ff2, "GK107", &grid},      {0x0ff3, 0x0fff, "GK107", &kepler},    {0x1000, 0x103f, "GK110", &kepler},
    {0x1040, 0x107f, "GF119", &fermi},     {0x1080, 0x109f, "GF110", &fermi},     {0x10c0, 0x10df, "GT218", &tesla},
    {0x1140, 0x117f, "GF117", &fermi},     {0x1180, 0x11be, "GK104", &kepler},    {0x11bf, 0x11bf, "GK104", &grid},
    {0x11c0, 0x11ff, "GK106", &kepler},    {0x1200, 0x123f, "GF114", &fermi},     {0x1240, 0x127f, "GF116", &fermi},
    {0x1280, 0x12bf, "GK208", &kepler},    {0x1340, 0x137f, "GM108", &maxwell},   {0x1380, 0x13bf, "GM107", &maxwell},
    {0x13c0, 0x13ff, "GM204", &maxwell},   {0x1400, 0x143f, "GM206", &maxwell},   {0x15f0, 0x15ff, "GP100", &pascal},
    {0x1600, 0x163f, "GM204", &maxwell},   {0x1640, 0x167f, "GM204", &maxwell},   {0x1725, 0x172f, "GP100", &pascal},
    {0x1740, 0x177f, "GM108", &maxwell},   {0x1780, 0x17bf, "GM107", &maxwell},   {0x17c0, 0x17ff, "GM200", &maxwell},
    {0x1b00, 0x1b7f, "GP102", &pascal},    {0x1b80, 0x1bff, "GP104", &pascal},    {0x1c00, 0x1c7f, "GP106", &pascal},
    {0x1c80, 0x1cff, "GP107", &pascal},    {0x1d00, 0x1d7f, "GP108", &pascal},    {0x1d80, 0x1dff, "GV100", &volta},
    {0x1e00, 0x1e7f, "TU102", &turing},    {0x1e80, 0x1eff, "TU104", &turing},    {0x1f00, 0x1f7f, "TU106", &turing},
    {0x1f80, 0x1fff, "TU117", &turing},    {0x2080, 0x20ff, "GA100", &ampere},    {0x2180, 0x21ff, "TU116", &turing},
    {0x2200, 0x227f, "GA102", &ampere},    {0x2300, 0x237f, "GH100", &hopper},    {0x2400, 0x247f, "GA103", &ampere},
    {0x2480, 0x24ff, "GA104", &ampere},    {0x2500, 0x257f, "GA106", &ampere},    {0x2580, 0x25ff, "GA107", &ampere},
    {0x2680, 0x26ff, "AD102", &ada},       {0x2700, 0x277f, "AD103", &ada},       {0x2780, 0x27ff, "AD104", &ada},
    {0x2800, 0x287f, "AD106", &ada},       {0x2880, 0x28ff, "AD107", &ada},       {0x2900, 0x297f, "GB100", &blackwell},
    {0x2b80, 0x2bff, "GB202", &blackwell}, {0x2c00, 0x2c7f, "GB203", &blackwell}, {0x2d00, 0x2d7f, "GB206", &blackwell},
    {0x2d80, 0x2dff, "GB207", &blackwell}, {0x2f00, 0x2f7f, "GB205", &blackwell}, {0x3180, 0x31ff, "GB110", &blackwell},
});

struct Card {
  unsigned device, subsystem;  // subsystem 0: any
  std::string_view name;
  bool vgpus;
};
constexpr std::array cards = std::to_array<Card>({
    {0x0fef, 0, "GRID K340", false},
    {0x0ff2, 0, "GRID K1", true},
    {0x11bf, 0, "GRID K2", true},
    {0x1287, 0, "GeForce GT 730", false},
    {0x13bd, 0, "Tesla M10", true},
    {0x13f2, 0, "Tesla M60", true},
    {0x13f3, 0, "Tesla M6", true},
    {0x15f7, 0, "Tesla P100 (12 GB)", true},
    {0x15f8, 0, "Tesla P100", true},
    {0x15f9, 0, "Tesla P100 (SXM2)", true},
    {0x1b38, 0, "Tesla P40", true},
    {0x1bb3, 0, "Tesla P4", true},
    {0x1bb4, 0, "Tesla P6", true},
    {0x1c20, 0, "GeForce GTX 1060 Mobile", false},
    {0x1c30, 0, "Quadro P2000", false},
    {0x1db1, 0, "Tesla V100 (SXM2)", true},
    {0x1db3, 0, "Tesla V100 (FHHL)", true},
    {0x1db4, 0, "Tesla V100", true},
    {0x1db5, 0, "Tesla V100 (SXM2, 32 GB)", true},
    {0x1db6, 0, "Tesla V100 (32 GB)", true},
    {0x1df6, 0, "Tesla V100S", true},
    {0x1e04, 0, "GeForce RTX 2080 Ti", false},
    {0x1e07, 0, "GeForce RTX 2080 Ti", false},
    {0x1e30, 0x129e, "Quadro RTX 8000", true},
    {0x1e30, 0, "Quadro RTX 6000", true},
    {0x1e78, 0x13d8, "Quadro RTX 8000 (passive)", true},
    {0x1e78, 0, "Quadro RTX 6000 (passive)", true},
    {0x1eb8, 0, "Tesla T4", true},
    {0x20b0, 0, "A100 (SXM4)", true},
    {0x20b2, 0, "A100 (SXM4, 80 GB)", true},
    {0x20b5, 0, "A100 (80 GB)", true},
    {0x20b7, 0, "A30", true},
    {0x20b8, 0, "A100X", true},
    {0x20b9, 0, "A30X", true},
    {0x20f1, 0, "A100", true},
    {0x20f3, 0, "A800 (SXM4, 80 GB)", true},
    {0x20f5, 0, "A800 (80 GB)", true},
    {0x2230, 0, "RTX A6000", true},
    {0x2231, 0, "RTX A5000", true},
    {0x2233, 0, "RTX A5500", true},
    {0x2235, 0, "A40", true},
    {0x2236, 0, "A10", true},
    {0x2238, 0, "A10M", true},
    {0x2321, 0, "H100 NVL", true},
    {0x2322, 0, "H800", true},
    {0x2324, 0, "H800 (SXM5)", true},
    {0x2329, 0, "H20", true},
    {0x2330, 0, "H100 (SXM5)", true},
    {0x2331, 0, "H100", true},
    {0x2335, 0, "H200 (SXM5)", true},
    {0x233b, 0, "H200 NVL", true},
    {0x25b6, 0x157e, "A2", true},
    {0x25b6, 0, "A16 or A2", true},
    {0x26b1, 0, "RTX 6000 Ada", true},
    {0x26b2, 0, "RTX 5000 Ada", true},
    {0x26b3, 0, "RTX 5880 Ada", true},
    {0x26b5, 0, "L40", true},
    {0x26b8, 0, "L40G", true},
    {0x26b9, 0, "L40S", true},
    {0x26ba, 0, "L20", true},
    {0x27b6, 0, "L2", true},
    {0x27b8, 0, "L4", true},
    {0x2bb5, 0, "RTX PRO 6000 Blackwell Server Edition", true},
});

}  // namespace

std::optional<Chip> chip_of(unsigned device) {
  const auto range = std::find_if(ranges.begin(), ranges.end(),
                                  [&](const Range& each) { return device >= each.first && device <= each.last; });
  if (range == ranges.end()) return std::nullopt;
  const auto& generation = *range->generation;
  return Chip{range->chip,          generation.name,         generation.last_branch,    generation.first_vgpu,
              generation.last_vgpu, generation.open_modules, generation.closed_modules, generation.vgpu_cards_complete};
}

std::string_view card_name(unsigned device, unsigned subsystem_device) {
  for (const auto& card : cards)
    if (card.device == device && (card.subsystem == 0 || card.subsystem == subsystem_device)) return card.name;
  return {};
}

bool has_vgpus(unsigned device) {
  return std::any_of(cards.begin(), cards.end(), [&](const Card& card) { return card.device == device && card.vgpus; });
}

std::string chip_text(unsigned device, unsigned subsystem_device) {
  const auto chip = chip_of(device);
  if (!chip) {
    char id[8];
    std::snprintf(id, sizeof id, "%04x", device & 0xffffu);
    return "an NVIDIA card that is not in vgpukit's list (10de:" + std::string(id) + ")";
  }
  const auto name = card_name(device, subsystem_device);
  const auto kind = std::string(chip->name) + ", " + std::string(chip->generation);
  return name.empty() ? "an NVIDIA card (" + kind + ")" : std::string(name) + " (" + kind + ")";
}

}  // namespace vgpukit::system
