#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Asks a kernel's headers what they offer, by compiling small pieces of code against them.
#
#   conftest.sh CC ARCH SOURCES OUTPUT VERB [ARGUMENT...]
#
# SOURCES and OUTPUT are the kernel's source and build folders. What it finds goes to stdout, as #define and #undef.

PATH="${PATH}:/bin:/sbin:/usr/bin"
cd "$(dirname "$0")" || exit 1

CC="$1"
ARCH=$2
SOURCES=$3
HEADERS=$SOURCES/include
OUTPUT=$4

KERNEL_ARCH="$ARCH"
if [ "$ARCH" = "i386" ] || [ "$ARCH" = "x86_64" ]; then
    KERNEL_ARCH="x86"
fi

# This package is the vGPU host driver for KVM. (A guest's package has GRID_BUILD here.)
VGX_KVM_BUILD=1

CONFTEST_PREAMBLE="#include \"conftest/headers.h\"
    #include <linux/kconfig.h>
    #include <generated/autoconf.h>"

build_cflags() {
    ISYSTEM=`$CC -print-file-name=include 2> /dev/null`
    BASE_CFLAGS="-O2 -D__KERNEL__ \
-DKBUILD_BASENAME=\"#conftest$$\" -DKBUILD_MODNAME=\"#conftest$$\" \
-nostdinc -isystem $ISYSTEM \
-fshort-wchar -fms-extensions -w -Wno-implicit-function-declaration"

    ARCH_HEADERS=arch/$KERNEL_ARCH/include
    CFLAGS="$BASE_CFLAGS"
    for dir in $SOURCES/$ARCH_HEADERS $OUTPUT/$ARCH_HEADERS/generated $HEADERS $OUTPUT/include \
               $SOURCES/$ARCH_HEADERS/uapi $OUTPUT/$ARCH_HEADERS/generated/uapi \
               $HEADERS/uapi $OUTPUT/include/generated/uapi; do
        CFLAGS="$CFLAGS -I$dir"
    done

    # The kernel's own build includes these in front of every file.
    for header in compiler-version.h kconfig.h compiler_types.h; do
        [ ! -f "$HEADERS/linux/$header" ] || CFLAGS="$CFLAGS -include $HEADERS/linux/$header"
    done

    # asm/ftrace.h is an error without it, and only the kernel's own build sets it.
    if grep -q "CONFIG_HAVE_FENTRY 1" "$OUTPUT/include/generated/autoconf.h" 2> /dev/null; then
        CFLAGS="$CFLAGS -DCC_USING_FENTRY"
    fi
}

test_configuration_option() {
    grep -q "^#define $1 " "$OUTPUT/include/generated/autoconf.h" 2> /dev/null
}

test_header_presence() {
    # linux/dma-buf.h gives NV_LINUX_DMA_BUF_H_PRESENT.
    file_define=NV_`echo "$1" | tr '/.-' '___' | tr 'a-z' 'A-Z'`_PRESENT

    # -M, since a header that is there may not compile on its own.
    if echo "#include <$1>" | $CC $CFLAGS -E -M - > /dev/null 2>&1; then
        echo "#define $file_define"
    else
        echo "#undef $file_define"
    fi
}

compile_check_conftest() {
    #
    # $1 the code, $2 what to define or undefine, $3 its value, $4 the kind of the test.
    #
    CODE="$1"
    DEF="$2"
    VAL="$3"
    CAT="$4"

    echo "$CONFTEST_PREAMBLE
    $CODE" > conftest$$.c

    $CC $CFLAGS -c conftest$$.c > /dev/null 2>&1
    COMPILED=$?
    rm -f conftest$$.c conftest$$.o conftest$$.d

    # Functions are called without arguments: code that compiles calls an undeclared function.
    # Code that does not compile for any other reason also counts as "present".
    if [ "$CAT" = "functions" ]; then
        if [ $COMPILED -eq 0 ]; then echo "#undef $DEF"; else echo "#define $DEF $VAL"; fi
    else
        if [ $COMPILED -eq 0 ]; then echo "#define $DEF $VAL"; else echo "#undef $DEF"; fi
    fi
}

