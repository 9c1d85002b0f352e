# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Precompiled headers: the FOLDER/compile.sh of compiler.sh. docs/precompiled-headers.md says what is guaranteed.
# Environment: that of compiler.sh, and VGPUKIT_TREE, the driver's tree; VGPUKIT_ONLY_HEADERS, if only the header is to
# be compiled and not the file itself.
#
# A C file with a known prefix (FOLDER/of/nvidia/nv.c has its number, "3") is compiled with the precompiled header
# FOLDER/3.h.gch. The first such file makes it from FOLDER/3.txt with its own command line; other files do not wait for
# it. The object is the same byte for byte, because
#   - all options that affect the headers, and the folder for relative names, have to be the same;
#   - the precompiled text begins with the kernel's own -include files, and nothing else includes these;
#   - the file's name (KBUILD_BASENAME) is defined after the header. Headers may use it in macros only, otherwise no
#     header is precompiled;
#   - headers must not mention macros that the file defines before its headers and FOLDER/3.txt does not
#     ("3 NAME NAME");
#   - gcc loses in a precompiled header which registers are global variables (x86: current_stack_pointer), so these are
#     declared again after it;
#   - there is no FOLDER/3.h: if gcc rejects FOLDER/3.h.gch, that is an error instead of another text.

# Makes FOLDER/NUMBER.h.gch. Arguments: those of the compiler for the file, then the -include options.
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
    # -dU prints each macro that is used or tested, also if it is not defined.
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
        # The names of Kbuild's files contain no spaces.
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
    "$VGPUKIT_COMPILER" "$@" -fpch-deps -include "$headers.h" -include "$headers.after.h" -include "$of.h" \
        2> "$of.said" || return 1
    dependencies "$of" "$depends" > "$of.d" 2> /dev/null && mv "$of.d" "$depends" || return 1
    if [ -s "$headers.said" ] && mkdir "$headers.told" 2> /dev/null; then cat "$headers.said" >&2; fi
    [ ! -s "$of.said" ] || cat "$of.said" >&2
    : > "$of.used"
}

# Prints the file's dependencies as the compiler alone would write them: in its order, and without the wrapper's files,
# which will not exist later. Arguments: FOLDER/of/FILE, whose lines after the first are "HEADER BEFORE"; the dependency
# list.
dependencies() {
    awk -v tree="$VGPUKIT_TREE/" '
        FNR == NR {
            if (FNR > 1) { moved[$1] = 1; early[$2] = early[$2] " " $1 }
            next
        }
        {
            for (i = 1; i <= NF; i++) {
                if ($i == "\\" || index($i, "/.vgpukit-compiler/") || $i in seen) continue
                seen[$i] = 1  # gcc also lists a header of the precompiled text when it skips it because of its guard
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

for source do :; done
of=$VGPUKIT_WRAPPER/of/${source#"$VGPUKIT_TREE/"}
if [ -f "$of" ]; then
    read -r headers macros < "$of"
    headers=$VGPUKIT_WRAPPER/$headers
    compile_with_headers "$@" && exit
fi
[ -z "$VGPUKIT_ONLY_HEADERS" ] || exit 0
