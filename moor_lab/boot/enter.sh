# Is PID 1 of the new host: enters the host's cgroup, so that the namespaces made next have it as their root.
set -eu
echo 0 >"$CGROUP/host/cgroup.procs"
exec 9</proc/self/ns/net # the lab's network namespace: init.sh hangs the host's link into it
exec unshare --cgroup --net -- sh "$(dirname "$0")/init.sh"
