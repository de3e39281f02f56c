#!/bin/sh
# Waits until a phone is cool, but not for ever.
#
#   sh thermal_wait.sh STATUS TENTHS SECONDS [PAUSE]
#
# until the thermal status is at most STATUS and the battery has at most TENTHS tenths of a degree
# Celsius, looking every PAUSE seconds (5). What the phone does not tell is not waited for. Says
#   waited SECONDS status=STATUS battery=TENTHS
# and ends with 0 if it is cool, with 1 if SECONDS were over first.

most_status=$1
most_tenths=$2
seconds=$3
pause=${4:-5}

now() {
    read -r uptime _ < /proc/uptime
    now=${uptime%%.*}
}

look() {
    status=$(dumpsys thermalservice 2> /dev/null | while read -r a b c _; do
        if [ "$a $b" = "Thermal Status:" ]; then echo "$c"; break; fi
    done)
    tenths=$(dumpsys battery 2> /dev/null | while read -r a b _; do
        if [ "$a" = temperature: ]; then echo "$b"; break; fi
    done)
}

at_most() {
    # Whether $1 is at most $2; what is no number is.
    case $1 in '' | *[!0-9]*) return 0 ;; esac
    [ "$1" -le "$2" ]
}

now
begun=$now
while :; do
    look
    now
    if at_most "$status" "$most_status" && at_most "$tenths" "$most_tenths"; then
        code=0
        break
    fi
    if [ $((now - begun + pause)) -gt "$seconds" ]; then
        code=1
        break
    fi
    sleep "$pause"
done
echo "waited $((now - begun)) status=$status battery=$tenths"
exit "$code"
