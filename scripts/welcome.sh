#!/bin/sh
# Says what make demo is about to do, what of it is done already, and how long the rest takes.
set -eu
cd "$(dirname "$0")/.."

part() {
    printf '  %-26s %s\n' "$1" "$2" >&2
}

there() {
    [ -e "$1" ] && echo "there already" || echo "$2"
}

echo "moor: the demo has four parts, on this machine alone (times are those of two cores that do nothing else):" >&2
part "1 Debian packages" "those that are missing; seconds, or a minute or two"
made=.venv/demo
[ ! -e .venv/complete ] || made=.venv/complete
part "2 libraries in .venv" "$(there "$made" "$(grep -c '==' requirements-demo.txt) libraries, 60 MB; half a minute")"
part "3 images of Debian hosts" "$(there /var/cache/moor-lab/images "300 MB of packages; 3 to 6 minutes, once")"
fleet="12 steps; a minute and a half, and 20 seconds when the fleet is there already"
[ ! -e .moor/demo-seconds ] || fleet="8 steps and 20 seconds, if the fleet of an earlier demo is up still"
part "4 the fleet" "$fleet"
