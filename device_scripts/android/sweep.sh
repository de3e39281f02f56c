#!/bin/sh
# Finds what sessions left on a device, and takes it away.
#
#   sh sweep.sh list RUNS       says what lies in the folder RUNS, a line each:
#                                   EDGEBENCH-LEFT NAME AGE OWNER
#                               AGE is `old` if nothing in it has changed for a day, else `new`;
#                               OWNER is what the file RUNS/NAME.owner says, if there is one.
#   sh sweep.sh end FOLDER...   kills every process that works inside one of the folders, and
#                               removes them with their .owner files; ends with 1 if one stays.
#   sh sweep.sh parts CACHE     removes files that were half pushed when a connection ended.
#
# Processes are known by the folder they work in, never by a number that was written down: that
# may be another program's by now. Needs a POSIX shell, `ls`, `find`, `rm` and `sleep`.

list() {
    cd "$1" 2> /dev/null || exit 0
    for entry in *; do
        name=${entry%.owner}
        # A folder and its owner's file are one; a lone file of an owner counts as well.
        if [ "$name" != "$entry" ] && [ -e "$name" ]; then continue; fi
        [ -e "$entry" ] || continue
        owner=
        if [ -r "$name.owner" ]; then read -r owner < "$name.owner"; fi
        age=new
        if [ -n "$(find "$entry" -prune -mtime +0 2> /dev/null)" ]; then age=old; fi
        echo "EDGEBENCH-LEFT $name $age $owner"
    done
}

kill_inside() {
    # Only the user's own processes tell where they work; the others are none of ours.
    # shellcheck disable=SC2012  # one process for all of them, and these names are numbers
    ls -ld /proc/[0-9]*/cwd 2> /dev/null | while read -r line; do
        case $line in
            *" -> $1" | *" -> $1/"* | *" -> $1 "*)
                pid=${line%%/cwd -> *}
                kill -s KILL "${pid##*/proc/}" 2> /dev/null
                ;;
        esac
    done
}

end() {
    for folder; do
        kill_inside "$folder"
        tries=0
        # A process that was just killed may still have been writing.
        while [ -e "$folder" ] && [ "$tries" -lt 20 ]; do
            rm -rf -- "$folder" 2> /dev/null || sleep 0.1
            tries=$((tries + 1))
        done
        rm -f -- "$folder.owner"
    done
    for folder; do
        if [ -e "$folder" ]; then exit 1; fi
    done
}

parts() {
    for part in "$1"/*.part; do
        rm -f -- "$part"
    done
}

what=${1-}
if [ $# -lt 2 ]; then
    echo "usage: sweep.sh list|end|parts FOLDER..." >&2
    exit 2
fi
shift
case $what in
    list) list "$@" ;;
    end) end "$@" ;;
    parts) parts "$@" ;;
    *) exit 2 ;;
esac
