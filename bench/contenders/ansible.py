"""Ansible: eight tasks in check mode, or one raw task, over persistent connections with pipelining."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench import checks
from bench.contenders.contender import OWN, Contender, release
from bench.contenders.moor import write
from bench.contenders.ssh import FACTS, options, wanted
from bench.measure import Command, Run
from moor.errors import MoorError

RECAP = re.compile(r"^(\S+) +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)
OWNED = {"owner": "root", "group": "root", "mode": checks.MODE}
NOW = {"check_mode": False, "changed_when": False, "register": "said"}  # reads only, so a check may run it


@dataclass(frozen=True)
class Ansible(Contender):
    """ansible-playbook --check with a task for each check."""

    @property
    def name(self) -> str:
        return "ansible, 8 tasks"

    @property
    def version(self) -> str:
        return f"ansible-core {release('ansible-core')}"

    def prepare(self, hosts: Sequence[str]) -> None:
        for path, content in checks.FILES.items():
            (self.place / path.rpartition("/")[2]).write_text(content)
        lines = [f"{host} ansible_host={self.address(host)} ansible_port={self.reach.port}" for host in hosts]
        (self.place / f"hosts-{len(hosts)}").write_text("\n".join([*lines, ""]))
        write(self.place / "play.yml", [{"hosts": "all", "become": True, "gather_facts": False, "tasks": self.tasks()}])
        arguments = " ".join(options(self.reach))
        (self.place / "ansible.cfg").write_text(
            "[defaults]\n"
            f"forks = {self.at_once}\nremote_user = ops\nhome = {self.place}/home\nnocows = True\n"
            "interpreter_python = /usr/bin/python3\ndisplay_ok_hosts = False\n"
            "[ssh_connection]\n"
            f"pipelining = True\ncontrol_path_dir = {self.place}/masters\n"
            f"ssh_args = {arguments} -o ControlMaster=auto -o ControlPersist=60s\n"
        )

    def tasks(self) -> list[dict[str, Any]]:
        """Return one task per check, with the module that is meant for it."""
        nft, df = "nft list ruleset", f"df --output=avail -k {checks.ROOM}"
        return [
            *({"ansible.builtin.copy": {"src": p.rpartition("/")[2], "dest": p, **OWNED}} for p in checks.FILES),
            {"ansible.builtin.lineinfile": {"path": "/etc/hosts", "line": checks.HOSTS_LINE}},
            {"ansible.builtin.sysvinit": {"name": checks.SERVICE, "state": "started"}},
            {"ansible.builtin.command": nft, **NOW, "failed_when": f"said.stdout.split() != {checks.RULESET.split()}"},
            {"ansible.builtin.command": df, **NOW, "failed_when": f"said.stdout_lines[-1] | int < {checks.ROOM_KB}"},
        ]

    def command(self, hosts: Sequence[str]) -> Command:
        argv = (str(OWN / "ansible-playbook"), "--check", f"--inventory=hosts-{len(hosts)}", "play.yml")
        return Command(argv, self.place)

    def drifted(self, run: Run, hosts: Sequence[str]) -> set[str]:
        recap = RECAP.findall(run.stdout)
        if not recap:
            raise MoorError(f"ansible gave no recap: {(run.stdout + run.stderr).strip()[-500:]}")
        count = len(self.tasks())
        right = {name for name, ok, *wrong in recap if int(ok) == count and not any(map(int, wrong))}
        return set(hosts) - right


@dataclass(frozen=True)
class AnsibleRaw(Ansible):
    """ansible-playbook with one raw task that runs the script of raw ssh."""

    @property
    def name(self) -> str:
        return "ansible, 1 raw task"

    def tasks(self) -> list[dict[str, Any]]:
        script = {"ansible.builtin.raw": FACTS.replace("{{", "{ {")}
        return [{**script, **NOW, "failed_when": f"said.stdout.split() != {wanted().split()}"}]
