// Driver packages: archives with any names and links, the header of a .run and its selective unpacking, manifests.
#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>

#include "driver/driver.hpp"
#include "driver/extract.hpp"
#include "driver/manifest.hpp"
#include "driver/run_file.hpp"
#include "driver/run_file_unpack.hpp"
#include "driver/run_file_zip.hpp"
#include "fuzz.hpp"
#include "support/text.hpp"

namespace vgpukit::fuzz {

namespace {

using WriteArchive = std::unique_ptr<::archive, decltype(&archive_write_free)>;

// A tar archive with an entry for each line: "f NAME" (a file), "d NAME", "s NAME>TARGET" (a symbolic link),
// "h NAME>TARGET" (a hard link), "p NAME" (a named pipe). libarchive's own checks of an archive's form would refuse
// nearly every change of the bytes.
std::string tar_of(std::string_view lines) {
  static std::string bytes(1U << 20, '\0');
  std::size_t used = 0;
  const WriteArchive writer(archive_write_new(), archive_write_free);
  archive_write_set_format_pax_restricted(writer.get());
  archive_write_add_filter_none(writer.get());
  archive_write_open_memory(writer.get(), bytes.data(), bytes.size(), &used);
  std::size_t entries = 0;
  each_line(lines, [&](std::string_view line) {
    if (line.size() < 3 || ++entries > 200) return;
    const auto arrow = line.find('>');
    const std::string name(line.substr(2, arrow == std::string_view::npos ? arrow : arrow - 2));
    const std::string to(arrow == std::string_view::npos ? "" : line.substr(arrow + 1));
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_perm(entry, 06777);
    archive_entry_set_filetype(entry, line[0] == 'd'   ? AE_IFDIR
                                      : line[0] == 's' ? AE_IFLNK
                                      : line[0] == 'p' ? AE_IFIFO
                                                       : AE_IFREG);
    if (line[0] == 's') archive_entry_set_symlink(entry, to.c_str());
    if (line[0] == 'h') archive_entry_set_hardlink(entry, to.c_str());
    archive_entry_set_size(entry, line[0] == 'f' ? 4 : 0);
    if (archive_write_header(writer.get(), entry) == ARCHIVE_OK && line[0] == 'f')
      static_cast<void>(archive_write_data(writer.get(), "text", 4));
    archive_entry_free(entry);
  });
  archive_write_close(writer.get());
  return bytes.substr(0, used);
}

// Nothing that was unpacked is, or leads, outside of the folder; nothing has more rights than it should.
void require_inside(const fs::path& folder) {
  std::error_code bad;
  for (const auto& entry : fs::recursive_directory_iterator(folder, bad)) {
    const auto status = entry.symlink_status();
    require(fs::is_directory(status) || fs::is_regular_file(status) || fs::is_symlink(status));
    if (!fs::is_symlink(status)) {
      require((status.permissions() & fs::perms(07022)) == fs::perms::none);
      continue;
    }
    const auto to = fs::weakly_canonical(entry.path(), bad);
    const auto relative = to.lexically_relative(fs::canonical(folder));
    require(bad || (!relative.empty() && *relative.begin() != ".."));
    bad.clear();
  }
}

void run_archive(const std::string& input) {
  std::error_code bad;
  const auto folder = scratch() / "archive";
  fs::remove_all(folder, bad);
  write_scratch("archive/outside/file", "untouched");
  write_scratch("archive/x.tar", tar_of(input));
  static_cast<void>(driver::extract_archive(folder / "x.tar", folder / "target"));
  require_inside(folder / "target");
  for (const auto& entry : fs::directory_iterator(folder))
    require(entry.path().filename() == "outside" || entry.path().filename() == "x.tar" ||
            entry.path().filename() == "target" || entry.path().filename().string().starts_with(".target.lock"));
  require(fs::file_size(folder / "outside/file") == 9 && fs::hard_link_count(folder / "outside/file") == 1);
}

std::vector<std::string> archive_seeds() {
  return {"d kernel\nf kernel/Kbuild\nf kernel/nvidia/nv.c\ns kernel/link>nvidia/nv.c\nh kernel/hard>kernel/Kbuild\n",
          "d a\ns a/up>../outside\nf a/up/file\ns b>a\nf b/x\nd b\nf b\n",
          "s x>/etc\nf x/passwd\nh y>../outside/file\nf y\nf ../z\nf /etc/z\nf a/../../z\np pipe\n",
          "s a>b\ns b>a\nf a/x\ns d>.\ns d/d>..\nf d/d/d/x\ns e>e/e\n"};
}

// The input is the .run itself. Its checksums are not compared: they would refuse nearly every change.
void run_installer(const std::string& input) {
  std::error_code bad;
  const auto folder = scratch() / "installer";
  fs::remove_all(folder, bad);
  write_scratch("installer/x.run", input);
  driver::Manifest manifest(input);
  const bool is_manifest = !manifest.kernel_files().empty();
  manifest.add_source("kernel/nvidia/new.c");
  require(!is_manifest || manifest.has("kernel/nvidia/new.c"));
  manifest.remove("kernel/nvidia/new.c");
  require(!manifest.has("kernel/nvidia/new.c"));
  static_cast<void>(driver::is_run_file(folder / "x.run"));
  const auto header = driver::read_run_header(folder / "x.run");
  if (!header) return;
  require(header->payload <= header->bytes && header->sums_from <= header->bytes);
  static_cast<void>(driver::check_run_file(folder / "x.run", *header));
  static_cast<void>(driver::unpack_run_file(folder / "x.run", *header, folder / "kernel", driver::RunPart::kernel));
  static_cast<void>(driver::unpack_run_file(folder / "x.run", *header, folder / "all", driver::RunPart::all));
  for (const auto* unpacked : {"kernel", "all"}) require_inside(folder / unpacked);
}

std::vector<std::string> installer_seeds() {
  const std::string manifest =
      "NVIDIA Accelerated Graphics Driver for Linux-x86_64\n535.247.02\nnvidia\nnvidia nvidia-vgpu-vfio\nx\nx\nkernel\n"
      "kernel/precompiled\n./libnvidia-vgpu.so.535.247.02 0755 VGX_LIB MODULE:vgpu\n"
      "kernel/Kbuild 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1 MODULE:resman\n"
      "kernel/dkms.conf 0644 DKMS_CONF INHERIT_PATH_DEPTH:1 MODULE:resman\n";
  const auto payload = tar_of("f .manifest\nd kernel\nf kernel/Kbuild\nf kernel/dkms.conf\nf nvidia-installer\n");
  const std::string nvidia =
      "#! /bin/sh\nCRCsum=1\nMD5=00000000000000000000000000000000\nskip=14\nskip_decompress=14\nsize_decompress=0\n"
      "label=\"NVIDIA Accelerated Graphics Driver for Linux-x86_64 535.247.02\"\nversion_string=535.247.02\n"
      "pkg_version=0\ntargetdir=NVIDIA-Linux-x86_64-535.247.02-vgpu-kvm\nTARGET_OS=\"Linux\"\nTARGET_ARCH=\"x86_64\"\n"
      "tail -n +$skip $0 | cat | tar -x\n";
  const std::string makeself =
      "#!/bin/sh\n# This script was generated using Makeself 2.4.5\numask 077\n\nCRCsum=\"1\"\n"
      "MD5=\"00000000000000000000000000000000\"\nlabel=\"NVIDIA driver for "
      "Linux-x86_64\"\ntargetdir=\"x\"\nfilesizes=\"" +
      std::to_string(payload.size()) + "\"\ntotalsize=\"" + std::to_string(payload.size()) +
      "\"\nskip=\"15\"\nkeep=\"n\"\nMS_Check()\n{\n}\nexit 1\n";
  return {nvidia + payload, makeself + payload, manifest};
}

// The input: the files of a folder with a driver, and of a zip. A name that ends in .run is a member of the zip.
void run_driver_folder(const std::string& input) {
  std::error_code bad;
  const auto folder = scratch() / "driver";
  fs::remove_all(folder, bad);
  fs::create_directories(folder / "sources", bad);
  const auto files = texts_in(input);
  std::string zip(1U << 17, '\0');
  std::size_t used = 0;
  const WriteArchive writer(archive_write_new(), archive_write_free);
  archive_write_set_format_zip(writer.get());
  archive_write_open_memory(writer.get(), zip.data(), zip.size(), &used);
  for (const auto& [path, text] : files) {
    const fs::path inside(path);
    if (!path.empty() && inside.is_relative() && !contains("/" + path + "/", "/../"))
      write_scratch(folder / "sources" / inside, text);
    if (!path.ends_with(".run")) continue;
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, path.c_str());
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
    if (archive_write_header(writer.get(), entry) == ARCHIVE_OK)
      static_cast<void>(archive_write_data(writer.get(), text.data(), text.size()));
    archive_entry_free(entry);
  }
  archive_write_close(writer.get());
  write_scratch(folder / "x.zip", std::string_view(zip).substr(0, used));
  write_scratch(folder / "raw.zip", input);
  HostPaths host;
  host.cache = folder / "cache";
  host.state = folder / "state";
  static_cast<void>(driver::open_driver(host, folder / "sources"));
  for (const auto* name : {"x.zip", "raw.zip"}) {
    static_cast<void>(driver::open_driver(host, folder / name));
    if (const auto members = driver::list_run_members(folder / name))
      for (const auto& member : *members) {
        static_cast<void>(driver::choose_run_member(folder / name, *members, member));
        static_cast<void>(driver::copy_package({folder / name, member}, folder / "copy.run"));
        fs::remove(folder / "copy.run", bad);
      }
  }
  for (const auto* unpacked : {"cache", "state"}) require_inside(folder / unpacked);
}

std::vector<std::string> driver_folder_seeds() {
  const std::string kbuild =
      "NVIDIA_KERNEL_MODULES += nvidia nvidia-vgpu-vfio\nEXTRA_CFLAGS += -DNV_VERSION_STRING=\\\"535.0.1\\\"\n"
      "NV_KERNEL_MODULES ?= nvidia\nNVIDIA_BINARY_OBJECT := $(src)/nvidia/nv-kernel.o_binary\n"
      "$(call ASSIGN_PER_OBJ_CFLAGS, $(NVIDIA_OBJECTS), -DNVRM)\n";
  const Texts sources = {{"Kbuild", kbuild},
                         {"conftest.sh", "#!/bin/sh\n"},
                         {"nvidia/nvidia.Kbuild", "NVIDIA_MODULE := nvidia/nvidia.o\nobj-m += $(NVIDIA_MODULE)\n"},
                         {"nvidia/nv.c", "MODULE_LICENSE(\"NVIDIA\");\n"},
                         {"nvidia/nv-kernel.o_binary", "x"},
                         {"dkms.conf", "PACKAGE_VERSION=\"535.0.1\"\n"},
                         {"common/inc/nvUnixVersion.h", "#define NV_VERSION_STRING \"535.0.1\"\n"},
                         {".manifest", "NVIDIA Accelerated Graphics Driver for Linux-x86_64\n535.0.1\nnvidia\n"}};
  Texts in_kernel;
  for (const auto& [path, text] : sources) in_kernel["kernel/" + path] = text;
  return {text_of(sources), text_of(in_kernel),
          text_of({{"Host_Drivers/NVIDIA-Linux-x86_64-535.0.1-vgpu-kvm.run", installer_seeds().front()},
                   {"Guest_Drivers/NVIDIA-Linux-x86_64-535.0.1-grid.run", "#!/bin/sh\n"}})};
}

}  // namespace

const Target driver_folder = {"driver", run_driver_folder, driver_folder_seeds};
const Target archive = {"archive", run_archive, archive_seeds};
const Target installer = {"installer", run_installer, installer_seeds};

}  // namespace vgpukit::fuzz
