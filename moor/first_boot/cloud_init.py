"""cloud-init's user-data: files, the account, the host key, and the script that does the rest.

References:
    cloud-init's module reference: write_files, users, ssh, runcmd; Merging user data sections: merge_how
"""

from __future__ import annotations

from collections.abc import Sequence

from moor.first_boot.account import Account
from moor.first_boot.host_key import HostKey
from moor.first_boot.plan import FirstBootPlan
from moor.first_boot.script import PATH, packed, render_script
from moor.first_boot.yaml_document import dump_yaml

LARGEST_USER_DATA = 16384  # bytes that every cloud takes; EC2 takes no more
# Another part of the same user-data may have users and commands of its own: both are kept.
MERGE = [
    {"name": "list", "settings": ["append"]},
    {"name": "dict", "settings": ["no_replace", "recurse_list"]},
]


def render_cloud_init(plan: FirstBootPlan, account: Account, host_key: HostKey | None, head: str) -> str:
    """Return user-data; ``head`` is lines of comment."""
    found: dict[str, object] = {"merge_how": MERGE}
    if users := _users(account):
        found["users"] = users
    if host_key:
        found["ssh_deletekeys"] = True
        found["ssh_keys"] = {"ed25519_private": host_key.private.reveal(), "ed25519_public": f"{host_key.public}\n"}
    files = [
        {"path": file.path, "permissions": file.mode, "owner": "root:root", "content": file.content}
        for file in plan.files
    ]
    if plan.further:
        content = packed(render_script(plan.further))
        packing = {"encoding": "gz+b64", "content": content}
        files.append({"path": PATH, "permissions": "0700", "owner": "root:root", **packing})
        found["runcmd"] = [["sh", PATH]]
    if files:
        found["write_files"] = files
    return f"#cloud-config\n{head}{dump_yaml(found)}"


def _users(account: Account) -> Sequence[object]:
    if not account.keys:
        return []
    user: dict[str, object] = {"name": account.name, "ssh_authorized_keys": list(account.keys)}
    if account.name != "root":
        user |= {"shell": "/bin/sh", "lock_passwd": True, "sudo": "ALL=(ALL) NOPASSWD:ALL"}
    return ["default", user]
