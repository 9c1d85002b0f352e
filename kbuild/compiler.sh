#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The compiler wrapper: make finds it in PATH under the name of the kernel's compiler. In all cases that are not
# described below, and after every error, it runs the compiler with the same arguments. Environment: VGPUKIT_COMPILER,
# the compiler; VGPUKIT_WRAPPER, the folder of this script's files (FOLDER below).
#
# Every make repeats Kbuild's cc-option tests (does the compiler know -Wfoo?), one after the other. FOLDER/options has
# the earlier answers: a line of shell code for each command.
#
# If there is a FOLDER/compile.sh, it is read for each C file: it compiles the file and exits, or does nothing.

# Answers a cc-option test. Arguments: those of the compiler; the last one is the output file, which is not read.
know_option() {
    question="$*"
    question=${question% *}
    said=
    # Sourcing the file starts no process.
    # shellcheck source=/dev/null
    [ ! -f "$VGPUKIT_WRAPPER/options" ] || . "$VGPUKIT_WRAPPER/options"
    [ -z "$said" ] || return "$said"
    "$VGPUKIT_COMPILER" "$@"
    said=$?
    case $said$question in
        *"'"* | *\\*) ;;
        [01]*)
            printf "[ \"\$question\" != '%s' ] || said=%s\n" "$question" $said \
                2> /dev/null >> "$VGPUKIT_WRAPPER/options"
            ;;
    esac
    return $said
}

case " $* " in
    *" -c -x c /dev/null -o "*/.tmp_*/tmp" ")
        know_option "$@"
        exit
        ;;
    *" -c -o "*)
        # shellcheck source=precompiled-headers.sh
        [ ! -f "$VGPUKIT_WRAPPER/compile.sh" ] || . "$VGPUKIT_WRAPPER/compile.sh"
        ;;
esac
exec "$VGPUKIT_COMPILER" "$@"
