"""The faults that the fleet is put through, each on a host of its own, with what has to come of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moor_lab import faults
from moor_lab.machine import run

if TYPE_CHECKING:
    from tests.faults.conftest import Berth

CONFIG = "file:/etc/berth/app.conf"
SHARED = "edit:/etc/berth/shared.conf#berth"
Inflict = Callable[["Berth", str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """A fault on ``host``.

    Attributes:
        said: what the one error has to say: resource, cause, remedy; without any the host ends in the right state
        connect_s: the bound of the host's connection
    """

    host: str
    inflict: Inflict
    said: tuple[str, ...] = ()
    connect_s: float = 10
    systemd: bool = False


def sh(before: str, after: str = ":") -> Inflict:
    """Yield a fault that a script makes, and another heals."""

    @contextmanager
    def inflicted(berth: Berth, name: str) -> Iterator[None]:
        berth.sh(name, before)
        try:
            yield
        finally:
            berth.sh(name, after)

    return inflicted


def of_the_lab(fault: Callable[..., AbstractContextManager[None]], *more: str) -> Inflict:
    return lambda berth, name: fault(berth.lab, name, *more)


CUT = """\
p=$$; while [ "$p" -gt 1 ]; do
  case $(cat /proc/$p/comm) in sshd*) kill -9 "$p" ;; esac
  p=$(cut -d' ' -f4 /proc/$p/stat)
done; sleep 1"""


@contextmanager
def cut(berth: Berth, name: str) -> Iterator[None]:
    """Break the connection in the middle of a script."""
    berth.hook(name, CUT)
    yield


@contextmanager
def another_key(berth: Berth, name: str) -> Iterator[None]:
    """Have the site know another key of the host."""
    kept = berth.known_hosts.read_text()
    keys = {line.split()[0].split(",")[0]: line.split()[2] for line in kept.splitlines()}
    berth.known_hosts.write_text(kept.replace(keys[name], keys["well"]))
    try:
        yield
    finally:
        berth.known_hosts.write_text(kept)


def full(path: str, before: str = ":") -> Inflict:
    """Yield a fault that leaves no space below ``path``, after a script."""

    @contextmanager
    def inflicted(berth: Berth, name: str) -> Iterator[None]:
        berth.sh(name, f"mkdir -p {path}; {before}")
        with faults.full_disk(berth.lab, name, path):
            yield

    return inflicted


def noisy(places: str, loud: str = ":") -> Inflict:
    """Yield a fault that puts ``NOISE`` into ``places``."""

    @contextmanager
    def inflicted(berth: Berth, name: str) -> Iterator[None]:
        berth.lab.exec(name, ["sh", "-c", f"tee {places} >/dev/null; {loud}"], stdin=NOISE * 100)
        yield

    return inflicted


@contextmanager
def immutable(berth: Berth, name: str) -> Iterator[None]:
    """Make a file immutable, by this machine's chattr, since the host has none."""
    berth.sh(name, MINE)
    path = f"/proc/{berth.lab.machine(name).leader()}/root/etc/berth/app.conf"
    run("chattr", "+i", path)
    try:
        yield
    finally:
        run("chattr", "-i", path)


@contextmanager
def csh(berth: Berth, name: str) -> Iterator[None]:
    """Make the user's login shell this machine's csh, with a profile that prints."""
    libraries = Path("/usr/lib/x86_64-linux-gnu")
    for path in (Path("/usr/bin/csh").resolve(), libraries / "libbsd.so.0", libraries / "libmd.so.0"):
        content = base64.encodebytes(path.read_bytes()).decode()
        berth.lab.exec(name, ["sh", "-c", f"base64 -d >{path}; chmod 755 {path}"], stdin=content)
    berth.sh(name, "echo 'echo hello from csh' >~ops/.cshrc; usermod -s /usr/bin/bsd-csh ops")
    yield
    berth.sh(name, "usermod -s /bin/bash ops")


