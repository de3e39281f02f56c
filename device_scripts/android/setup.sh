#!/bin/sh
# Makes a phone ready to measure: only what is asked for, and nothing whose old value is not kept.
#
#   sh setup.sh SAVED WISH...
#
# WISH is one of
#   stay_awake         the screen stays on while the phone is plugged in, and is woken now
#   no_animations      the three animation scales are 0
#   brightness=N       automatic brightness is off, and the brightness is N (0 to 255)
#
# SAVED is a folder on the device. Before a setting is changed, its old value goes to the file
# SAVED/setting.NAMESPACE.NAME, unless one is there already: then an earlier session did not
# restore, and its old value is the true one. So this script may run again at any time, may be
# killed at any point, and restore.sh brings everything back. Ends with 1 where a wish failed.

saved=$1
shift
failed=0

keep() {
    # $1: the name of the file, $2: the old value. Written whole or not at all.
    [ -e "$saved/$1" ] && return 0
    echo "$2" > "$saved/.new" && mv "$saved/.new" "$saved/$1"
}

put() {
    # $1: the namespace, $2: the setting, $3: the value
    old=$(settings get "$1" "$2" 2> /dev/null)
    [ "$old" = "$3" ] && return 0
    case $old in
        null) ;;
        '' | *[!0-9.-]*)
            echo "setup.sh: $1 $2 is '$old', which is no number: left as it is" >&2
            failed=1
            return
            ;;
    esac
    if keep "setting.$1.$2" "$old" && settings put "$1" "$2" "$3"; then
        echo "set $1 $2 $3 (was $old)"
    else
        echo "setup.sh: $1 $2 could not be set" >&2
        failed=1
    fi
}

mkdir -p "$saved" || exit 1
for wish in "$@"; do
    case $wish in
        stay_awake)
            # What `svc power stayon true` writes, but with an old value that can be kept:
            # 1 mains + 2 USB + 4 wireless.
            put global stay_on_while_plugged_in 7
            input keyevent KEYCODE_WAKEUP || failed=1
            ;;
        no_animations)
            put global window_animation_scale 0
            put global transition_animation_scale 0
            put global animator_duration_scale 0
            ;;
        brightness=*)
            put system screen_brightness_mode 0
            put system screen_brightness "${wish#brightness=}"
            ;;
        *)
            echo "setup.sh: unknown wish '$wish'" >&2
            failed=1
            ;;
    esac
done
exit $failed