export_symbol_conftest() {
    # $1 the symbol, $2 what to define, $3 a pattern for the kind of export.
    if awk -F '\t' -v name="$1" -v kind="$3" \
        '$2 == name && $4 ~ kind { found = 1 } END { exit !found }' "$OUTPUT/Module.symvers" 2> /dev/null; then
        echo "#define $2 1"
    else
        echo "#define $2 0"
    fi
}

compile_test() {
    case "$1" in
        nvidia_vgpu_kvm_build)
            if [ -n "$VGX_KVM_BUILD" ]; then
                echo "#define NV_VGPU_KVM_BUILD"
            else
                echo "#undef NV_VGPU_KVM_BUILD"
            fi
        ;;

        uts_release)
            # Printed by the preprocessor, since generated/utsrelease.h moved around.
            echo "#include <generated/utsrelease.h>
            UTS_RELEASE" > conftest$$.c
            $CC $CFLAGS -E -P conftest$$.c 2> /dev/null | tail -n 1
            rm -f conftest$$.c
        ;;

        unsafe_follow_pfn)
            #
            # Is there an unsafe_follow_pfn()? It was meant to take over
            # from follow_pfn() and is in some kernels that were never
            # released as such.
            #
            CODE="
            #include <linux/mm.h>
            void conftest_unsafe_follow_pfn(void) {
                unsafe_follow_pfn();
            }"

            compile_check_conftest "$CODE" "NV_UNSAFE_FOLLOW_PFN_PRESENT" "" "functions"
        ;;

        vm_flags_set)
            #
            # Is there a vm_flags_set()? If so, vm_flags_clear() is there
            # as well and vma->vm_flags can't be written any more (6.3).
            #
            CODE="
            #include <linux/mm.h>
            void conftest_vm_flags_set(void) {
                vm_flags_set();
            }"

            compile_check_conftest "$CODE" "NV_VM_FLAGS_SET_PRESENT" "" "functions"
        ;;

        drm_gem_object_vmap_has_map_arg)
            #
            # Does drm_gem_object_funcs::vmap take a map (5.11)?
            #
            CODE="
            #include <drm/drm_gem.h>
            int conftest_drm_gem_object_vmap_has_map_arg(
                    struct drm_gem_object *obj, struct dma_buf_map *map) {
                return obj->funcs->vmap(obj, map);
            }"

            compile_check_conftest "$CODE" "NV_DRM_GEM_OBJECT_VMAP_HAS_MAP_ARG" "" "types"
        ;;

        pci_driver_has_driver_managed_dma)
            #
            # Can a PCI driver say that another driver (VFIO) manages its
            # devices' DMA (5.19)?
            #
            CODE="
            #include <linux/pci.h>
            int conftest_pci_driver_has_driver_managed_dma(void) {
                return offsetof(struct pci_driver, driver_managed_dma);
            }"

            compile_check_conftest "$CODE" "NV_PCI_DRIVER_HAS_DRIVER_MANAGED_DMA" "" "types"
        ;;

        mdev_parent)
            #
            # Is there a struct mdev_parent_ops (4.10 up to 5.18)?
            #
            CODE="
            #include <linux/pci.h>
            #include <linux/mdev.h>
            struct mdev_parent_ops conftest_mdev_parent;
            "

            compile_check_conftest "$CODE" "NV_MDEV_PARENT_OPS_STRUCT_PRESENT" "" "types"
        ;;

        mdev_register_parent)
            #
            # Is there an mdev_register_parent() (6.1)?
            #
            CODE="
            #include <linux/pci.h>
            #include <linux/mdev.h>
            void conftest_mdev_register_parent(void) {
                mdev_register_parent();
            }"

            compile_check_conftest "$CODE" "NV_MDEV_REGISTER_PARENT_PRESENT" "" "functions"
        ;;

        vfio_free_device)
            #
            # Is there a vfio_free_device()? In 6.1 alone, where .release
            # has to call it.
            #
            CODE="
            #include <linux/vfio.h>
            void conftest_vfio_free_device(void) {
                vfio_free_device();
            }"

            compile_check_conftest "$CODE" "NV_VFIO_FREE_DEVICE_PRESENT" "" "functions"
        ;;

        vfio_device_ops_has_dma_unmap)
            #
            # Does vfio_device_ops have a dma_unmap (6.0)?
            #
            CODE="
            #include <linux/pci.h>
            #include <linux/vfio.h>
            int conftest_vfio_device_ops_has_dma_unmap(void) {
                return offsetof(struct vfio_device_ops, dma_unmap);
            }"

            compile_check_conftest "$CODE" "NV_VFIO_DEVICE_OPS_HAS_DMA_UNMAP" "" "types"
        ;;

        vfio_device_ops_has_bind_iommufd)
            #
            # Does vfio_device_ops have a bind_iommufd (6.2)?
            #
            CODE="
            #include <linux/pci.h>
            #include <linux/vfio.h>
            int conftest_vfio_device_ops_has_bind_iommufd(void) {
                return offsetof(struct vfio_device_ops, bind_iommufd);
            }"

            compile_check_conftest "$CODE" "NV_VFIO_DEVICE_OPS_HAS_BIND_IOMMUFD" "" "types"
        ;;

        vfio_pci_core_available)
            #
            # Is there a vfio-pci-core to build on (5.15, and enabled)?
            #
            CODE="
            #if !defined(NV_LINUX_VFIO_PCI_CORE_H_PRESENT)
            #error no such header
            #endif
            #include <linux/vfio_pci_core.h>
            #if !defined(CONFIG_VFIO_PCI_CORE) && !defined(CONFIG_VFIO_PCI_CORE_MODULE)
            #error not enabled
            #endif
            struct vfio_pci_core_device conftest_vfio_pci_core_available;
            "

            compile_check_conftest "$CODE" "NV_VFIO_PCI_CORE_PRESENT" "" "generic"
        ;;

        is_export_symbol_present_*)
            SYMBOL=`echo "$1" | sed 's/^is_export_symbol_present_//'`
            export_symbol_conftest "$SYMBOL" "NV_IS_EXPORT_SYMBOL_PRESENT_$SYMBOL" "^EXPORT_SYMBOL"
        ;;

        is_export_symbol_gpl_*)
            SYMBOL=`echo "$1" | sed 's/^is_export_symbol_gpl_//'`
            export_symbol_conftest "$SYMBOL" "NV_IS_EXPORT_SYMBOL_GPL_$SYMBOL" "^EXPORT_SYMBOL_GPL$"
        ;;

        *)
            echo "Error: unknown conftest '$1' requested" >&2
            exit 1
        ;;
    esac
}

