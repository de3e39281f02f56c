#!/bin/sh
# Gives a phone back as it was: every value that setup.sh and lock_clocks.sh kept.
#
#   sh restore.sh SAVED
#
# Each value is written, read again, and only then forgotten; so it may run at any time, as often
# as one likes, also after a crash or a reboot in the middle. It says a line for each:
#   restored NAME VALUE      on stdout
#   kept NAME VALUE          on stderr: it could not be restored and stays in SAVED
# Ends with 1 where something was kept.

case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
saved=$1
failed=0

for file in "$saved"/setting.*; do
    [ -f "$file" ] || continue
    name=${file##*/setting.}
    namespace=${name%%.*}
    name=${name#*.}
    value=
    read -r value < "$file"
    if [ "$value" = null ]; then
        settings delete "$namespace" "$name" > /dev/null
    else
        settings put "$namespace" "$name" "$value"
    fi
    if [ "$(settings get "$namespace" "$name" 2> /dev/null)" = "$value" ]; then
        rm -f "$file"
        echo "restored $namespace $name $value"
    else
        echo "kept $namespace $name $value" >&2
        failed=1
    fi
done

for file in "$saved"/clock.*; do
    [ -f "$file" ] || continue
    sh "$here/lock_clocks.sh" unlock "$saved" || failed=1
    break
done

if [ $failed = 0 ] && [ -d "$saved" ]; then
    rm -f "$saved/.new"
    rmdir "$saved" || failed=1
fi
exit $failed
