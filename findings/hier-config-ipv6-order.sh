#!/bin/sh
# hier-config 3.7.1: of IPv6 access lists of Cisco IOS it drops the sequence numbers, and with them the entries' order.
#
# The first entry that matches decides, so the order is what a list means. IOS prints each entry with its number; in
# lists of IPv4, and of either family on NX-OS, hier-config keeps these. Here two lists in opposite order have no
# difference, and an entry that belongs above a deny is added without a number, so that it comes below, in vain.
# Its rule drops them as the configuration is read; without the driver's post_load_callbacks the order is kept.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$folder" \
    hier-config==3.7.1

PYTHONPATH=$folder python3 - <<'PYTHON'
import sys
from importlib.metadata import version

from hier_config import Platform, WorkflowRemediation, get_hconfig, get_hconfig_driver

MEMBERS = "permit tcp 2001:db8:77::/48 any eq 443"
MORE = "permit tcp 2001:db8:78::/48 any eq 443"
OTHERS = "deny tcp any any eq 443"


def commands(platform, before, after, keep_numbers=False):
    driver = get_hconfig_driver(platform)
    if keep_numbers:
        driver.rules.post_load_callbacks.clear()
    word = "" if platform is Platform.CISCO_NXOS else "sequence "

    def read(entries):
        lines = (f" {word}{10 * number} {entry}\n" for number, entry in enumerate(entries, 1))
        return get_hconfig(driver, "ipv6 access-list EDGE\n" + "".join(lines))

    changes = WorkflowRemediation(read(before), read(after)).remediation_config
    return [child.cisco_style_text().strip() for child in changes.all_children_sorted()]


print("hier-config", version("hier-config"))
swapped = commands(Platform.CISCO_IOS, [MEMBERS, OTHERS], [OTHERS, MEMBERS])
print("IOS, two entries in the opposite order:", swapped or "no difference")
added = commands(Platform.CISCO_IOS, [MEMBERS, OTHERS], [MEMBERS, MORE, OTHERS])
print("IOS, an entry added above the last one:", added)
nxos = commands(Platform.CISCO_NXOS, [MEMBERS, OTHERS], [OTHERS, MEMBERS])
print("NX-OS, two entries in the opposite order:", nxos)
kept = commands(Platform.CISCO_IOS, [MEMBERS, OTHERS], [OTHERS, MEMBERS], keep_numbers=True)
print("IOS without the callbacks, the same:", kept)
as_recorded = swapped == [] and added == ["ipv6 access-list EDGE", MORE] and f"10 {OTHERS}" in nxos and len(kept) == 5
sys.exit(0 if as_recorded else "behaviour changed: the order of an IPv6 list of IOS is kept now?")
PYTHON
