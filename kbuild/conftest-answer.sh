# SPDX-License-Identifier: MIT
#
# Runs the driver's own conftest.sh with a shell function as its compiler, which knows the answer or stores the
# question.
#
#   /bin/sh TREE/.vgpukit-answer.sh vgpukit_cc ARCH SOURCES OUTPUT vgpukit-none FOLDER
#
# FOLDER/../functions.sh is conftest.sh without the part that evaluates its verb.
# FOLDER/list has a line "NUMBER KIND NAME ANSWERS" for each test. KIND is header or test. ANSWERS has a digit for each
# question of the test, in its order: 1 it compiles, 0 it does not (for a header: 1 it is found, 0 it is not); or x
# for no answers. The script writes
#   FOLDER/NUMBER.out    what the test printed; not valid if there is a question
#   FOLDER/NUMBER.done   the test ran to its end
#   FOLDER/NUMBER.K.c    the code of its K-th question without an answer
#   FOLDER/NUMBER.K.what category, define and code of that question, if it came from compile_check_conftest
# Environment: VGPUKIT_CC, VGPUKIT_CFLAGS.

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
    [ -n "$vgpukit_fresh" ] || exit 0  # the next question depends on the answer
    # compile_check_conftest: the test continues after any answer, so the questions that follow are stored as well.
    printf '%s\n%s\n%s' "$CAT" "$DEF" "$CODE" > "$vgpukit_folder/$vgpukit_number.$vgpukit_asked.what"
    return 1
}

# Saves a process for each test: the next question overwrites this file.
rm() {
    [ "$*" = "-f conftest$$.c" ] || command rm "$@"
}

vgpukit_folder=$6
. "$vgpukit_folder/../functions.sh"

# Drivers up to 515.43 ask for all headers in one function.
command -v test_header_presence > /dev/null || test_header_presence() {
    translate_and_preprocess_header_files "$1"
}

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
