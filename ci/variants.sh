#!/usr/bin/env bash
# Makes kernel headers that Debian does not ship but that our users run, in one builder root. Each has its own release.
#
#   ci/variants.sh NAME...     (a name of the table below, or quick, or all)
#
# Prints one line for each: variants ROOT RELEASE. A finished one is used again.
#
# gendwarfksyms: Proxmox VE 9, Ubuntu 25.10. clang: CachyOS. split: a folder for the source and one for the build (O=,
# openSUSE). odd: characters that paths and packages dislike. rt: Debian's own headers, PREEMPT_RT. Those without
# MODVERSIONS in the table have none.
#
# The source is Debian's linux-source package of the newest kernel that the trixie root has headers of. The
# configuration is that of these headers, changed as the table says. `make modules_prepare` makes all that modules need
# except Module.symvers, which only a whole kernel's build would make (hours on two processors). So Module.symvers is
# derived from Debian's own for the same source: the same exports; where the variant has MODVERSIONS, the sums are made
# from the names. A real kernel has other sums, but here every module and every check gets the same ones.
set -euo pipefail
. "$(dirname "$0")/common.sh"

table() { # NAME LAYOUT MAKE'S-VARIABLE SCRIPTS/CONFIG'S-OPTIONS; the release ends with the last LOCALVERSION
  cat <<'END'
gendwarfksyms  one    -       -e MODVERSIONS -d GENKSYMS -e GENDWARFKSYMS -e EXTENDED_MODVERSIONS -e BASIC_MODVERSIONS
clang          one    LLVM=1  -d LTO_NONE -e LTO_CLANG_THIN
clang-cfi      one    LLVM=1  -d LTO_NONE -e LTO_CLANG_THIN -e CFI -d CFI_PERMISSIVE
split          split  -       -e MODVERSIONS -e GENKSYMS
odd            one    -       --set-str LOCALVERSION -odd+a~1_b.c
signed         one    -       -e MODULE_SIG_FORCE -e MODULE_COMPRESS -d MODULE_COMPRESS_XZ -e MODULE_COMPRESS_ZSTD
rt             debian -       linux-headers-rt-amd64
END
}

case ${1:-} in
  "") { sed -n '2,16p' "$0" | sed 's/^# \{0,1\}//'; table; } >&2; exit 2 ;;
  all) mapfile -t names < <(table | awk '{print $1}') ;;
  quick) names=(gendwarfksyms clang) ;;
  *) names=("$@") ;;
esac
for name in "${names[@]}"; do
  table | grep -q "^$name " || die "no variant is known as '$name'" 2
done

roots=$VGPUKIT_CI_CACHE/roots
mkdir -p "$roots" 2>/dev/null || die "cannot write to $roots: run as root, or set VGPUKIT_CI_CACHE" 3
read -r _ trixie release < <("$(dirname "$0")/roots.sh" trixie | sort -V -k 3 | tail -n 1)
version=${release%%[+-]*} series=$(cut -d. -f1,2 <<<"$release")
root=$roots/variants source=/usr/src/linux-source-$version log=$roots/variants.log
exec 9>"$root.lock"
flock 9

# A copy of the trixie root without its kernels, with the source of the newest of them and all that compiles it.
make_root() {
  rm -rf "$root" "$root.part"
  mkdir "$root.part"
  say "variants: a copy of the trixie root, compilers, and the source of $version"
  tar -C "$trixie" --exclude='./var/tmp/*' --exclude='./proc/*' --exclude='./sys/*' --exclude='./usr/src/*' \
    --exclude='./usr/lib/modules/*' --exclude='./usr/lib/linux-kbuild*' --exclude=./.vgpukit-root -cf - . |
    tar -C "$root.part" -xf -
  in_root "$root.part" apt-get -q -y install clang lld llvm flex bison bc libelf-dev libdw-dev libssl-dev pahole dkms \
    "linux-source-$series" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; die "installing compilers in $root failed; the whole log is $log"; }
  in_root "$root.part" apt-get -q clean
  # What configuring, preparing and compiling modules read; all of it takes three times as long.
  mkdir "$root.part$source"
  (cd "$root.part$source" && top=linux-source-$series &&
    tar --strip-components=1 -xf "../$top.tar.xz" --wildcards '*/Kconfig*' '*/Makefile*' '*/Kbuild*' "$top/include/*" \
      "$top/scripts/*" "$top/arch/x86/*" "$top/kernel/*" "$top/security/selinux/include/*" "$top/tools/arch/*" \
      "$top/tools/build/*" "$top/tools/include/*" "$top/tools/lib/*" "$top/tools/objtool/*" "$top/tools/scripts/*")
  rm "$root.part/usr/src/linux-source-$series.tar.xz"
  grep -q "^SUBLEVEL = ${version##*.}\$" "$root.part$source/Makefile" ||
    die "linux-source-$series is not of $version, the kernel of the trixie root: remove $trixie and run this again"
  echo "$release" >"$root.part/.vgpukit-root"
  mv "$root.part" "$root"
}

