#!/bin/sh
# Leases a device, so that two harnesses, also on two hosts, never measure on it at once.
#
#   sh lease.sh take    FILE TOKEN OWNER SECONDS [INSTEAD_OF]
#   sh lease.sh renew   FILE TOKEN OWNER SECONDS
#   sh lease.sh release FILE TOKEN
#   sh lease.sh show    FILE
#
# FILE holds one line, `TOKEN OWNER EXPIRES`; EXPIRES is in seconds of the device's own clock,
# so that the hosts' clocks do not matter. None of the three has a space in it. Says one line:
#   taken | renewed | released | free        done, or nobody has it
#   taken-over TOKEN OWNER LEFT              done; the lease that stood there had ended, or is
#                                            the one that INSTEAD_OF names
#   leased TOKEN OWNER LEFT                  not done: this one has it for LEFT more seconds
#   failed                                   not done: FILE cannot be written
# The file is made with noclobber, so that of two that come at once one has it. From then on it is
# only ever replaced or removed by whoever could make the folder FILE.lock, and replaced by a
# rename, so that nobody finds it missing in between.

action=$1 file=$2 token=$3 owner=$4 seconds=$5 instead_of=$6

look() {
    # A file that is empty is just being written; one that stays so was left by a crash.
    tries=0
    while :; do
        held='' holder='' expires=''
        [ -f "$file" ] || return 1
        { read -r held holder expires _ < "$file"; } 2> /dev/null
        case $expires in
        '' | *[!0-9]*) expires=0 ;;
        *) break ;;
        esac
        tries=$((tries + 1))
        [ "$tries" -lt 10 ] || break
        sleep 0.1
    done
    left=$((expires - $(date +%s)))
    return 0
}

write() {
    # Subshell: a redirection that noclobber refuses would end this one.
    (
        set -C
        echo "$token $owner $(($(date +%s) + seconds))" > "$1"
    ) 2> /dev/null
}

replace() {
    rm -f "$file.$token"
    if write "$file.$token" && mv -f "$file.$token" "$file"; then return 0; fi
    rm -f "$file.$token"
    return 1
}

lock() {
    # Held for milliseconds: one that stays for seconds was left by a crash.
    tries=0
    until mkdir "$file.lock" 2> /dev/null; do
        [ -d "$file.lock" ] || return 1
        tries=$((tries + 1))
        if [ "$tries" -eq 50 ]; then rmdir "$file.lock" 2> /dev/null; fi
        [ "$tries" -lt 60 ] || return 1
        sleep 0.1
    done
    trap 'rmdir "$file.lock" 2> /dev/null' EXIT
}

tell() { echo "$1 ${held:--} ${holder:--} $left"; }

take() {
    if ! look; then
        mkdir -p "${file%/*}" 2> /dev/null
        if write "$file"; then echo taken; exit 0; fi
        if ! look; then echo failed; exit 1; fi
    fi
    if [ "$left" -gt 0 ] && [ "$held" != "$instead_of" ]; then tell leased; exit 1; fi
    if ! lock; then echo failed; exit 1; fi
    # Another may have taken it over, or its owner come back, before the lock was ours.
    if ! look; then
        if write "$file"; then echo taken; exit 0; fi
        if ! look; then echo failed; exit 1; fi
    fi
    if [ "$left" -gt 0 ] && [ "$held" != "$instead_of" ]; then tell leased; exit 1; fi
    before=$(tell taken-over)
    if replace; then echo "$before"; exit 0; fi
    echo failed
    exit 1
}

renew() {
    if ! look; then echo free; exit 1; fi
    if ! lock; then echo failed; exit 1; fi
    if ! look; then echo free; exit 1; fi
    if [ "$held" != "$token" ]; then tell leased; exit 1; fi
    if replace; then echo renewed; exit 0; fi
    echo failed
    exit 1
}

release() {
    if look && [ "$held" = "$token" ] && lock; then
        if look && [ "$held" = "$token" ]; then rm -f "$file"; fi
    fi
    echo released
}

case $action in
take) take ;;
renew) renew ;;
release) release ;;
show)
    if look && [ "$left" -gt 0 ]; then tell leased; else echo free; fi
    ;;
*)
    echo "usage: lease.sh take|renew|release|show FILE …" >&2
    exit 2
    ;;
esac