GERMAN = "LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 LC_NUMERIC=de_DE.UTF-8 LANGUAGE=de"
NOISE = "echo 'WARNING: \\033[31m authorized use only $(reboot) `id` moor-'; echo 'and again' >&2\n"
BANNER = "echo 'Banner /etc/issue.loud' >/etc/ssh/sshd_config.d/banner.conf; kill -HUP 1; sleep 0.5"
MINE = "mkdir -p /etc/berth && echo mine >/etc/berth/app.conf"
LATIN = r"""
mkdir /etc/berth; cd /etc/berth
printf 'sm\370rrebr\370d\n' | tee app.conf shared.conf >"$(printf 'caf\351.conf')"
"""
AHEAD = """\
printf '#!/bin/sh\\nexec /usr/bin/date -d "5 days" "$@"\\n' >/usr/local/sbin/date; chmod 755 /usr/local/sbin/date"""
FAULTS = (
    Fault("cut", cut, (CONFIG, "it is unknown whether it was done", "connection lost", "run again")),
    Fault("stopped", of_the_lab(faults.stopped_sshd), ("connection refused; is sshd running there",), systemd=True),
    Fault("frozen", of_the_lab(faults.hang), ("does not speak SSH in time", "is it sshd"), connect_s=4),
    Fault("gone", of_the_lab(faults.partition), ("timed out; is the host up",), connect_s=3),
    Fault("full", full("/etc/berth"), (CONFIG, "no space is left below /etc/berth; make room")),
    Fault(
        "unkept",
        full("/var/lib/moor", "mkdir -p /etc/berth && head -c 200000 /dev/urandom >/etc/berth/app.conf"),
        (CONFIG, "cannot keep the former content", "no space is left below /var/lib/moor/runs/"),
    ),
    Fault(
        "readonly",
        sh("mount --bind /etc /etc; mount -o remount,bind,ro /etc", "umount /etc"),
        (CONFIG, "its file system is read-only; mount it writable"),
    ),
    Fault(
        "asking",
        sh("echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops", "echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops"),
        ("sudo wants a password; give secret in connection_options.shell.extras, or allow NOPASSWD",),
    ),
    Fault(
        "refused",
        sh(
            "gpasswd -d ops sudo; echo 'ops ALL=(ALL) NOPASSWD: /usr/bin/id' >/etc/sudoers.d/ops",
            "gpasswd -a ops sudo; echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops",
        ),
        ("sudo",),
    ),
    Fault("otherkey", another_key, ("the host key CHANGED", "if the host was installed anew, drop the old key")),
    Fault("banner", noisy("/etc/issue.loud /etc/motd", BANNER)),
    Fault("profile", noisy("~ops/.bashrc ~ops/.profile ~ops/.bash_profile")),
    Fault("bash", sh("ln -sf bash /bin/sh", "ln -sf dash /bin/sh")),
    Fault("busybox", sh("ln -sf busybox /bin/sh", "ln -sf dash /bin/sh")),
    Fault("odd", sh(LATIN)),
    Fault(
        "large",
        sh("mkdir /etc/berth; cd /etc/berth; head -c 50000000 /dev/zero | tr '\\0' x | tee app.conf >shared.conf"),
        (SHARED, "50000000 bytes, more than a file to edit; see what filled it, or move it"),
    ),
    Fault("directory", sh("mkdir -p /etc/berth/app.conf/below"), (CONFIG, "a directory is in its place; move it away")),
    Fault(
        "immutable",
        immutable,
        (CONFIG, "it is immutable: see lsattr /etc/berth/app.conf, then chattr -i /etc/berth/app.conf"),
    ),
    Fault(
        "mounted",
        sh(f"{MINE} && mount --bind /etc/berth/app.conf /etc/berth/app.conf", "umount /etc/berth/app.conf"),
        (CONFIG, "something is mounted on it: umount /etc/berth/app.conf"),
    ),
    Fault(
        "clock",
        sh(AHEAD, "rm /usr/local/sbin/date"),
        ("requirement:clock", "ahead of the controller's", "have an NTP service set both"),
    ),
    Fault("noexec", sh("mount -o remount,noexec /tmp", "mount -o remount,exec /tmp")),
    Fault("german", sh(f"echo '{GERMAN}' | tr ' ' '\\n' >/etc/environment; echo 'export {GERMAN}' >~ops/.bashrc")),
    Fault("csh", csh),
)
