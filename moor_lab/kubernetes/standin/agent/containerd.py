"""Functions that control this node's containerd with ctr."""

import json
import os
import re
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..objects import Object, dig

CTR = ("ctr", "--namespace", "k8s.io")
POD_LABEL = "io.kubernetes.pod.uid"
QUICK_S = 30.0
ANSWER_S = 5.0
SOCKET = Path("/run/containerd/containerd.sock")
SETTINGS = 4  # the type of that frame
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, SETTINGS, 0, 0, 0, 0, 0))
NON_ZERO = re.compile(r"exit with non-zero exit code (\d+)")


class RuntimeFailure(Exception):
    """An error of containerd, with its own message."""


@dataclass(frozen=True)
class Image:
    """An image on this node; ``size`` is the size of its compressed layers in bytes, ``id`` the CRI's name of it."""

    digest: str
    size: int
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    id: str = ""


@dataclass(frozen=True)
class Launch:
    """The parameters of a container; empty ``args`` mean the image's, ``mounts`` have ctr's format."""

    id: str
    image: str
    args: tuple[str, ...]
    env_file: Path
    log: Path
    mounts: tuple[str, ...] = ()
    cwd: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    privileged: bool = False
    read_only: bool = False
    confinement: tuple[str, ...] = ()


def ctr(*args: str, timeout_s: float = QUICK_S) -> str:
    """Return the output of ctr. Raises RuntimeFailure."""
    try:
        done = subprocess.run(
            [*CTR, *args], capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeFailure(f"ctr {args[0]} took longer than {timeout_s:.0f} s") from error
    if done.returncode:
        raise RuntimeFailure(done.stderr.strip().removeprefix("ctr: "))
    return done.stdout


def is_up(address: Path = SOCKET) -> bool:
    """Check whether containerd answers: a server of HTTP/2 greets with its settings (RFC 9113, 3.4).

    A program that asks more costs some 30 ms, and this is asked at every heartbeat.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_S)
            connection.connect(str(address))
            connection.sendall(GREETING)
            frame = connection.recv(9, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(frame) == 9 and frame[3] == SETTINGS


def version() -> str:
    """Return containerd's own version, as a node reports it."""
    words = subprocess.run(["containerd", "--version"], capture_output=True, text=True, check=True).stdout.split()
    return words[2].removeprefix("v").partition("~")[0]


def image(reference: str) -> Image | None:
    """Return the image of this name; None unless the node has it completely."""
    for line in ctr("images", "list", f"name=={reference}").splitlines()[1:]:
        words = line.split()
        if words[0] == reference:
            return _described(words[2])
    return None


def _described(digest: str) -> Image | None:
    """Return the image according to its manifest and configuration; None if a part is missing."""
    try:
        manifest = _content(digest)
        if "manifests" in manifest:
            manifest = _content(_of_this_machine(manifest["manifests"]))
        settings = _content(manifest["config"]["digest"]).get("config") or {}
    except (RuntimeFailure, KeyError, StopIteration):
        return None
    size = manifest["config"]["size"] + sum(layer["size"] for layer in manifest["layers"])
    entrypoint, command = (tuple(settings.get(key) or ()) for key in ("Entrypoint", "Cmd"))
    return Image(digest, size, entrypoint, command, str(settings.get("User") or ""), manifest["config"]["digest"])


def _content(digest: str) -> Object:
    document: Object = json.loads(ctr("content", "get", digest))
    return document


def _of_this_machine(manifests: list[Object]) -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    return str(next(one["digest"] for one in manifests if dig(one, "platform", "architecture") == machine))


def start(launch: Launch) -> int:
    """Create a container and start it; return its process. Raises RuntimeFailure."""
    options = ["--detach", "--net-host", "--cpu-shares", "0", "--env-file", str(launch.env_file)]
    options += ["--log-uri", f"file://{launch.log}"]
    options += [word for mount in launch.mounts for word in ("--mount", mount)]
    options += [word for key, value in launch.labels for word in ("--label", f"{key}={value}")]
    options += ["--cwd", launch.cwd] if launch.cwd else []
    options += ["--privileged"] if launch.privileged else []
    options += ["--read-only"] if launch.read_only else []
    options += launch.confinement
    try:
        ctr("run", *options, launch.image, launch.id, *launch.args, timeout_s=60)
    except RuntimeFailure:
        remove(launch.id)
        raise
    return process_of(launch.id) or 0


def tasks() -> dict[str, tuple[int, str]]:
    """Return PID and state of every task, by container."""
    rows = (line.split() for line in ctr("tasks", "list").splitlines()[1:])
    return {row[0]: (int(row[1]), row[2]) for row in rows if len(row) == 3}


def process_of(id: str) -> int | None:
    """Return the PID of a container's running process; None if it has ended."""
    pid, state = tasks().get(id, (0, "ABSENT"))
    return pid if state == "RUNNING" else None


def collect(id: str) -> int | None:
    """Delete a container's task and return its exit code; None if there is no task."""
    argv = [*CTR, "tasks", "delete", "--force", id]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=QUICK_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None
    return exit_code(done.stderr)


def exit_code(said: str) -> int | None:
    """Return the exit code of a deleted task; ctr logs it only if it is not 0."""
    if "not found" in said:
        return None
    found = NON_ZERO.search(said)
    return int(found[1]) if found else 0


def signal(id: str, name: str) -> None:
    """Send a signal to a container's process if it runs."""
    try:
        ctr("tasks", "kill", "--signal", name, id)
    except RuntimeFailure as error:
        if "not found" not in str(error) and "already finished" not in str(error):
            raise


def remove(id: str) -> None:
    """Remove a container and its task, in whatever state they are."""
    collect(id)
    subprocess.run(
        [*CTR, "containers", "delete", id], capture_output=True, timeout=QUICK_S, stdin=subprocess.DEVNULL, check=False
    )


def run_in(id: str, exec_id: str, argv: Sequence[str], timeout_s: float) -> str | None:
    """Run a program in a container; return None if it succeeds, else the error."""
    try:
        ctr("tasks", "exec", "--exec-id", exec_id, id, *argv, timeout_s=timeout_s)
    except RuntimeFailure as error:
        return str(error)
    return None


def containers_by_pod() -> dict[str, list[str]]:
    """Return the containers that this agent made, by the uid of their pod."""
    found: dict[str, list[str]] = {}
    for id in ctr("containers", "list", "--quiet").split():
        labels = json.loads(ctr("containers", "info", id)).get("Labels") or {}
        if POD_LABEL in labels:
            found.setdefault(labels[POD_LABEL], []).append(id)
    return found