# Module.symvers of the variant in DIR, from Debian's on stdin.
derive_symvers() { # DIR
  if ! grep -q '^CONFIG_MODVERSIONS=y' "$1/.config"; then
    cat
    return
  fi
  awk -F '\t' 'BEGIN {OFS = "\t"; for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i}
    function sum(name,  h, i) {
      h = 5381
      for (i = 1; i <= length(name); i++) h = (h * 33 + code[substr(name, i, 1)]) % 4294967296
      return sprintf("0x%08x", h)
    }
    NR == 1 {print sum("module_layout"), "module_layout", "vmlinux", "EXPORT_SYMBOL", ""}
    {$1 = sum($2); print}'
}

make_variant() { # NAME
  local name=$1 layout variable options option made kbuild dir=/usr/src/linux-headers-$version-$1
  read -r _ layout variable options < <(table | grep "^$name ")
  [ "$variable" != - ] || variable=
  say "variants: $name"
  if [ "$layout" = debian ]; then
    in_root "$root" apt-get -q -y install "$options" >"$log" 2>&1 ||
      { tail "$log" >&2; die "installing $options in $root failed; the whole log is $log"; }
    made=$(cd "$root/usr/lib/modules" && printf '%s\n' *"-$name-"* | sort -V | tail -n 1)
    # The copy of the trixie root lacks its linux-kbuild folders, while dpkg still has their packages.
    kbuild=$(basename "$(dirname "$(readlink "$root/usr/src/linux-headers-$made/scripts")")")
    in_root "$root" apt-get -q -y --reinstall install "$kbuild" >"$log" 2>&1 ||
      { tail "$log" >&2; die "installing $kbuild in $root failed; the whole log is $log"; }
    echo "$made" >"$root/usr/src/.variant-$name"
    return
  fi
  rm -rf "${root:?}$dir"
  if [ "$layout" = split ]; then mkdir "$root$dir"; else cp -al "$root$source" "$root$dir"; fi
  cp "$trixie/usr/src/linux-headers-$release/.config" "$root$dir/.config"
  # Without BTF no tools are compiled that only vmlinux needs; the configuration still has it.
  # shellcheck disable=SC2016
  in_root "$root" bash -ec 'cd "$1" && ./scripts/config --file "$2/.config" -d RUST --set-str LOCALVERSION "-$3" $5 &&
    make -s O="$6" $4 olddefconfig && make -s O="$6" -j"$(nproc)" $4 CONFIG_DEBUG_INFO_BTF= modules_prepare' \
    bash "$([ "$layout" = split ] && echo "$source" || echo "$dir")" "$dir" "$name" "$variable" "$options" \
    "$([ "$layout" != split ] || echo "$dir")" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; die "preparing the headers of $name failed; the whole log is $log"; }
  while read -r option; do
    grep -q "^CONFIG_$option=y" "$root$dir/.config" ||
      die "the configuration of $name did not get CONFIG_$option: its dependencies may have changed"
  done < <(grep -oP '(?<=-e )\S+' <<<"$options")
  derive_symvers "$root$dir" <"$trixie/usr/src/linux-headers-$release/Module.symvers" >"$root$dir/Module.symvers"
  made=$(<"$root$dir/include/config/kernel.release")
  mkdir -p "$root/usr/lib/modules/$made"
  ln -sfn "$dir" "$root/usr/lib/modules/$made/build"
  ln -sfn "$([ "$layout" = split ] && echo "$source" || echo "$dir")" "$root/usr/lib/modules/$made/source"
  echo "$made" >"$root/usr/src/.variant-$name"
}

if [ "$(cat "$root/.vgpukit-root" 2>/dev/null)" != "$release" ]; then
  need_root "ci/variants.sh"
  make_root
fi
for name in "${names[@]}"; do
  [ -e "$root/usr/src/.variant-$name" ] || make_variant "$name"
  printf 'variants %s %s\n' "$root" "$(<"$root/usr/src/.variant-$name")"
done
