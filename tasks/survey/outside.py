"""sh that reads what a host uses outside of itself: its proxies, its time servers, its static routes.

A proxy's login stays on the host: whether there is one is all that is printed. The functions ``moor_file``,
``moor_fact`` and ``moor_environment`` are there already.
"""

from __future__ import annotations

from moor.tasks.proxies.running import READ_DOCKER_PROXY
from moor.tasks.proxies.runtimes import LIST_PROXY_FILES
from moor.tasks.proxy.programs import DNF, ENVIRONMENT, SYSCONFIG, YUM
from moor.tasks.routes.keepers import DROP_IN, DROP_INS
from moor.tasks.routes.seen import FILES, FOREIGN
from moor.tasks.time.chrony_conf import PATHS

MOST_ROUTES = 200

# What is left of an address without its login is printed only if it is one: a login may be anywhere in another text.
ADDRESS = r"([A-Za-z0-9+.-]+://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?/*"

# A line is proxied=PROGRAM|UNIT|FILE|login, if it has one|URL|NO_PROXY; without a URL, the program goes without.
READ_PROXIES = f"""\
{LIST_PROXY_FILES}
moor_proxied() {{ # PROGRAM UNIT FILE URL NO_PROXY
  case $4 in *@*) set -- "$1" "$2" "$3" "$4" "$5" login ;; esac
  printf 'proxied=%s|%s|%s|%s|%s|%s\\n' "$1" "$2" "$3" "$6" "$(moor_address "$4")" \\
    "$(printf '%s\\n' "$5" | sed 's#.*@##')"
}}
moor_address() {{ # URL
  set -- "$(printf '%s\\n' "${{1#login@}}" | sed 's#^\\([A-Za-z0-9]*://\\)*.*@#\\1#; s#[[:space:]]*$##')"
  [ -z "$1" ] || printf '%s\\n' "$1" | grep -xE '{ADDRESS}' || echo '?'
}}
moor_has_login() {{ # PID; prints what has moor_proxied see a login
  ! tr '\\0' '\\n' < "/proc/$1/environ" 2>/dev/null | grep -qiE '^https_proxy=.*@' || printf %s login@
}}
for u in containerd crio k3s k3s-agent rke2-server rke2-agent; do
  systemctl is-active --quiet "$u" 2>/dev/null || continue
  case $u in
    k3s*|rke2*)
      pid=
      for d in /proc/[0-9]*; do
        read -r c < "$d/comm" && [ "$c" = containerd ] || continue
        ! tr '\\0' ' ' < "$d/cmdline" | grep -q "/rancher/" || pid=${{d#/proc/}}
      done 2>/dev/null ;;
    *) pid=$(systemctl show -p MainPID --value "$u" 2>/dev/null) ;;
  esac
  e=$(moor_environment "${{pid:-0}}" "$u" 2>/dev/null)
  x=$(printf '%s\\n' "$e" | sed -n 's/^url=//p'); w=$(printf '%s\\n' "$e" | sed -n 's/^no_proxy=//p')
  [ -z "$e" ] || moor_fact proxy "$u $w"
  moor_proxied runtimes "$u" "$(moor_others "$u" "" | sed -n 's/^other=//p' | head -n 1)" \\
    "${{x:+$(moor_has_login "$pid")$x}}" "$w"
done
if systemctl is-active --quiet docker 2>/dev/null; then
  e=$( {READ_DOCKER_PROXY} )
  pid=$(systemctl show -p MainPID --value docker 2>/dev/null)
  x=$(printf '%s\\n' "$e" | sed -n 's/^url=//p' | head -n 1)
  w=$(printf '%s\\n' "$e" | sed -n 's/^no_proxy=//p' | head -n 1)
  y=; ! grep -qs '"https-proxy" *: *"[^"]*@' /etc/docker/daemon.json || y=login@
  case $e in *proxy=set*) moor_fact proxy "docker $w" ;; *) x= ;; esac
  moor_proxied runtimes docker "$(moor_others docker "" | sed -n 's/^other=//p' | head -n 1)" \\
    "${{x:+$y$(moor_has_login "${{pid:-0}}")$x}}" "$w"
  moor_file /etc/systemd/system/docker.service.d/moor-proxy.conf
fi
if command -v apt-config >/dev/null 2>&1; then
  x=$(apt-config dump 2>/dev/null | sed -n 's/^Acquire::https*::Proxy "\\(.*\\)";$/\\1/p' |
    grep -vixE 'direct|false' | tail -n 1)
  moor_proxied packages apt "$(grep -lsiE '^[^/#]*proxy' /etc/apt/apt.conf /etc/apt/apt.conf.d/* | head -n 1)" "$x" ""
fi
for f in {DNF} {YUM}; do
  [ -f "$f" ] && [ ! -L "$f" ] || continue
  x=$(sed -n 's/^proxy *= *\\(..*\\)/\\1/p' "$f" | tail -n 1)
  case $x in _none_) x= ;; ?*) ! grep -q '^proxy_username *=' "$f" || x=login@$x ;; esac
  moor_proxied packages dnf "$f" "$x" ""
done
if [ -f {SYSCONFIG} ] && command -v zypper >/dev/null 2>&1; then
  x=; ! grep -q '^PROXY_ENABLED="*yes' {SYSCONFIG} ||
    x=$(sed -n 's/^HTTPS_PROXY="*\\([^"]*\\).*/\\1/p' {SYSCONFIG} | tail -n 1)
  [ -z "$x" ] || ! grep -qs '^proxy-user' /root/.curlrc || x=login@$x
  moor_proxied packages zypper {SYSCONFIG} "$x" ""
fi
e=$(sed 's/^[[:space:]]*//; s/[[:space:]]#.*//; s/^export //' {ENVIRONMENT} 2>/dev/null | tr -d "\\"'")
x=$(printf '%s\\n' "$e" | sed -n 's/^[Hh][Tt][Tt][Pp][Ss]_[Pp][Rr][Oo][Xx][Yy]=//p' | tail -n 1)
w=$(printf '%s\\n' "$e" | sed -n 's/^[Nn][Oo]_[Pp][Rr][Oo][Xx][Yy]=//p' | tail -n 1)
moor_proxied environment logins {ENVIRONMENT} "$x" "$w\""""

