// Documents that users name: a domain's XML, recipes, files of vGPUs and of the matrix, records of earlier runs.
#include <algorithm>

#include "build/build_report.hpp"
#include "fuzz.hpp"
#include "install/dkms_tree.hpp"
#include "install/transaction.hpp"
#include "matrix/badge.hpp"
#include "matrix/junit.hpp"
#include "matrix/markdown.hpp"
#include "matrix/matrix_file.hpp"
#include "matrix/matrix_result.hpp"
#include "matrix/page.hpp"
#include "passthrough/domain_xml.hpp"
#include "passthrough/passthrough_record.hpp"
#include "recipe/cases.hpp"
#include "recipe/lint.hpp"
#include "recipe/parse_recipe.hpp"
#include "support/json_file.hpp"
#include "vgpu/definitions.hpp"
#include "vgpu/mdevctl.hpp"
#include "vgpu/vgpu_users.hpp"

namespace vgpukit::fuzz {

namespace {

// As `vgpukit passthrough xml --apply` reads it, and `vgpukit vgpu xml --vm-check`.
void run_xml(const std::string& input) {
  system::PciView pci;
  pci.devices.emplace_back();
  pci.devices.back().address = "0000:01:00.0";
  const passthrough::GuestRequest request{&pci, &pci.devices.back(), false, std::nullopt, ""};
  static_cast<void>(vgpu::libvirt_devices(input));
  static_cast<void>(vgpu::libvirt_pid(input));
  const auto edited = passthrough::edit_domain(input, "vm.xml", request);
  if (!edited) return;
  // What was written can be read again, and nothing is missing then.
  const auto again = passthrough::edit_domain(edited->text, "vm.xml", request);
  require(again && again->text == edited->text);
}

std::vector<std::string> xml_seeds() {
  return {R"(<domain type='kvm'>
  <name>win10</name><memory unit='KiB'>8388608</memory><!-- a comment > -->
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader></os>
  <features><acpi/><kvm><hidden state='on'/></kvm><hyperv><vendor_id state='on' value='x'/></hyperv></features>
  <cpu mode='host-passthrough'/>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
    <hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/>
      <source><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source><rom file='/x'/></hostdev>
    <hostdev mode='subsystem' type='mdev' model='vfio-pci' managed='no'>
      <source><address uuid='c9bd9f9e-0a3c-4f3b-8c3d-1b2a3c4d5e6f'/></source></hostdev>
    <memballoon model='none'/></devices>
</domain>
)",
          "<?xml version=\"1.0\"?>\n<!DOCTYPE x>\n<domain type=\"kvm\"><os><type machine=\"q35\">hvm</type></os>"
          "<devices></devices></domain>\n",
          "<domain><os><type a\"b c=\"x>y</type></os><devices></devices></domain>",
          "<domstatus state='running' pid='123'><domain><devices/><description><![CDATA[</domain>]]></description>"
          "</domain></domstatus>"};
}

void run_yaml(const std::string& input) {
  if (const auto recipe = recipe::parse_recipe(input, "x.yaml", "/nonexistent")) {
    static_cast<void>(recipe::lint_recipe(*recipe, {}));
    static_cast<void>(recipe::parse_cases(input, "x.yaml", *recipe));
  }
  if (const auto definitions = vgpu::parse_vgpus("vgpus.yaml", input)) {
    vgpu::VgpuDefinition device;
    device.card = "0000:41:00.0";
    device.type = "nvidia-1149";
    device.name = "0000:41:00.7";
    if (const auto more = vgpu::with_device("vgpus.yaml", input, device)) {
      const auto read = vgpu::parse_vgpus("vgpus.yaml", *more);
      require(read && read->size() == definitions->size() + 1);
      static_cast<void>(vgpu::without_device("vgpus.yaml", *more, device.name));
    }
  }
  static_cast<void>(matrix::parse_matrix_file(input, "/x/matrix.yaml",
                                              [](const std::string&) { return std::optional<std::string>(); }));
}

std::vector<std::string> yaml_seeds() {
  auto all = texts_of("recipes", ".yaml");
  all.resize(std::min<std::size_t>(all.size(), 120));
  const auto matrix = texts_of("ci", "matrix.yaml");
  all.insert(all.end(), matrix.begin(), matrix.end());
  all.emplace_back(
      "vgpus:\n  - {card: 65:00.0, type: GRID P4-1Q, count: 2, params: {frame_rate_limiter: 0, disable_vnc: 1}}\n"
      "  - card: GPU-5c # two\n    type: nvidia-64\n    uuids: [c9bd9f9e-0a3c-4f3b-8c3d-1b2a3c4d5e6e]\n"
      "    placement: 4\n    start: manual\n  - {card: '0000:41:00.0', type: '1149', functions: ['41:00.4']}\n"
      "cards:\n- {card: 65:00.0, mixed-sizes: true}\n"
      "- {card: '0322917092147', gpu-instances: [{profile: 1g.24gb+gfx, count: 4}, {profile: 47}]}\n");
  all.emplace_back("vgpus: []\n");
  all.emplace_back("a: &a [*a]\n");
  return all;
}

// What vgpukit itself has written, and somebody has changed.
void run_state(const std::string& input) {
  HostPaths host;
  host.root = scratch() / "root";
  host.state = host.root / "var/lib/vgpukit";
  for (const auto* name : {"install/installed.json", "install/previous/record.json", "install/journal.json",
                           "passthrough/applied/record.json", "passthrough/journal.json",
                           "passthrough/applied/before/snapshot.json", "passthrough/applied/after/snapshot.json"})
    write_scratch(fs::path("root/var/lib/vgpukit") / name, input);
  static_cast<void>(install::installed_record(host));
  static_cast<void>(install::previous_record(host));
  static_cast<void>(unfinished_change(install::install_rules(host)));
  static_cast<void>(passthrough::unfinished_passthrough(host));
  static_cast<void>(passthrough::OriginalFiles::open(host));
  if (const auto result = matrix::parse_result(input, "x.json")) {
    static_cast<void>(matrix::document_of(*result));
    static_cast<void>(matrix::merge_results({{"x.json", *result}, {"y.json", *result}}));
    for (const auto& text :
         {matrix::html_of(*result), matrix::markdown_of(*result), matrix::junit_of(*result), matrix::svg_of(*result)})
      require(!text.empty());
  }
  write_scratch("root/etc/mdevctl.d/0000:01:00.0/c9bd9f9e-0a3c-4f3b-8c3d-1b2a3c4d5e6f", input);
  std::vector<Error> mdevctl;
  static_cast<void>(vgpu::load_mdevctl(host, mdevctl));
  static_cast<void>(vgpu::changed_mdevctl_text("x", input, vgpu::VgpuDefinition()));
  write_scratch("dkms/vgpukit.json", input);
  static_cast<void>(install::read_dkms_choices(scratch() / "dkms"));
  const auto document = parse_json(input);
  static_cast<void>(json_text(document));
  if (document.is_discarded()) return;
  try {
    static_cast<void>(document.get<build::BuildReport>());
  } catch (const nlohmann::json::exception&) {
    // Its callers count it as damaged.
  }
}

std::vector<std::string> state_seeds() {
  matrix::CellResult cell;
  cell.driver = "d";
  cell.kernel = "k";
  cell.build = build::BuildReport();
  matrix::MatrixResult a_result;
  a_result.vgpukit = "0.1.0";
  a_result.cells = {cell};
  a_result.contradictions.emplace_back();
  return {
      R"({"version": "535.247.02", "installed": "2026-11-30", "by": "vgpukit", "modules": ["nvidia"], "made": ["/x"],
"kernels": {"6.12": {"modules": [{"name": "nvidia", "path": "/lib/modules/6.12/nvidia.ko", "hash": "0"}]}}})",
      R"({"what": "install 535", "phase": "changing", "record": null})",
      R"({"accepted": ["x"], "recipes": ["recipes"], "shipped-recipes": true, "without": [], "modules": ["nvidia"]})",
      R"([{"path": "/etc/x", "there": true, "above": "/"}])",
      R"({"cards": [{"address": "0000:01:00.0", "functions": []}], "commands": [["update-grub"]],
"added_by_grubby": ["x"], "boot_id": "1"})",
      R"({"mdev_type": "nvidia-63", "start": "auto", "attrs": [{"nvidia/vgpu_params": "x=1"}], "vgpukit": 1})",
      R"({"vgpukit": "0.1.0", "file": "m.yaml", "cells": [{"driver": "d", "kernel": "k", "verdict": "failed",
"reason": "", "hint": "", "recipes": [], "seconds": 1.5, "cpu_seconds": 1e3, "unchanged": false, "inputs": "",
"tree": "", "command": "", "log": "", "run": "", "build": null}], "contradictions": []})",
      matrix::document_of(a_result).dump(),
      nlohmann::json(build::BuildReport()).dump()};
}

}  // namespace

const Target xml = {"xml", run_xml, xml_seeds};
const Target yaml = {"yaml", run_yaml, yaml_seeds};
const Target state = {"state", run_state, state_seeds};

}  // namespace vgpukit::fuzz
