#!/bin/sh
# Tells the conditions of a phone at this moment, none of which needs root.
#
#   sh conditions.sh [SECONDS]
#
# On stdout, each section behind a line of its own; a section that cannot be had is empty:
#   == cpu               the state of the CPUs, see cpu_state.sh; with SECONDS twice, so far apart
#   == battery           `dumpsys battery`
#   == thermalservice    `dumpsys thermalservice` (Android 10 and newer)
#   == power             the line `mWakefulness=` of `dumpsys power`
#   == low_power         `settings get global low_power`: 1 while the battery saver is on
#   == end
# An answer without its last line was cut off.

case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
# shellcheck source-path=SCRIPTDIR source=cpu_state.sh
. "$here/cpu_state.sh" || exit 1

service() {
    if command -v dumpsys > /dev/null 2>&1; then dumpsys "$1" 2> /dev/null; fi
}

echo "== cpu"
cpu_state first
if [ -n "${1-}" ]; then
    sleep "$1"
    cpu_state second
fi
echo "== battery"
service battery
echo
echo "== thermalservice"
service thermalservice
echo
echo "== power"
service power | grep mWakefulness=
echo "== low_power"
if command -v settings > /dev/null 2>&1; then settings get global low_power 2> /dev/null; fi
echo "== end"
