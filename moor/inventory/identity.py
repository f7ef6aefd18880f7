"""The identity of a host (machine-id, kubelet's node name), by which it is matched to a node of the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nornir.core import Nornir
from nornir.core.task import Result, Task

from moor.engine.asking import Asking, Question, asks, refuse_failed_shell

SECTION = "node"  # of the settings: data.node.name
ASK_S = 30

# kubelet reports machine-id(5) as machineID; its node name is --hostname-override, else the host's name.
FRAGMENT = """\
echo "machine=$(cat /etc/machine-id 2>/dev/null)"
echo "name=$(uname -n)"
for p in /proc/[0-9]*; do
  case $(cat "$p/comm" 2>/dev/null) in
    kubelet|k3s*|rke2*|k0s*) tr '\\0' '\\n' <"$p/cmdline" 2>/dev/null |
      sed -n -e 's/^--hostname-override=/name=/p' -e 's/^--node-name=/name=/p' \\
        -e '/^--hostname-override$/{n;s/^/name=/p;}' -e '/^--node-name$/{n;s/^/name=/p;}' ;;
  esac
done
:"""


@dataclass(frozen=True)
class HostIdentity:
    """The facts that identify a host among nodes.

    Attributes:
        node: its node name from the inventory, which decides if it is set
        machine: its machine-id
        names: names that its kubelet may use for the node
    """

    node: str = ""
    machine: str = ""
    names: tuple[str, ...] = ()


def identity_of(answer: str, node: str = "") -> HostIdentity:
    """Parse the output of ``FRAGMENT``."""
    pairs = [line.partition("=") for line in answer.splitlines()]
    machine = next((value.strip() for key, _, value in pairs if key == "machine"), "")
    names = dict.fromkeys(value.strip().lower() for key, _, value in reversed(pairs) if key == "name" and value.strip())
    return HostIdentity(node, machine, tuple(names))


def node_name_in(data: Mapping[str, Any]) -> str:
    """Return a host's node name from its settings (``node.name``); empty if it is not set."""
    return str(getattr(data.get(SECTION), "name", "") or "")


@asks
def identify(task: Task) -> Asking[Result]:
    """Read the identity of a host; nothing is changed."""
    answer = yield Question(FRAGMENT, ASK_S)
    refuse_failed_shell(answer)
    return Result(host=task.host, result=identity_of(answer.stdout.decode("utf-8", "replace")))


def ask_identities(nr: Nornir, names: Iterable[str]) -> dict[str, HostIdentity]:
    """Read the identities of some hosts; those that cannot be reached are left out."""
    wanted = set(names)
    if not wanted:
        return {}
    some = nr.filter(filter_func=lambda host: host.name in wanted).with_processors([])
    found = some.run(task=identify, on_failed=True)
    nr.data.reset_failed_hosts()
    return {name: result[0].result for name, result in found.items() if not result.failed}
