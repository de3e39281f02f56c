#!/bin/sh
# Runs a benchmark program once, so that nothing about how it ended can be mistaken.
#
#   sh run.sh [--watch] [--sample SECONDS] FOLDER NONCE TOOL [ARGUMENT...]
#
# In FOLDER it leaves `stdout.txt` and `stderr.txt`, exactly what the tool said, and `pgid`, the
# number of the process group that the tool and this script's inner part run in; `kill -9 -PGID`
# ends them all. There is no `pgid` where a group of its own could not be made.
#
# On its own stdout it says, each on a line:
#   EDGEBENCH-BEGIN NONCE uptime=SECONDS load=LOAD1 clock=SECONDS
#   EDGEBENCH-END NONCE exit=CODE uptime=SECONDS load=LOAD1 clock=SECONDS
# clock is the time of day, since 1970: a tool that times with it is wrong when it was set.
# A run without its END line was cut off: the connection, the device or a kill ended it.
#
# With --watch it also leaves `cpu.txt`: the state of the CPUs (see cpu_state.sh) just before and
# just after the tool, and between them nothing, so it disturbs no measurement; then
#   children
#   USER SYSTEM          what the shell's `times` says of this script
#   USER SYSTEM          and of its children, the tool above all
#   end children
#
# With --sample it also leaves `samples.txt`, a line every SECONDS while the tool lives:
#   sample UPTIME pss=KB rss=KB swap=KB hwm=KB cpu0=KHZ cpu1=KHZ ... .
# PSS, RSS and swapped PSS of the tool's own process, not of its children, from smaps_rollup; its
# highest RSS so far as the kernel keeps it, which no parent of it can raise; the current frequency of each core; what cannot be read is left out. A line without its full stop
# was cut off. Sampling takes CPU time and makes the kernel walk the tool's memory: it belongs in
# memory and sustained runs, never in one whose latency is compared.
#
# Needs a POSIX shell (Android's mksh, dash, bash), `cat`, `setsid` and, for --sample, `sleep` of
# any kind; `printf` is no builtin of mksh, so there is none. Everything that varies is a
# positional argument, so no name can become a command; NONCE is letters and digits.

case $0 in */*) here=${0%/*} ;; *) here=. ;; esac

facts() {
    # What is missing or forbidden on some devices is left empty.
    uptime=
    load=
    # A variable of mksh and bash; elsewhere a program, that tells whole seconds.
    # shellcheck disable=SC3028
    clock=${EPOCHREALTIME-}
    if [ -z "$clock" ]; then clock=$(date +%s 2> /dev/null); fi
    if [ -r /proc/uptime ]; then read -r uptime _ < /proc/uptime; fi
    if [ -r /proc/loadavg ]; then read -r load _ < /proc/loadavg; fi
}

leads_its_group() {
    # Field 5 of stat is the group; the name in field 2 may hold blanks, so cut it off first.
    stat=$(cat "/proc/$$/stat" 2> /dev/null) || return 1
    # shellcheck disable=SC2086  # the fields are numbers and one letter, split on purpose
    set -- ${stat##*) }
    [ "${3-}" = "$$" ]
}

sample_once() {
    # $1: the tool's process
    one_line /proc/uptime
    line="sample ${value%% *}"
    while read -r name kb _; do
        case $name in
            Pss:) line="$line pss=$kb" ;;
            Rss:) line="$line rss=$kb" ;;
            SwapPss:) line="$line swap=$kb" ;;
        esac
    done < "/proc/$1/smaps_rollup"
    while read -r name kb _; do
        if [ "$name" = VmHWM: ]; then line="$line hwm=$kb"; fi
    done < "/proc/$1/status"
    for core in "${EDGEBENCH_SYS:-/sys}"/devices/system/cpu/cpu[0-9]*; do
        one_line "$core/cpufreq/scaling_cur_freq"
        [ -z "$value" ] || line="$line ${core##*/}=$value"
    done
    echo "$line ."
}

sample_until_killed() {
    # $1: the tool's process, $2: seconds between samples
    # `$!` is the latest sleep from the moment of its birth, which no variable of ours would be;
    # before the first it is the tool, which has ended when the signal comes.
    # KILL, since a shell that has forked and not yet become `sleep` may swallow any other signal;
    # for the same reason the loop ends by itself when the tool is gone.
    trap 'kill -s KILL "$!" 2> /dev/null; wait "$!" 2> /dev/null; exit 0' TERM
    while [ -d "/proc/$1" ]; do
        sample_once "$1"
        sleep "$2" &
        wait "$!"
    done
}

run_tool() {
    if [ -z "$every" ]; then
        # A child, never `exec`: ru_maxrss survives exec and would count this shell's parents.
        "$@" < /dev/null > stdout.txt 2> stderr.txt
        code=$?
        return
    fi
    "$@" < /dev/null > stdout.txt 2> stderr.txt &
    tool_pid=$!
    sample_until_killed "$tool_pid" "$every" > samples.txt 2> /dev/null &
    sampler=$!
    wait "$tool_pid"
    code=$?
    kill "$sampler" 2> /dev/null
    wait "$sampler" 2> /dev/null
}

inner() {
    watch=$1
    every=$2
    folder=$3
    nonce=$4
    shift 4
    if [ -n "$watch$every" ]; then
        # shellcheck source-path=SCRIPTDIR source=cpu_state.sh
        . "$here/cpu_state.sh" || exit 125
    fi
    cd "$folder" || exit 125
    if leads_its_group; then echo "$$" > pgid; fi
    facts
    echo "EDGEBENCH-BEGIN $nonce uptime=$uptime load=$load clock=$clock"
    if [ -n "$watch" ]; then cpu_state before > cpu.txt; fi
    run_tool "$@"
    if [ -n "$watch" ]; then
        # `times` must run in this very shell: a subshell has no children yet.
        { cpu_state after; echo children; times; echo "end children"; } >> cpu.txt
    fi
    facts
    echo "EDGEBENCH-END $nonce exit=$code uptime=$uptime load=$load clock=$clock"
    exit 0
}

if [ "${1-}" = --in-its-group ]; then
    shift
    inner "$@"
fi

watch=
every=
while :; do
    case ${1-} in
        --watch) watch=yes; shift ;;
        --sample)
            every=${2-}
            case $every in '' | . | *[!0-9.]*) echo "run.sh: not seconds: $every" >&2; exit 2 ;; esac
            shift 2
            ;;
        *) break ;;
    esac
done

if [ $# -lt 3 ]; then
    echo "usage: run.sh [--watch] [--sample SECONDS] FOLDER NONCE TOOL [ARGUMENT...]" >&2
    exit 2
fi

# A phone's own shell, whatever else its PATH has.
shell='sh'
if [ -x /system/bin/sh ]; then shell=/system/bin/sh; fi

# A job in the background leads no group yet, so setsid need not fork and $! stays its number.
if command -v setsid > /dev/null 2>&1; then
    setsid "$shell" "$0" --in-its-group "$watch" "$every" "$@" < /dev/null &
else
    set -m 2> /dev/null
    "$shell" "$0" --in-its-group "$watch" "$every" "$@" < /dev/null &
fi
wait $!
