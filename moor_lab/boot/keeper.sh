# Keeps one host: boots it, and boots it again whenever it asks for a reboot, as a machine's firmware would.
# Reads   NAME DIRECTORY LAYERS CGROUP LINK MAC ADDRESSES GATEWAYS PROFILE from the environment.
# Runs    in the lab's network namespace, as long as the host is not powered off.
set -eu
echo 0 >"$CGROUP/keeper/cgroup.procs" # 0 is the writer itself
here=$(dirname "$0")

fresh_cgroup() {
    # what systemd made below it goes, and so do the controllers it turned on, which bar PID 1 from entering
    while [ -d "$CGROUP/host" ]; do
        find "$CGROUP/host" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.02
    done
    mkdir "$CGROUP/host"
}

while :; do
    fresh_cgroup
    status=0
    unshare --mount --propagation private --pid --uts --ipc --fork -- sh "$here/enter.sh" || status=$?
    ip link delete "$LINK" 2>/dev/null || :
    # reboot(2) of a pid namespace ends its PID 1 with SIGHUP, power-off with SIGINT
    [ "$status" -eq 129 ] || break
done
