#!/bin/sh
# Becomes a program that runs on some cores only, and says on which it does.
#
#   sh on_cores.sh MASK TOOL [ARGUMENT...]
#
# MASK is hexadecimal, a bit per core, as taskset takes it. In the current folder it leaves
# `cores.txt` with the kernel's own word, as cpuset(7) lists it:
#   Cpus_allowed_list: 4-7
# read after taskset and in the very process that becomes the tool, so a group of cores that
# Android confines it to counts too. Without taskset, or where none of the cores is on, it ends
# with 125, leaves no `cores.txt`, and the tool does not run.
#
# This small shell gives its peak memory to the tool by `exec`; any tool has a higher one.

mask=$1
shift
taskset -p "$mask" "$$" > /dev/null || exit 125
while read -r name value; do
    if [ "$name" = Cpus_allowed_list: ]; then echo "$name $value" > cores.txt; fi
done < "/proc/$$/status"
exec "$@"
