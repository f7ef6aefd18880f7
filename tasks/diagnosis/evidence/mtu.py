"""The path MTU: whether packets as large as the node sends them arrive, or a router reports them as too large.

If neither happens, handshakes and large layers hang while everything small works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote

SIZES = (1500, 1492, 1450, 1400, 1350, 1300, 1280, 1000, 576)  # of packets to try, in bytes


def mtu_fragment(addresses: Sequence[str]) -> str:
    """Return the fragment that measures the path to the first address that has a route.

    It prints ``large=``: pass, told (a router reports the packet as too large, as it should) or stuck; or why the size
    is unknown: silent (no answer to any packet), limited (no size arrives, so size is not the cause), untold. Packets
    that must not be fragmented are sent by iputils' ping or busybox' traceroute; nearly every host has one of them.

    References:
        ping(8), -M do; RFC 1191, 3 and RFC 8201, 4
    """
    places = " ".join(map(quote, addresses))
    return f"""\
{_ASK}
for a in {places}; do
  d=$(ip route get "$a" 2>/dev/null | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n 1)
  m=$(cat "/sys/class/net/${{d:-.}}/mtu" 2>/dev/null) || continue
  r=$(ip route get "$a" 2>/dev/null | sed -n 's/.* mtu \\(lock \\)*\\([0-9]*\\).*/\\2/p' | head -n 1)
  [ -z "$r" ] || [ "$r" -ge "$m" ] || m=$r
  echo "towards=$a"; echo "device=$d"; echo "mtu=$m"
  case $a in *:*) h=48 ;; *) h=28 ;; esac
  [ "$d" != lo ] || {{ echo large=pass; break; }}
  by=ping; small=$(ask 100)
  if [ "$small" = untold ]; then by=traceroute; small=$(ask 100); fi
  case $small in pass|told) ;; lost) echo large=silent; break ;; *) echo large=untold; break ;; esac
  large=$(ask "$m"); [ "$large" != lost ] || large=$(ask "$m")
  [ "$large" = lost ] || {{ echo "large=$large"; break; }}
  for s in {" ".join(map(str, SIZES))}; do
    if [ "$s" -lt "$m" ]; then case $(ask "$s") in pass|told) echo "passes=$s"; large=stuck; break ;; esac; fi
  done
  # A host limits its answers (icmp(7), icmp_ratelimit): a packet lost to that limit is answered later.
  if [ "$large" = stuck ]; then sleep 2; x=$(ask "$m"); [ "$x" = lost ] || large=$x
  else large=limited; fi
  echo "large=$large"
  break
done"""


# Sends a packet of $1 bytes to $a. In busybox' traceroute, !F means that a router reports it as too large; any other
# answer of the registry's host means that it arrived.
_ASK = """\
ask() {
  if [ "$by" = ping ]; then
    x=$(ping -n -c 1 -W 1 -M do -s $(($1 - h)) "$a" 2>&1) && { echo pass; return; }
  else
    x=$(busybox traceroute -n -F -q 1 -w 1 -f 64 -m 64 "$a" "$1" 2>&1)
  fi
  case $x in
    *mtu=*|*'mtu = '*|*'too long'*|*'too big'*|*'Frag needed'*|*'!F'*) echo told ;;
    *"64  $a "*' ms'*) echo pass ;;
    *'loss'*|*'64  *'*) echo lost ;;
    *) echo untold ;;
  esac
}"""


def is_measured(fields: Mapping[str, str]) -> bool:
    """Return whether the path MTU could be measured."""
    return fields.get("large") in ("pass", "told", "stuck")
