"""An Ignition configuration: files, the account, and a unit that runs the script once.

References:
    coreos.github.io/ignition, Configuration Specification v3.3.0, which every Ignition since 2.14 reads
"""

from __future__ import annotations

import json
from urllib.parse import quote

from moor.first_boot.account import Account
from moor.first_boot.host_key import HostKey
from moor.first_boot.plan import FirstBootPlan
from moor.first_boot.script import PATH, packed, render_script

VERSION = "3.3.0"
UNIT = "moor-first-boot.service"
DONE = "/var/lib/moor/first-boot.done"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
# After the runtimes, since the script restarts them: a unit that they wait for would wait for itself.
UNIT_CONTENT = f"""\
[Unit]
Description=moor: what this machine needs at its first boot
ConditionPathExists=!{DONE}
Wants=network-online.target
After=network-online.target containerd.service crio.service docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {PATH}
ExecStart=/bin/touch {DONE}

[Install]
WantedBy=multi-user.target
"""


def render_ignition(plan: FirstBootPlan, account: Account, host_key: HostKey | None) -> str:
    """Return the configuration as JSON."""
    files = [_file(file.path, file.content, int(file.mode, 8)) for file in plan.files]
    if host_key:
        files += [
            _file(HOST_KEY, host_key.private.reveal(), 0o600),
            _file(f"{HOST_KEY}.pub", f"{host_key.public}\n", 0o644),
        ]
    if account.keys and account.name != "root":
        files.append(_file(f"/etc/sudoers.d/{account.file_name}", account.sudoers, 0o440))
    found: dict[str, object] = {"ignition": {"version": VERSION}}
    if account.keys:
        found["passwd"] = {"users": [{"name": account.name, "sshAuthorizedKeys": list(account.keys)}]}
    if plan.further:
        files.append(_script(render_script(plan.further)))
        found["systemd"] = {"units": [{"name": UNIT, "enabled": True, "contents": UNIT_CONTENT}]}
    if files:
        found["storage"] = {"files": files}
    return json.dumps(found, indent=2) + "\n"


def _file(path: str, content: str, mode: int) -> dict[str, object]:
    source = f"data:,{quote(content.encode('utf-8', 'surrogateescape'), safe=SAFE)}"
    return {"path": path, "mode": mode, "overwrite": True, "contents": {"source": source}}


def _script(content: str) -> dict[str, object]:
    contents = {"source": f"data:;base64,{packed(content)}", "compression": "gzip"}
    return {"path": PATH, "mode": 0o700, "overwrite": True, "contents": contents}


SAFE = "/:=+,;@!$*'()~-._"
