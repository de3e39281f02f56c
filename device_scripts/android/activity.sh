#!/bin/sh
# Runs the benchmark in its app, in the foreground, and prints what the app logged.
#
#   sh activity.sh PACKAGE ACTIVITY [FLAG...]
#
# PACKAGE/ACTIVITY is started anew (`am start -S -W`) with all flags as one text, which the app
# splits at blanks: no flag may hold any. It then waits, without polling the log, until the process
# says its timings or an error, or is gone; gives it a second for the lines that come after; and
# prints the log of that process alone. `app_pid.txt` in the current folder has its number. The app
# tells its status to nobody, so this ends with 0 whenever there was such a process, else with 3.

package=$1
activity=$2
shift 2
flags="$*"
since=$(date '+%m-%d %H:%M:%S.000')

am start -S -W -n "$package/$activity" --es args "$flags" >&2 || exit 3
pid=
tries=0
while [ -z "$pid" ] && [ $tries -lt 20 ]; do
    pid=$(pidof "$package") || sleep 0.5
    tries=$((tries + 1))
done
if [ -z "$pid" ]; then
    echo "ERROR: no process of $package was started" >&2
    exit 3
fi
echo "$pid" > app_pid.txt

logcat -v threadtime --pid="$pid" -T "$since" -m 1 \
    -e 'Inference timings in us|Benchmarking failed|Failed to |Could not ' > /dev/null &
waiting=$!
while [ -d "/proc/$pid" ] && [ -d "/proc/$waiting" ]; do sleep 0.5; done
kill "$waiting" 2> /dev/null
wait "$waiting" 2> /dev/null
sleep 1
logcat -d -v threadtime --pid="$pid" -T "$since"
am force-stop "$package" >&2
exit 0
