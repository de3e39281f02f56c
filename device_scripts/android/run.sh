#!/bin/sh
# Runs a benchmark program once, so that nothing about how it ended can be mistaken.
#
#   sh run.sh FOLDER NONCE TOOL [ARGUMENT...]
#
# In FOLDER it leaves `stdout.txt` and `stderr.txt`, exactly what the tool said, and `pgid`, the
# number of the process group that the tool and this script's inner part run in; `kill -9 -PGID`
# ends them all. There is no `pgid` where a group of its own could not be made.
#
# On its own stdout it says, each on a line:
#   EDGEBENCH-BEGIN NONCE uptime=SECONDS load=LOAD1
#   EDGEBENCH-END NONCE exit=CODE uptime=SECONDS load=LOAD1
# A run without its END line was cut off: the connection, the device or a kill ended it.
#
# Needs a POSIX shell (Android's mksh, dash, bash), and `cat` and `setsid` of any kind; `printf` is
# no builtin of mksh, so there is none. Everything that varies is a positional argument, so no name
# can become a command; NONCE is letters and digits.

facts() {
    # Both files are missing or forbidden on some devices; then the values are empty.
    uptime=
    load=
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

inner() {
    folder=$1
    nonce=$2
    tool=$3
    shift 3
    cd "$folder" || exit 125
    if leads_its_group; then echo "$$" > pgid; fi
    facts
    echo "EDGEBENCH-BEGIN $nonce uptime=$uptime load=$load"
    # A child, never `exec`: ru_maxrss survives exec and would count this shell's parents.
    "$tool" "$@" < /dev/null > stdout.txt 2> stderr.txt
    code=$?
    facts
    echo "EDGEBENCH-END $nonce exit=$code uptime=$uptime load=$load"
    exit 0
}

if [ "${1-}" = --in-its-group ]; then
    shift
    inner "$@"
fi

if [ $# -lt 3 ]; then
    echo "usage: run.sh FOLDER NONCE TOOL [ARGUMENT...]" >&2
    exit 2
fi

# A phone's own shell, whatever else its PATH has.
shell='sh'
if [ -x /system/bin/sh ]; then shell=/system/bin/sh; fi

# A job in the background leads no group yet, so setsid need not fork and $! stays its number.
if command -v setsid > /dev/null 2>&1; then
    setsid "$shell" "$0" --in-its-group "$@" < /dev/null &
else
    set -m 2> /dev/null
    "$shell" "$0" --in-its-group "$@" < /dev/null &
fi
wait $!
