#!/bin/sh
# Fixes the clock of every core, and gives it free again. Needs root.
#
#   sh lock_clocks.sh lock SAVED
#   sh lock_clocks.sh unlock SAVED
#
# lock: each cpufreq policy gets its highest step that is no more than about 60 % of its hardware's
# maximum as lowest and highest frequency, which most phones hold without throttling. The old
# limits go to SAVED/clock.POLICY as `MIN MAX` first, unless they are there already. Says
#   locked POLICY KHZ
# for each, and ends with 1 where one does not stay, with 3 where root is not to be had.
# unlock: writes the old limits back and forgets them.
#
# Without root it starts itself again through `su`, in the spelling of AOSP or of Magisk.

action=${1-}
saved=${2-}
cpufreq=${EDGEBENCH_SYS:-/sys}/devices/system/cpu/cpufreq

if [ "$(id -u)" != 0 ]; then
    case $0$saved in *\'*) echo "lock_clocks.sh: a quote in a path" >&2; exit 2 ;; esac
    if [ "$(su 0 id -u 2> /dev/null)" = 0 ]; then exec su 0 sh "$0" "$action" "$saved"; fi
    if [ "$(su -c 'id -u' 2> /dev/null)" = 0 ]; then exec su -c "sh '$0' '$action' '$saved'"; fi
    echo "lock_clocks.sh: clocks need root: adb is not root, and there is no su that lets it be" >&2
    exit 3
fi

number_in() {
    value=
    { read -r value < "$1"; } 2> /dev/null
    case $value in '' | *[!0-9]*) value=; return 1 ;; esac
}

step_of() {
    # The highest step of policy $1 of at most 60 % of its hardware's maximum, else its lowest.
    number_in "$1/cpuinfo_max_freq" || return 1
    goal=$((value * 6 / 10))
    number_in "$1/cpuinfo_min_freq" || return 1
    step=$value
    steps=
    { read -r steps < "$1/scaling_available_frequencies"; } 2> /dev/null
    for khz in $steps; do
        if [ "$khz" -le $goal ] && [ "$khz" -gt "$step" ]; then step=$khz; fi
    done
}

set_limits() {
    # The limits of policy $1 to $2 and $3: the lower end first goes out of the way.
    number_in "$1/cpuinfo_min_freq" || return 1
    echo "$value" > "$1/scaling_min_freq"
    echo "$3" > "$1/scaling_max_freq"
    echo "$2" > "$1/scaling_min_freq"
    number_in "$1/scaling_min_freq" && [ "$value" = "$2" ] || return 1
    number_in "$1/scaling_max_freq" && [ "$value" = "$3" ]
}

lock() {
    found=no
    for policy in "$cpufreq"/policy[0-9]*; do
        [ -d "$policy" ] || continue
        found=yes
        name=${policy##*/}
        number_in "$policy/scaling_min_freq" || return 1
        low=$value
        number_in "$policy/scaling_max_freq" || return 1
        high=$value
        step_of "$policy" || return 1
        if [ ! -e "$saved/clock.$name" ]; then
            echo "$low $high" > "$saved/.new" && mv "$saved/.new" "$saved/clock.$name" || return 1
        fi
        set_limits "$policy" "$step" "$step" || return 1
        echo "locked $name $step"
    done
    [ $found = yes ]
}

unlock() {
    failed=0
    for file in "$saved"/clock.*; do
        [ -f "$file" ] || continue
        name=${file##*/clock.}
        low=
        high=
        read -r low high < "$file"
        if set_limits "$cpufreq/$name" "$low" "$high"; then
            rm -f "$file"
            echo "restored $name $low $high"
        else
            echo "kept $name $low $high" >&2
            failed=1
        fi
    done
    return $failed
}

case $action in
    lock) mkdir -p "$saved" && lock ;;
    unlock) unlock ;;
    *) echo "usage: lock_clocks.sh lock|unlock SAVED" >&2; exit 2 ;;
esac
