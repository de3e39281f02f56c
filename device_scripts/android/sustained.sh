#!/bin/sh
# Runs a benchmark program again and again, one window after the other, without a pause.
#
#   sh run.sh --sample SECONDS FOLDER NONCE sh sustained.sh WINDOWS TOOL [ARGUMENT...]
#
# The tool measures for one window's time and ends by itself; each window is a fresh process. On
# stdout and on stderr, before and after what the tool says in each window:
#   EDGEBENCH-WINDOW NUMBER
#   EDGEBENCH-WINDOW NUMBER exit=CODE from=UPTIME to=UPTIME
# and in `windows.txt` of the working folder the conditions (see conditions.sh) before the first
# window and after each, behind a line `EDGEBENCH-WINDOW NUMBER`, 0 for before. Ends at the first
# window whose tool fails, with its exit code.

case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
windows=$1
shift

conditions() {
    echo "EDGEBENCH-WINDOW $number"
    sh "$here/conditions.sh"
}

say() {
    echo "$1"
    echo "$1" >&2
}

uptime() {
    uptime=
    { read -r uptime _ < /proc/uptime; } 2> /dev/null
}

number=0
conditions > windows.txt
while [ $number -lt "$windows" ]; do
    number=$((number + 1))
    say "EDGEBENCH-WINDOW $number"
    uptime
    from=$uptime
    "$@"
    code=$?
    uptime
    # A tool that was ended may have left a line half said.
    say ""
    say "EDGEBENCH-WINDOW $number exit=$code from=$from to=$uptime"
    conditions >> windows.txt
    [ $code = 0 ] || exit $code
done