READ_TIME = f"""\
for f in /proc/[0-9]*/comm; do read -r w < "$f" && echo "$w"; done 2>/dev/null | sort -u | while read -r w; do
  case $w in chronyd|systemd-timesyn) moor_fact timekeeper "$w" ;; esac
done
! command -v chronyd >/dev/null 2>&1 || moor_fact program chronyd
for f in {" ".join(PATHS)} /etc/chrony/conf.d/*.conf /etc/chrony/sources.d/*.sources /etc/chrony.d/*.conf \\
  /etc/systemd/timesyncd.conf /etc/systemd/timesyncd.conf.d/*.conf; do
  moor_file "$f"
done"""

# Those that somebody wrote: no default route, none of DHCP, of routers' announcements or of a routing program. Each
# with the file that sets it, as far as there is one.
READ_ROUTES = f"""\
for f in {" ".join(FILES)} {DROP_INS}/*.network.d/{DROP_IN}; do moor_file "$f"; done
for w in -4 -6; do
  ip -o "$w" route show table main 2>/dev/null
done | grep ' via ' | grep -vE '^default|/0 | proto (kernel|dhcp|ra|bird|zebra|bgp|ospf|isis|rip|[0-9]+)' |
  head -n {MOST_ROUTES} | while read -r to word hop dev name rest; do
  [ "$word $dev" = "via dev" ] || continue
  moor_fact route "$to|$hop|$name|$(grep -lsFw -e "$to" {FOREIGN} | head -n 1)"
done"""

READ_OUTSIDE = f"{READ_PROXIES}\n{READ_TIME}\n{READ_ROUTES}"
