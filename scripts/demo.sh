#!/bin/sh
# The demo: a bare fleet becomes one whose workload runs from its own private registry, step by step.
set -eu
cd "$(dirname "$0")/.."

step() {
    printf '\n== %s\n$ %s\n' "$1" "$2" >&2
}

# Runs a command that must end with the exit code given first.
expect() {
    wanted=$1
    shift
    code=0
    "$@" || code=$?
    [ "$code" -eq "$wanted" ] && return
    echo "moor: the demo stops here: '$*' ended with exit code $code, and $wanted was expected" >&2
    exit 1
}

moor() {
    .venv/bin/moor "$@"
}

step "Boot a fleet of real Debian hosts in namespaces of this machine" "moor lab up"
expect 0 moor lab up

code=0
step "What would change on it? (writes nothing; exit code 2 says: there are changes)" "moor plan"
moor plan || code=$?
case $code in
2) ;;
0) echo "The fleet is as it should be already: an earlier demo has made it so." >&2 ;;
*) expect 2 sh -c "exit $code" ;;
esac

step "Change it: CA and certificate, names, trust, containerd, Docker, Harbor, image, workload" "moor apply --yes"
expect 0 moor apply --yes

step "What is left to change?" "moor plan"
expect 0 moor plan

step "Prove it from every node" "moor verify"
expect 0 moor verify

step "Ask the workload itself, on a node, from another one" "moor lab shell node2 busybox wget -qO- http://node1:8000/sqrt/2"
expect 0 moor lab shell node2 busybox wget -qO- http://node1:8000/sqrt/2

step "Has anything changed without a plan? (what a schedule asks every hour)" "moor drift"
expect 0 moor drift

step "The same as one page for a browser" "moor report"
expect 0 moor report

cat >&2 <<'END'

Done. Harbor's core and Kubernetes are stand-ins in this lab, and say so wherever you meet them; the hosts, their
containerd, Docker, TLS and the registry itself are real. What to look at next:

    .venv/bin/moor lab shell node1                  log in to a node (then: ls /etc/containerd/certs.d)
    .venv/bin/moor lab shell node1 sudo rm -r /etc/containerd/certs.d
    .venv/bin/moor drift                            what has changed by that, and since when; moor apply mends it
    .venv/bin/moor history                          what happened so far
    less docs/architecture.md                       how it works: the way of one fact through the code
    .venv/bin/moor lab down                         end the lab; make clean leaves nothing at all
END
