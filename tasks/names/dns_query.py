"""Shell functions that query DNS on a host, past its /etc/hosts; they change nothing."""

from __future__ import annotations

from shlex import quote

ASK_S = 4

# systemd-resolved answers from /etc/hosts too, so its upstream servers are queried instead.
STUB, BEHIND_STUB = "127.0.0.53", "/run/systemd/resolve/resolv.conf"

# Prints the addresses that DNS has for the name $1, each once. An optional second word is the text of a resolv.conf
# that replaces the host's, in a mount namespace that lasts for the query.
DNS_SAYS = f"""\
moor_dns() {{
  r=${{2:-}}
  [ -n "$r" ] || ! grep -qs '^nameserver {STUB}' /etc/resolv.conf || r=$(cat {BEHIND_STUB} 2>/dev/null)
  if [ -z "$r" ]; then timeout {ASK_S} getent -s dns ahosts "$1"
  else
    unshare -m sh -c 'mount -t tmpfs moor /tmp && printf "%s\\n" "$2" > /tmp/r &&
      mount --bind /tmp/r /etc/resolv.conf && exec timeout {ASK_S} getent -s dns ahosts "$1"' sh "$1" "$r"
  fi 2>/dev/null | cut -d' ' -f1 | sort -u | tr '\\n' ' '
}}"""


def resolver(*servers: str) -> str:
    """Return the text of a resolv.conf with ``servers``, quoted for sh."""
    return quote("\n".join([*(f"nameserver {server}" for server in servers), "options timeout:1 attempts:1"]))
