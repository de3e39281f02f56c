#!/bin/sh
# Tells what a device is; then its conditions, as conditions.sh does.
#
#   sh device_info.sh
#
# Each fact on a line, empty where it cannot be had:
#   fingerprint= model= soc= android= sdk= abi=     system properties
#   memory_kb=                                      MemTotal of /proc/meminfo
#   boot_id=                                        another one after each boot
#   user=                                           0 where adb itself is root
#   su=                                             yes where there is a program `su`
# The cores with their governors and highest frequencies are in the section `cpu`.

case $0 in */*) here=${0%/*} ;; *) here=. ;; esac

property() {
    # The first of these properties that has a value.
    value=
    for name in "$@"; do
        value=$(getprop "$name" 2> /dev/null)
        [ -z "$value" ] || break
    done
}

property ro.build.fingerprint; echo "fingerprint=$value"
property ro.product.model; echo "model=$value"
property ro.soc.model ro.board.platform ro.hardware; echo "soc=$value"
property ro.build.version.release; echo "android=$value"
property ro.build.version.sdk; echo "sdk=$value"
property ro.product.cpu.abi; echo "abi=$value"
memory=
while read -r name kb _; do
    if [ "$name" = MemTotal: ]; then memory=$kb; fi
done < "${EDGEBENCH_PROC:-/proc}/meminfo"
echo "memory_kb=$memory"
boot_id=
{ read -r boot_id < "${EDGEBENCH_PROC:-/proc}/sys/kernel/random/boot_id"; } 2> /dev/null
echo "boot_id=$boot_id"
echo "user=$(id -u)"
# Not called: a phone with Magisk would ask its owner.
if command -v su > /dev/null 2>&1; then echo "su=yes"; else echo "su=no"; fi
exec sh "$here/conditions.sh"
