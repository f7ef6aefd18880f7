"""Files on hosts that log in as a former robot: those of Docker, podman, kubelet, k3s, RKE2 and containerd."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.errors import ErrorKind
from moor.resources.base import Required, Resource, State
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.robot_rotation.rotated import RotatedRobot, replaced

NONE = "(none)"
PLACES = (
    "/root/.docker/config.json",
    "/home/*/.docker/config.json",
    "/root/.dockercfg",
    "/run/containers/*/auth.json",
    "/run/user/*/containers/auth.json",
    "/root/.config/containers/auth.json",
    "/home/*/.config/containers/auth.json",
    "/etc/containers/auth.json",
    "/var/lib/kubelet/config.json",
    "/var/lib/kubelet/.dockercfg",
    "/etc/crio/*.json",
    "/etc/rancher/k3s/registries.yaml",
    "/etc/rancher/rke2/registries.yaml",
    "/etc/containerd/config.toml",
    "/etc/containerd/certs.d/*/hosts.toml",
)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclass(frozen=True)
class NoFormerLogin(Required):
    """No file on the host that logs in as a former robot, which is about to be revoked.

    Attributes:
        user: the former robot's name as it logs in
        present: the name of the robot in its place
        password: the file on the controller that has the present one's password
    """

    user: str
    present: str
    password: str
    host_port: str

    error_kind = ErrorKind.UNMET

    @property
    def id(self) -> str:
        return f"former-login:{self.user}"

    def desired(self, actual: State | None) -> State:
        return {"files": NONE}

    def probe(self) -> str:
        return search_fragment(self.user, PLACES)

    def actual(self, output: str) -> State:
        return {"files": ", ".join(output.split("\n")[:-1] if output.endswith("\n") else output.split("\n")) or NONE}

    def remedy(self, actual: State | None) -> str:
        return (
            f"{(actual or {}).get('files')}: logs in to {self.host_port} as {self.user}, which a rotation is about to "
            f"revoke; write the login of {self.present} there, whose password is in {self.password} on the controller "
            "(docker or podman login --password-stdin), or take the login out"
        )


def search_fragment(user: str, places: Sequence[str]) -> str:
    """Return sh that prints the files that log in as a user.

    Args:
        places: paths with the shell's patterns
    """
    words = f"-e {quote(plain_pattern(user))} -e {quote(base64_pattern(user))}"
    found = f'grep -qE {words} "$f" 2>/dev/null'
    return f"""for f in {" ".join(places)}; do [ ! -f "$f" ] || ! {found} || printf '%s\\n' "$f"; done"""


def plain_pattern(user: str) -> str:
    """Return the extended regular expression for a user's name in a text, not for a longer name that begins with it."""
    escaped = "".join(letter if letter.isalnum() else f"[{letter}]" for letter in user)
    return f"(^|[^A-Za-z0-9._+$-]){escaped}([^A-Za-z0-9._+-]|$)"


def base64_pattern(user: str) -> str:
    """Return the extended regular expression for base64 of USER:PASSWORD, whatever the password is."""
    known = f"{user}:".encode()
    whole, rest = known[: len(known) // 3 * 3], known[len(known) // 3 * 3 :]
    bits = "".join(f"{byte:08b}" for byte in rest)
    tail = [_letters(bits[at : at + 6]) for at in range(0, len(bits), 6)]
    return "(^|[^A-Za-z0-9+/])" + re.sub(r"([+])", r"[\1]", base64.b64encode(whole).decode()) + "".join(tail)


def _letters(bits: str) -> str:
    """Return the class of base64's letters whose six bits begin with these."""
    return f"[{''.join(LETTERS[at] for at in range(64) if f'{at:06b}'.startswith(bits))}]"


def desired(host: Host) -> Sequence[Resource]:
    """Return the requirement for each robot whose former login is valid still."""
    return [_requirement(host, robot) for robot in replaced(host)]


def _requirement(host: Host, robot: RotatedRobot) -> NoFormerLogin:
    account = robot.account
    password = str(account.secret.path.relative_to(account.state.parent))
    port = settings_of(host, Registry).host_port
    return NoFormerLogin(account.generations.former_user, account.present, password, port)


def find_former_logins(task: Task) -> Result:
    """Find files on the host that log in as a robot that is about to be revoked; nothing is changed."""
    return converge(task, desired)
