#!/bin/sh
# The demo: a bare fleet becomes one whose workload runs from its own private registry; then one node is broken, found
# with its cause, mended, and proved again. Each step says how long it takes, from what it took the last time.
set -eu
cd "$(dirname "$0")/.."

site=.moor
times=$site/demo-seconds
page=$PWD/report.html
mkdir -p -m 700 "$site"
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
trap 'echo "moor: the demo was interrupted; make demo goes on with the lab as it is, moor lab down ends it" >&2; exit 130' INT TERM

# How long each step takes, on two cores that do nothing else, if the lab was bare before; $times has this machine's own.
usual="boot 1
plan 3
apply 45
replan 3
verify 6
workload 1
break 1
drift 4
diagnose 4
mend 2
verify2 6
page 1"
again="boot plan break drift diagnose mend verify2 page" # the steps of a fleet that an earlier demo has made
every=$(echo "$usual" | cut -d' ' -f1 | tr '\n' ' ')
steps=$every
[ ! -e "$times" ] || [ ! -e /var/lib/moor-lab/hosts ] || steps=$again # the plan tells whether that is right

seconds_of() {
    { grep "^$1 " "$times" 2>/dev/null || echo "$usual" | grep "^$1 "; } | head -n 1 | cut -d' ' -f2
}

# The seconds that this step and those after it take.
seconds_left() {
    sum=0 begun=
    for one in $steps; do
        [ "$one" != "$1" ] || begun=1
        [ -z "$begun" ] || sum=$((sum + $(seconds_of "$one")))
    done
    echo "$sum"
}

# step NAME TITLE COMMAND: announces a step; the command is shown as one types it.
step() {
    name=$1 title=$2
    number=$(echo "$steps" | tr ' ' '\n' | grep -n -x "$name" | cut -d: -f1)
    all=$(echo "$steps" | wc -w)
    printf '\n== %s of %s, about %s s left: %s\n' "$number" "$all" "$(seconds_left "$name")" "$title" >&2
    [ -z "$3" ] || printf '$ %s\n' "$3" >&2
    began=$(date +%s)
}

# passed RESULT: keeps what the step came to, for the table at the end.
passed() {
    spent=$(($(date +%s) - began))
    { grep -v "^$name " "$times" 2>/dev/null || :; echo "$name $spent"; } >"$results/times"
    cp "$results/times" "$times"
    printf '  %-44s %-26s %4s s\n' "$title" "$1" "$spent" >>"$results/table"
}

# expect CODE COMMAND...: runs a command that must end with this exit code; its answer is kept.
expect() {
    wanted=$1
    shift
    code=0
    "$@" >"$results/answer" || code=$?
    [ "$code" -eq "$wanted" ] && return
    cat "$results/answer"
    echo "moor: the demo stops here: '$*' ended with exit code $code, and $wanted was expected" >&2
    exit 1
}

moor() {
    .venv/bin/moor "$@"
}

# The changes and the counts of the last answer, without the diffs.
without_diffs() {
    grep -v '^      ' "$results/answer" || :
}

answer() {
    cat "$results/answer"
}

# The counts in the last line of the last answer, such as "61 changes on 6 hosts".
counts() {
    tail -n 1 "$results/answer" | sed 's/^[a-z]*: //; s/;.*//; s/, 0 failed, 0 skipped//'
}

proofs() {
    printf '%s proofs hold, %s do not' "$(grep -ow ok "$results/answer" | wc -l)" "$(grep -ow FAULT "$results/answer" | wc -l)"
}

step boot "Seven Debian hosts boot on this machine" "moor lab up"
expect 0 moor lab up
answer
passed "they answer by SSH"

step plan "What is missing on them? (writes nothing)" "moor plan"
code=0
moor plan >"$results/answer" || code=$?
case $code in
2)
    steps=$every
    without_diffs
    echo "  (moor plan shows the difference below each line; it is left out here)" >&2
    ;;
0)
    steps=$again
    answer
    echo "The fleet is as it should be: an earlier demo has made it so, and its steps are left out." >&2
    ;;
*) expect 0 sh -c "cat '$results/answer' >&2; exit $code" ;;
esac
passed "$(counts)"

if [ "$code" -eq 2 ]; then
    step apply "Make it: CA, names, Harbor, images, workload" "moor apply --yes"
    expect 0 moor apply --yes
    tail -n 1 "$results/answer"
    passed "$(counts)"

    step replan "Is anything left?" "moor plan"
    expect 0 moor plan
    answer
    passed "$(counts)"

    step verify "Every node proves that it can pull" "moor verify"
    expect 0 moor verify
    answer
    passed "$(proofs)"

    step workload "The workload answers, node to node" "moor lab shell node2 busybox wget -qO- http://node1:8000/sqrt/2"
    expect 0 moor lab shell node2 busybox wget -qO- http://node1:8000/sqrt/2
    answer
    passed "sqrt(2) = $(sed 's/.*sqrt": //; s/}.*//' "$results/answer" | cut -c1-12)"
fi

edit="s/^[0-9.]* registry.moor.test/10.77.0.99 registry.moor.test/"
step break "Somebody edits /etc/hosts on node2" "moor lab shell node2 sudo sed -i '$edit' /etc/hosts"
expect 0 moor lab shell node2 "sudo sed -i '$edit' /etc/hosts"
passed "nobody notices yet"

step drift "What was changed without a plan?" "moor drift"
expect 2 moor drift
answer
passed "$(counts)"

step diagnose "Why can node2 not pull?" "moor diagnose --limit node2"
expect 2 moor diagnose --limit node2
answer
passed "one cause, one remedy"

step mend "The remedy" "moor apply names --limit node2 --yes"
expect 0 moor apply names --limit node2 --yes
tail -n 1 "$results/answer"
passed "$(counts)"

step verify2 "Every node proves it again" "moor verify"
expect 0 moor verify
answer
passed "$(proofs)"

step page "The same as a page for a browser" "moor report --out report.html"
expect 0 moor report --out "$page"
[ -z "${SUDO_UID-}" ] || chown "$SUDO_UID" "$page" # whose browser is to open it
passed "report.html"

cat >&2 <<END

What happened:

$(printf '  %-44s %-26s %6s\n' "step" "what came of it" "took")
$(cat "$results/table")

Open file://$page in a browser, or let moor serve it: .venv/bin/moor serve
(http://127.0.0.1:8080/; from another machine through ssh -L 8080:127.0.0.1:8080 $(uname -n)).

In this lab Harbor's core and Kubernetes are stand-ins, and say so wherever you meet them. The hosts, their containerd,
Docker, TLS and the registry itself are real. Three things to try:

  1. Break it yourself, and let moor find out:
       .venv/bin/moor lab shell node1 sudo systemctl stop containerd
       .venv/bin/moor drift; .venv/bin/moor apply
  2. Take a directory away, and look at what moor would do about it:
       .venv/bin/moor lab shell node3 sudo rm -r /etc/containerd/certs.d
       .venv/bin/moor plan --limit node3
  3. Begin with your own fleet, in a directory of its own:
       mkdir -p ~/fleet && cd ~/fleet && $PWD/.venv/bin/moor init

moor lab down ends the lab; make clean leaves nothing at all.
END
