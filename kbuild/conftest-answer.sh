# SPDX-License-Identifier: MIT
#
# Runs the driver's own conftest.sh with a compiler that already knows the answers, or that keeps the question.
#
#   /bin/sh TREE/.vgpukit-answer.sh vgpukit_cc ARCH SOURCES OUTPUT vgpukit-none FOLDER
#
# FOLDER/../functions.sh is conftest.sh up to where it looks at its verb.
# FOLDER/list has a line "NUMBER KIND NAME ANSWERS" for each test. KIND is header or test. ANSWERS are, in the order in which the
# test asks: 1 it compiles, 0 it does not; for a header 1 it is there, 0 it is not; x: nothing is known. What a test prints is left in
# FOLDER/NUMBER.out, FOLDER/NUMBER.done says that it came to its end, and what it wanted to compile and nobody knew is left in
# FOLDER/NUMBER.K.c; NUMBER.out is then worth nothing.
# In the environment: VGPUKIT_CC, VGPUKIT_CFLAGS.

vgpukit_cc() {
    if [ "$vgpukit_kind" = header ]; then
        case "$vgpukit_answers $* " in
            1*" -M "*) return 0 ;;
            0*" -MG "*) return 0 ;;
            0*" -M "*) return 1 ;;
        esac
        $VGPUKIT_CC "$@"
        return
    fi
    if [ "$*" != "$vgpukit_compile" ]; then
        $VGPUKIT_CC "$@"
        return
    fi
    vgpukit_fresh=
    [ -z "$CODE" ] || [ "$CODE" = "$vgpukit_last" ] || vgpukit_fresh=1
    vgpukit_last=$CODE
    case $vgpukit_answers in
        1*) vgpukit_answers=${vgpukit_answers#?}; : > "conftest$$.o"; return 0 ;;
        0*) vgpukit_answers=${vgpukit_answers#?}; return 1 ;;
    esac
    vgpukit_asked=$((vgpukit_asked + 1))
    mv "conftest$$.c" "$vgpukit_folder/$vgpukit_number.$vgpukit_asked.c"
    [ -n "$vgpukit_fresh" ] || exit 0  # which question comes next depends on the answer
    # One of compile_check_conftest, which asks on whatever it is told: the questions that follow can be kept now.
    printf '%s\n%s\n%s' "$CAT" "$DEF" "$CODE" > "$vgpukit_folder/$vgpukit_number.$vgpukit_asked.what"
    return 1
}

# Removing what the next question writes over anyway, or what is not there, costs a process each time.
rm() {
    [ "$*" = "-f conftest$$.c" ] || command rm "$@"
}

vgpukit_folder=$6
. "$vgpukit_folder/../functions.sh"

CC=vgpukit_cc
CFLAGS=$VGPUKIT_CFLAGS
set -- $CFLAGS -c "conftest$$.c"
vgpukit_compile="$*"
printf '%s\n' "$CONFTEST_PREAMBLE" > "$vgpukit_folder/preamble"

while read -r vgpukit_number vgpukit_kind vgpukit_name vgpukit_answers; do
    (
        CODE= DEF= CAT= vgpukit_last= vgpukit_asked=0
        case $vgpukit_kind in
            header) test_header_presence "$vgpukit_name" ;;
            *) compile_test "$vgpukit_name" ;;
        esac
        : > "$vgpukit_folder/$vgpukit_number.done"
    ) < /dev/null > "$vgpukit_folder/$vgpukit_number.out" 2> /dev/null
    if [ -e "conftest$$.o" ] || [ -e "conftest$$.d" ]; then rm -f "conftest$$.o" "conftest$$.d"; fi
done < "$vgpukit_folder/list"
command rm -f "conftest$$.c"
