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
# The file is made with noclobber, so that of two that come at once one has it. Of two that
# take over at once the later one has it, which the other sees after a pause.

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

tell() { echo "$1 ${held:--} ${holder:--} $left"; }

take() {
    if ! look; then
        mkdir -p "${file%/*}" 2> /dev/null
        if write "$file"; then echo taken; exit 0; fi
        if ! look; then echo failed; exit 1; fi
    fi
    if [ "$left" -gt 0 ] && [ "$held" != "$instead_of" ]; then tell leased; exit 1; fi
    before=$(tell taken-over)
    rm -f "$file"
    write "$file"
    sleep 0.3
    if look && [ "$held" = "$token" ]; then echo "$before"; exit 0; fi
    if [ -f "$file" ]; then tell leased; else echo failed; fi
    exit 1
}

renew() {
    if ! look; then echo free; exit 1; fi
    if [ "$held" != "$token" ]; then tell leased; exit 1; fi
    rm -f "$file.$token"
    if write "$file.$token" && mv -f "$file.$token" "$file"; then echo renewed; exit 0; fi
    rm -f "$file.$token"
    echo failed
    exit 1
}

case $action in
take) take ;;
renew) renew ;;
release)
    if look && [ "$held" = "$token" ]; then rm -f "$file"; fi
    echo released
    ;;
show)
    if look && [ "$left" -gt 0 ]; then tell leased; else echo free; fi
    ;;
*)
    echo "usage: lease.sh take|renew|release|show FILE …" >&2
    exit 2
    ;;
esac
