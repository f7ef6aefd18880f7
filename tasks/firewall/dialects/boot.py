"""The systemd unit that loads moor's rules at boot, for dialects without a service of their own."""

from __future__ import annotations

from dataclasses import dataclass

from moor.resources.base import literal

# These flush all rules when they start, restart or reload; moor's unit then loads moor's rules again.
FLUSHERS = "nftables.service netfilter-persistent.service iptables.service ip6tables.service"


@dataclass(frozen=True)
class Loader:
    """A systemd unit that loads the rules of one dialect with ``command``."""

    dialect: str
    command: str

    @property
    def name(self) -> str:
        return f"moor-{self.dialect}.service"

    @property
    def path(self) -> str:
        return f"/etc/systemd/system/{self.name}"

    @property
    def text(self) -> str:
        """Return the content of the unit file."""
        start = f"/bin/sh -c '{self.command}'"
        return f"""\
[Unit]
Description=Who may reach this host's ports, as moor's inventory says
DefaultDependencies=no
After=local-fs.target {FLUSHERS}
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target
PartOf={FLUSHERS}
ReloadPropagatedFrom={FLUSHERS}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={start}
ExecReload={start}

[Install]
WantedBy=multi-user.target {FLUSHERS}
"""

    @property
    def probe(self) -> str:
        """Return sh that prints whether the unit is enabled, and the unit file."""
        return f"systemctl is-enabled {self.name} 2>/dev/null | grep -x enabled; cat {self.path} 2>/dev/null"

    def keep(self) -> str:
        """Return sh that makes the host load the rules at every boot; it fails on a host without systemd."""
        return f"""\
[ -d /run/systemd/system ] || moor_fail 'the host has no systemd, so that nothing would load the rules after a reboot'
{literal(self.text)} > {self.path}.new && mv -f {self.path}.new {self.path} || exit 1
systemctl daemon-reload && systemctl -q enable {self.name} && systemctl restart {self.name} || exit 1"""

    def remove(self) -> str:
        """Return sh that removes the unit."""
        return f"""\
systemctl -q disable {self.name} 2>/dev/null; rm -f {self.path}
[ ! -d /run/systemd/system ] || systemctl daemon-reload"""
