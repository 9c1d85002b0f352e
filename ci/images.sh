#!/usr/bin/env bash
# Fetches the kernel that a builder root has headers for, and unpacks of it what a test guest boots and loads. Nothing
# is installed.
#
#   ci/images.sh SUITE RELEASE        (a pair that ci/roots.sh prints)
#
# Prints a folder: vmlinuz, and lib/modules/RELEASE with the modules for VFIO, KVM, SR-IOV, nvme and
# e1000e, and those that NVIDIA's modules depend on.
set -euo pipefail
. "$(dirname "$0")/common.sh"

[ $# = 2 ] || usage
suite=$1 release=$2
root=$VGPUKIT_CI_CACHE/roots/$suite
dir=$VGPUKIT_CI_CACHE/images/$release
[ -e "$root/.vgpukit-root" ] || die "there is no $suite root: run ci/roots.sh $suite" 3
build=$root/lib/modules/$release/build # an absolute link in the root leads nowhere from here
[ -e "$build" ] || [ -L "$build" ] ||
  die "the $suite root has no headers of $release: ci/roots.sh $suite prints what it has" 2

# From 7.2 on Debian's image is a package without files that brings these two.
packages_of() {
  if installable "linux-binary-$release" in_root "$root"; then
    printf '%s\n' "linux-binary-$release" "linux-modules-$release"
  else
    printf '%s\n' "linux-image-$release"
  fi
}

# The files of the kernel that are unpacked. If this list changes, the folder is made again.
wanted=("kernel/drivers/vfio/*" "kernel/arch/x86/kvm/*" "kernel/virt/*" "kernel/drivers/nvme/*"
  "kernel/drivers/iommu/iommufd/*"
  "kernel/drivers/pci/pci-pf-stub.ko*" "kernel/drivers/net/ethernet/intel/e1000e/*"
  # What NVIDIA's modules depend on.
  "kernel/drivers/gpu/drm/drm*.ko*" "kernel/drivers/gpu/drm/display/*" "kernel/drivers/gpu/drm/ttm/*"
  "kernel/drivers/gpu/drm/clients/*"
  "kernel/drivers/video/*" "kernel/drivers/acpi/video.ko*" "kernel/drivers/platform/*/wmi.ko*"
  "kernel/drivers/i2c/*" "kernel/drivers/char/ipmi/ipmi_msghandler.ko*" "kernel/drivers/media/cec/*")

mkdir -p "${dir%/*}" 2>/dev/null || die "cannot write to ${dir%/*}: run as root, or set VGPUKIT_CI_CACHE" 3
exec 9>"$dir.lock"
flock 9
if [ "$(cat "$dir/unpacked" 2>/dev/null)" != "${wanted[*]}" ]; then
  need_root "ci/images.sh"
  packages=()
  mapfile -t packages < <(packages_of)
  inside=/var/tmp/vgpukit-image-$release
  rm -rf "$dir.part"
  mkdir -p "$dir.part/lib/modules/$release"
  say "$suite: ${packages[*]}"
  download_in_root "$root" "$inside" "$dir.log" "${packages[@]}" ||
    { cat "$dir.log" >&2; rm -rf "${root:?}$inside" "$dir.part"
      die "the archive has no kernel image for the headers of $release any more:\
 remove $root, then ci/roots.sh $suite makes a root with today's" 3; }
  for package in "$root$inside"/*.deb; do
    # Up to 6.12 the kernel is in /boot, later beside its modules; the modules are in /lib or in /usr/lib.
    # tar fails if a package lacks one of these. The important ones are checked below.
    dpkg --fsys-tarfile "$package" |
      tar -xf - -C "$dir.part" --wildcards --no-anchored --transform 's#^\./usr/lib/#./lib/#' \
        'boot/vmlinuz-*' "lib/modules/$release/vmlinuz" "lib/modules/$release/modules.builtin*" \
        "lib/modules/$release/modules.order" "${wanted[@]}" 2>/dev/null || true
  done
  rm -rf "${root:?}$inside"
  # The headers have the files that the packages lack.
  for name in modules.builtin modules.builtin.modinfo modules.order; do
    [ -e "$dir.part/lib/modules/$release/$name" ] ||
      cp "$root/lib/modules/$release/$name" "$dir.part/lib/modules/$release/$name"
  done
  mv "$dir.part/boot/vmlinuz-$release" "$dir.part/vmlinuz" 2>/dev/null ||
    mv "$dir.part/lib/modules/$release/vmlinuz" "$dir.part/vmlinuz" ||
    die "no vmlinuz of $release in ${packages[*]}"
  compgen -G "$dir.part/lib/modules/$release/kernel/drivers/vfio/mdev/mdev.ko*" >/dev/null ||
    die "no mdev module of $release in ${packages[*]}"
  echo "${wanted[*]}" >"$dir.part/unpacked"
  rm -rf "$dir"
  mv "$dir.part" "$dir"
fi
echo "$dir"