case "$5" in
    cc_sanity_check)
        echo "int conftest_cc(void) { return 0; }" > conftest$$.c
        $CC -c conftest$$.c -o conftest$$.o > /dev/null 2>&1
        COMPILED=$?
        rm -f conftest$$.c conftest$$.o
        if [ $COMPILED -ne 0 ]; then
            echo "The C compiler '$CC' cannot create object files."
            [ "$6" != "full_output" ] || echo "*** Failed CC sanity check. Bailing out! ***"
            exit 1
        fi
        exit 0
    ;;

    cc_version_check)
        #
        # Major and minor version of the compiler against those of the
        # kernel's. Says so if they differ, and lets the build go on.
        #
        COMPILE_H=$OUTPUT/include/generated/compile.h
        if [ -n "$IGNORE_CC_MISMATCH" ] || [ ! -f "$COMPILE_H" ]; then
            exit 0
        fi
        KERNEL_CC=`sed -n 's/.*LINUX_COMPILER[^"]*"\(.*\)".*/\1/p' "$COMPILE_H"`
        KERNEL_CC_VERSION=`echo "$KERNEL_CC" | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1 | cut -d . -f 1-2`
        OUR_CC_VERSION=`printf '__GNUC__ __GNUC_MINOR__' | $CC -E -P - 2> /dev/null | tail -n 1 | tr ' ' '.'`
        if [ "$KERNEL_CC_VERSION" != "$OUR_CC_VERSION" ]; then
            echo "Warning: the kernel was built with $KERNEL_CC,"
            echo "the compiler used here is `$CC --version | head -n 1`."
            echo "Set CC to the kernel's compiler, or IGNORE_CC_MISMATCH=1 to hide this."
            [ "$6" != "full_output" ] || echo "*** Failed CC version check. ***"
        fi
        exit 0
    ;;

    preempt_rt_sanity_check)
        if [ -z "$IGNORE_PREEMPT_RT_PRESENCE" ] && test_configuration_option CONFIG_PREEMPT_RT; then
            echo "This driver does not support PREEMPT_RT kernels."
            [ "$6" != "full_output" ] || echo "*** Failed PREEMPT_RT sanity check. Bailing out! ***"
            exit 1
        fi
        exit 0
    ;;

    dom0_sanity_check|xen_sanity_check)
        # nvidia-installer asks these, too, and takes anything but 0 for a refusal. This package knows nothing of Xen.
        exit 0
        ;;
    vgpu_kvm_sanity_check)
        #
        # A vGPU host needs KVM with VFIO, and a framework for its devices:
        # mediated devices, or vfio-pci-core for virtual functions. The
        # second alone was only ever tested on x86_64.
        #
        VERBOSE=$6
        iommu=CONFIG_VFIO_IOMMU_TYPE1
        mdev=CONFIG_VFIO_MDEV
        kvm=CONFIG_KVM_VFIO
        vfio_pci_core=CONFIG_VFIO_PCI_CORE
        MISSING=

        if [ -z "$VGX_KVM_BUILD" ]; then
            exit 0
        fi

        if ! test_configuration_option ${iommu} && ! test_configuration_option ${iommu}_MODULE; then
            MISSING="$MISSING ${iommu}"
        fi

        if ! test_configuration_option ${kvm} && ! test_configuration_option ${kvm}_MODULE; then
            MISSING="$MISSING ${kvm}"
        fi

        if ! test_configuration_option ${mdev} && ! test_configuration_option ${mdev}_MODULE; then
            if [ "$ARCH" = "x86_64" ]; then
                if ! test_configuration_option ${vfio_pci_core} && ! test_configuration_option ${vfio_pci_core}_MODULE; then
                    MISSING="$MISSING ${mdev}(or ${vfio_pci_core})"
                fi
            else
                MISSING="$MISSING ${mdev}"
            fi
        fi

        if [ -n "$MISSING" ]; then
            echo "The kernel lacks what a vGPU host on KVM needs:$MISSING"
            [ "$VERBOSE" != "full_output" ] || echo "*** Failed vGPU on KVM sanity check. Bailing out! ***"
            exit 1
        fi
        exit 0
    ;;

    module_symvers_sanity_check)
        if [ -z "$IGNORE_MISSING_MODULE_SYMVERS" ] && ! grep -q 'vmlinux' "$OUTPUT/Module.symvers" 2> /dev/null; then
            echo "$OUTPUT/Module.symvers is missing or lists nothing that the kernel itself exports."
            echo "Set IGNORE_MISSING_MODULE_SYMVERS=1 to build all the same."
            exit 1
        fi
        exit 0
    ;;

    patch_check)
        #
        # patch-NAME.h files that lie here, as a table for the module.
        #
        for PATCH in patch-*.h; do
            [ ! -f "$PATCH" ] || echo "#include \"$PATCH\""
        done
        echo "static const char *__nv_patches[] __attribute__((unused)) = {"
        for PATCH in patch-*.h; do
            [ ! -f "$PATCH" ] || echo "\"`echo "$PATCH" | sed 's/^patch-\(.*\)\.h$/\1/'`\","
        done
        echo "0 };"
        exit 0
    ;;

    compile_tests)
        shift 5
        CFLAGS=$1
        shift
        for i in $*; do compile_test $i; done
        exit 0
    ;;

    test_kernel_header)
        CFLAGS=$6
        test_header_presence "$7"
        exit 0
    ;;

    test_configuration_option)
        test_configuration_option "$6"
        exit $?
    ;;

    build_cflags)
        build_cflags
        echo "$CFLAGS"
        exit 0
    ;;

    *)
        echo "Error: unknown verb '$5'" >&2
        exit 1
    ;;
esac
