#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Stands in PATH under the name of the kernel's compiler, for make. Everything that is not told below, and all that goes wrong on the
# way, is the compiler's own, as if this script were not there. In the environment: VGPUKIT_COMPILER, the real one;
# VGPUKIT_WRAPPER, FOLDER; VGPUKIT_TREE, the driver's tree, where its headers are shared; VGPUKIT_ONLY_HEADERS, where the file
# itself is not to be compiled.
#
# Kbuild's cc-option tests (does the compiler know -Wfoo?) come again with every make, one after the other: FOLDER/options has what was
# said before, a line of shell for each command.
#
# A C file whose beginning is known (FOLDER/of/nvidia/nv.c names it: "3") is compiled behind the precompiled FOLDER/3.h.gch, which the
# first such file makes from FOLDER/3.txt with its own command line; whoever comes meanwhile does not wait for it. The object is the
# same, byte by byte: so
#   - the options that decide on what the headers mean have to be the same, word by word, and what relative names go by;
#   - what the kernel brings with -include is in front of the precompiled text, too, and brought by nothing else;
#   - the file's own name (KBUILD_BASENAME) is defined behind it: headers mention it in macros only, else none is made;
#   - what the file defines in front of its headers, and FOLDER/3.txt does not ("3 NAME NAME"), they must not mention;
#   - gcc forgets in a precompiled header which registers are global variables (x86: current_stack_pointer): said again behind it;
#   - only FOLDER/3.h.gch is there, no FOLDER/3.h: one that gcc does not want is an error, not another text.

# Makes FOLDER/NUMBER.h.gch. Arguments: the compiler's for the file itself, and the -include options.
make_headers() {
    left=$#
    skip=
    while [ $left -gt 0 ]; do
        word=$1
        left=$((left - 1))
        shift
        if [ -n "$skip" ]; then
            skip=
            continue
        fi
        case $word in
            -o) skip=1 && continue ;;
            -c | "$source") continue ;;
            -Wp,-MMD,*) word=-Wp,-MMD,$headers.d ;;
        esac
        set -- "$@" "$word"
    done
    set -- "$@" -iquote "${source%/*}" -x c-header "$headers.txt"
    # With each macro that is used or asked for, also where it was not defined.
    "$VGPUKIT_COMPILER" "$@" -E -dU > "$headers.read" 2> /dev/null
    sed -n -e '/^#define /d' -e '/^register /p' -e '/KBUILD_BASENAME/p' "$headers.read" > "$headers.found"
    sed -n 's/^\(register [a-z ]* \)\([a-z_]* asm *([^;]*;\)$/\1vgpukit_\2/p' "$headers.found" > "$headers.after.h"
    [ "$(wc -l < "$headers.found")" = "$(wc -l < "$headers.after.h")" ] || return 1
    "$VGPUKIT_COMPILER" "$@" -o "$headers.part" 2> "$headers.said" || return 1
    printf '%s\n' "$options" > "$headers.options"
    mv "$headers.part" "$headers.h.gch"
}

