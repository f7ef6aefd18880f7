"""The eight checks as operations of pyinfra, or as facts if no operation checks without a change."""

import json
from pathlib import Path

from pyinfra import config, host  # type: ignore[import-not-found]
from pyinfra.facts.server import Command  # type: ignore[import-not-found]
from pyinfra.operations import files, server, sysvinit  # type: ignore[import-not-found]

config.SUDO = True
CHECKS = json.loads(Path("checks.json").read_text())

for path in CHECKS["files"]:
    files.put(src=path.rpartition("/")[2], dest=path, user="root", group="root", mode="644")
files.line(path="/etc/hosts", line=CHECKS["hosts_line"])
sysvinit.service(service=CHECKS["service"], running=True)
if host.get_fact(Command, "nft list ruleset", _sudo=True).split() != CHECKS["ruleset"].split():
    server.shell(commands="echo load the rules")
if int(host.get_fact(Command, f"df --output=avail -k {CHECKS['room']} | tail -n 1")) < CHECKS["room_kb"]:
    server.shell(commands="echo make room")
