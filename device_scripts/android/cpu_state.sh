# shellcheck shell=sh
# What the kernel says about the CPUs at this moment; other scripts source this file.
#
#   cpu_state NAME
#
# prints, each on a line, what can be read (what cannot is left out):
#   state NAME
#   uptime SECONDS                                                  /proc/uptime
#   stat cpu USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL ...     /proc/stat, in 1/100 s
#   core N cur=KHZ min=KHZ max=KHZ hardware=KHZ governor=NAME       cpufreq of that core; min and
#                                                                   max are the limits in force
#   spent N KHZ=TICKS KHZ=TICKS ...                                 cpufreq's time_in_state, 1/100 s
#   end NAME
#
# Only builtins of the shell: it takes a few milliseconds and starts no process. EDGEBENCH_SYS and
# EDGEBENCH_PROC stand in for /sys and /proc in tests.

one_line() {
    value=
    { read -r value < "$1"; } 2> /dev/null
}

frequencies_of_core() {
    freq=$sys/devices/system/cpu/cpu$1/cpufreq
    [ -d "$freq" ] || return 0
    line="core $1"
    one_line "$freq/scaling_cur_freq"; line="$line cur=$value"
    one_line "$freq/scaling_min_freq"; line="$line min=$value"
    one_line "$freq/scaling_max_freq"; line="$line max=$value"
    one_line "$freq/cpuinfo_max_freq"; line="$line hardware=$value"
    one_line "$freq/scaling_governor"; line="$line governor=$value"
    echo "$line"
    line=
    # The redirection fails where the file is missing or forbidden, and the loop is not entered.
    { while read -r khz ticks; do line="$line $khz=$ticks"; done < "$freq/stats/time_in_state"; } 2> /dev/null
    [ -z "$line" ] || echo "spent $1$line"
}

cpu_state() {
    sys=${EDGEBENCH_SYS:-/sys}
    proc=${EDGEBENCH_PROC:-/proc}
    echo "state $1"
    one_line "$proc/uptime"
    [ -z "$value" ] || echo "uptime ${value%% *}"
    one_line "$proc/stat"
    [ -z "$value" ] || echo "stat $value"
    for core in "$sys"/devices/system/cpu/cpu[0-9]*; do
        frequencies_of_core "${core##*/cpu}"
    done
    echo "end $1"
}