compile_with_headers() {
    left=$#
    next=
    options=
    includes=
    name=
    depends=
    while [ $left -gt 0 ]; do
        word=$1
        left=$((left - 1))
        shift
        case $next in
            include)
                next=
                includes="$includes -include $word"
                continue
                ;;
            output) next= ;;
            *)
                case $word in
                    -include) next=include && continue ;;
                    -imacros | -fplugin* | -g*) return 1 ;;
                    -DKBUILD_BASENAME=*) name=${word#-DKBUILD_BASENAME=} && continue ;;
                    -Wp,-MMD,*) depends=${word#-Wp,-MMD,} ;;
                    -o) next=output ;;
                    -c | "$source") ;;
                    *) options="$options $word" ;;
                esac
                ;;
        esac
        set -- "$@" "$word"
    done
    [ -n "$name" ] && [ -n "$depends" ] || return 1
    options="$options$includes in $PWD from ${source%/*}"
    if [ ! -e "$headers.h.gch" ]; then
        mkdir "$headers.begun" 2> /dev/null || return 1
        # Kbuild's own names have no spaces.
        # shellcheck disable=SC2086
        make_headers "$@" $includes || return 1
    fi
    [ -z "$VGPUKIT_ONLY_HEADERS" ] || return 1
    read -r made_with < "$headers.options"
    [ "$options" = " $made_with" ] || return 1
    for word in $macros; do
        ! grep -qw -- "$word" "$headers.read" || return 1
    done
    printf '#define KBUILD_BASENAME %s\n' "$name" > "$of.h"
    "$VGPUKIT_COMPILER" "$@" -fpch-deps -include "$headers.h" -include "$headers.after.h" -include "$of.h" 2> "$of.said" || return 1
    dependencies "$of" "$depends" > "$of.d" 2> /dev/null && mv "$of.d" "$depends" || return 1
    if [ -s "$headers.said" ] && mkdir "$headers.told" 2> /dev/null; then cat "$headers.said" >&2; fi
    [ ! -s "$of.said" ] || cat "$of.said" >&2
    : > "$of.used"
}

# What the file depends on, as the compiler alone would have written it down: without what is ours, which make will look for in vain,
# and in its order. Arguments: FOLDER/of/FILE, which says behind its first line which headers belong before which; the list.
dependencies() {
    awk -v tree="$VGPUKIT_TREE/" '
        FNR == NR {
            if (FNR > 1) { moved[$1] = 1; early[$2] = early[$2] " " $1 }
            next
        }
        {
            for (i = 1; i <= NF; i++) {
                if ($i == "\\" || index($i, "/.vgpukit-compiler/") || $i in seen) continue
                seen[$i] = 1  # gcc comes to a header of the precompiled text again, and finds it guarded
                word[++count] = $i
                path = index($i, tree) == 1 ? substr($i, length(tree) + 1) : $i
                sub(/^\.\//, "", path)
                name[count] = path
                if (path in moved) as_said[path] = $i
            }
        }
        function say(path) {
            if (path in as_said) printf " %s", as_said[path]
            delete as_said[path]
        }
        END {
            for (i = 1; i <= count; i++) {
                if (name[i] in moved) continue
                behind = split(early[name[i]], these, " ")
                for (k = 1; k <= behind; k++) say(these[k])
                printf "%s%s", (i > 1 ? " " : ""), word[i]
            }
            for (i = 1; i <= count; i++) say(name[i])
            print ""
        }
    ' "$1" "$2"
}

# Answers like the compiler. Arguments: its own, of which the last is a file that nobody looks into.
know_option() {
    question="$*"
    question=${question% *}
    said=
    # A process less than looking for the line with a program.
    # shellcheck source=/dev/null
    [ ! -f "$VGPUKIT_WRAPPER/options" ] || . "$VGPUKIT_WRAPPER/options"
    [ -z "$said" ] || return "$said"
    "$VGPUKIT_COMPILER" "$@"
    said=$?
    case $said$question in
        *"'"* | *\\*) ;;
        [01]*) printf "[ \"\$question\" != '%s' ] || said=%s\n" "$question" $said 2> /dev/null >> "$VGPUKIT_WRAPPER/options" ;;
    esac
    return $said
}

for source do :; done
case " $* " in
    *" -c -x c /dev/null -o "*/.tmp_*/tmp" ")
        know_option "$@"
        exit
        ;;
    *" -c -o "*)
        of=$VGPUKIT_WRAPPER/of/${source#"$VGPUKIT_TREE/"}
        if [ -n "$VGPUKIT_TREE" ] && [ -f "$of" ]; then
            read -r headers macros < "$of"
            headers=$VGPUKIT_WRAPPER/$headers
            compile_with_headers "$@" && exit
        fi
        ;;
esac
[ -z "$VGPUKIT_ONLY_HEADERS" ] || exit 0
exec "$VGPUKIT_COMPILER" "$@"
