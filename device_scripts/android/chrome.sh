#!/bin/sh
# Starts, ends and finds Chrome on a phone; none of it needs root.
#
#   sh chrome.sh start PACKAGE   wakes the phone, ends PACKAGE if it runs, starts it with an empty
#                                page, and says in its last line `pid N`; else ends with
#                                    3  there is no such package     4  it could not be ended
#                                    5  it was not started
#   sh chrome.sh stop PACKAGE    ends it, whatever it does.
#   sh chrome.sh pid PACKAGE     says `pid N`, or ends with 1 where it does not run.
#   sh chrome.sh cpu PACKAGE     says the CPU time of each process that shows its pages, a line each:
#                                    cpu PID TICKS     (user and system, see proc_pid_stat(5))
#   sh chrome.sh before PACKAGE  says `app before TICKS`, of all its processes together, and then the
#   sh chrome.sh after PACKAGE   state of the CPUs (see cpu_state.sh); afterwards the other way round,
#                                so that what is looked up here is no work of others in between.
#
# A phone whose owner locked it with a code stays locked: then pages are hidden, which they tell.

case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
# shellcheck source-path=SCRIPTDIR source=cpu_state.sh
. "$here/cpu_state.sh" || exit 1

launcher=com.google.android.apps.chrome.Main

installed() {
    case $(pm path "$1" 2> /dev/null) in package:*) return 0 ;; esac
    return 1
}

stop() {
    am force-stop "$1" > /dev/null 2>&1
    tries=0
    while pidof "$1" > /dev/null 2>&1; do
        if [ "$tries" -ge 50 ]; then return 1; fi
        tries=$((tries + 1))
        sleep 0.1
    done
}

start() {
    installed "$1" || exit 3
    input keyevent KEYCODE_WAKEUP > /dev/null 2>&1
    wm dismiss-keyguard > /dev/null 2>&1
    stop "$1" || exit 4
    am start -W -n "$1/$launcher" -a android.intent.action.VIEW -d about:blank
    tries=0
    until pid "$1"; do
        if [ "$tries" -ge 50 ]; then exit 5; fi
        tries=$((tries + 1))
        sleep 0.1
    done
}

pid() {
    found=$(pidof "$1") || return 1
    echo "pid ${found%% *}"
}

ticks_of() {
    ticks=
    { read -r line < "/proc/$1/stat"; } 2> /dev/null || return 1
    # The name stands in brackets and may hold anything, brackets too; 12th and 13th behind it.
    # shellcheck disable=SC2086  # the line is numbers from here on
    set -- ${line##*) }
    ticks=$((${12} + ${13}))
}

cpu() {
    ps -A -o PID,NAME | while read -r number name; do
        case $name in "$1":sandboxed_process*) ;; *) continue ;; esac
        if ticks_of "$number"; then echo "cpu $number $ticks"; fi
    done
}

app() {
    # The sum is said inside of the loop's own process.
    ps -A -o PID,NAME | {
        sum=0
        while read -r number name; do
            case $name in "$2" | "$2":* | "$2"_zygote) ;; *) continue ;; esac
            if ticks_of "$number"; then sum=$((sum + ticks)); fi
        done
        echo "app $1 $sum"
    }
}

if [ $# -ne 2 ]; then
    echo "usage: chrome.sh start|stop|pid|cpu|before|after PACKAGE" >&2
    exit 2
fi
case $1 in
    start) start "$2" ;;
    stop) stop "$2" ;;
    pid) pid "$2" ;;
    cpu) cpu "$2" ;;
    before) app before "$2" && cpu_state before ;;
    after) cpu_state after && app after "$2" ;;
    *) exit 2 ;;
esac
