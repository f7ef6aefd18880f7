"""The proxy in the files of programs that are no container runtimes: package managers, and logins' environment.

Each file is only touched on a host that has its program.

References:
    apt.conf(5), apt-transport-http(1); dnf.conf(5); libzypp, ProxyInfoSysconfig; curl(1), --config; pam_env(8)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from moor.errors import HostError
from moor.formats.marked_block import with_block, without_block
from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.resources.leftover import Leftover
from moor.secrets.secret import Secret
from moor.tasks.proxies.no_proxy import for_environment, for_suffixes, whole_names
from moor.tasks.proxies.settings import Proxy
from moor.tasks.proxy.secret_edit import SecretEdit

BLOCK = "proxy"
APT = "/etc/apt/apt.conf.d/95moor-proxy"
DNF, YUM = "/etc/dnf/dnf.conf", "/etc/yum.conf"
SYSCONFIG, CURLRC = "/etc/sysconfig/proxy", "/root/.curlrc"
ENVIRONMENT = "/etc/environment"
APT_MARK = "// Written by moor from data.proxy."
HAS_APT = "! command -v apt-get >/dev/null 2>&1 || echo there"
HAS_DNF = f"[ ! -f {DNF} ] || echo there"
HAS_YUM = f"[ ! -f {YUM} ] || [ -L {YUM} ] || echo there"  # it is a link to dnf's file where there is dnf
HAS_ZYPPER = "! command -v zypper >/dev/null 2>&1 || echo there"
EVERYWHERE = "echo there"


@dataclass(frozen=True)
class BlockFile:
    """A file of others in which moor's lines stand between two marks.

    Attributes:
        path: of the file
        has: sh that prints something on a host that has the file's program
        below: the line below which the block goes; empty for the file's end
        keys: of moor's lines; the same elsewhere in the section are somebody else's
    """

    path: str
    has: str
    below: str = ""
    keys: tuple[str, ...] = ()


BLOCK_FILES = (
    BlockFile(DNF, HAS_DNF, "[main]", ("proxy", "proxy_username", "proxy_password")),
    BlockFile(YUM, HAS_YUM, "[main]", ("proxy", "proxy_username", "proxy_password")),
    BlockFile(SYSCONFIG, HAS_ZYPPER),
    BlockFile(CURLRC, HAS_ZYPPER, keys=("proxy-user",)),
    BlockFile(ENVIRONMENT, EVERYWHERE),
)


def package_resources(proxy: Proxy, exclusions: Sequence[str]) -> Iterator[Resource]:
    """Yield the files by which apt, dnf, yum and zypper use the proxy; raise InputError for an unreadable login."""
    url, known = proxy.whole_url(), proxy.credentials()
    plain = url.reveal() if isinstance(url, Secret) else url
    kind = SecretEdit if known else Edit
    yield kind(APT, BLOCK, partial(_whole, text=apt_conf(plain, exclusions)), asks=HAS_APT)
    login = [f"proxy_username={known[0]}", f"proxy_password={known[1]}"] if known else []
    for file in BLOCK_FILES[:2]:
        yield kind(file.path, BLOCK, _lines_of(file, [f"proxy={proxy.address}", *login]), asks=file.has)
    yield Edit(SYSCONFIG, BLOCK, _lines_of(BLOCK_FILES[2], sysconfig(proxy.address, exclusions)), asks=HAS_ZYPPER)
    if known:
        user = ":".join(known).replace("\\", "\\\\").replace('"', '\\"')
        yield SecretEdit(CURLRC, BLOCK, _lines_of(BLOCK_FILES[3], [f'proxy-user = "{user}"']), asks=HAS_ZYPPER)


def environment_resource(proxy: Proxy, exclusions: Sequence[str]) -> Resource:
    """Return the edit of the environment of logins; every user reads it, so that it has no login in it."""
    around = for_environment(exclusions)
    pairs = {"http_proxy": proxy.address, "https_proxy": proxy.address, "no_proxy": around}
    lines = [f"{name}={value}" for key, value in pairs.items() for name in (key, key.upper())]
    return Edit(ENVIRONMENT, BLOCK, _lines_of(BLOCK_FILES[4], lines), asks=EVERYWHERE)


def program_leftovers(packages: bool, environment: bool) -> Iterator[Resource]:
    """Yield the absence of moor's lines in the files of package managers, and of logins."""
    if packages:
        yield Leftover(APT, APT_MARK)
    chosen = [*(BLOCK_FILES[:4] if packages else ()), *(BLOCK_FILES[4:] if environment else ())]
    for file in chosen:
        yield SecretEdit(file.path, BLOCK, lambda content, _: without_block(content, BLOCK), asks=file.has, mode="")


def apt_conf(url: str, exclusions: Sequence[str]) -> str:
    """Return apt's configuration; it knows no suffix and no network, so that it names hosts alone."""
    lines = [APT_MARK, *(f'Acquire::{scheme}::Proxy "{url}";' for scheme in ("http", "https"))]
    direct = [
        f'Acquire::{one}::Proxy::{name} "DIRECT";' for name in whole_names(exclusions) for one in ("http", "https")
    ]
    return "".join(f"{line}\n" for line in (*lines, *direct))


def sysconfig(url: str, exclusions: Sequence[str]) -> list[str]:
    """Return the lines of SUSE's /etc/sysconfig/proxy, which is read as sh."""
    around = for_suffixes(exclusions)
    return ['PROXY_ENABLED="yes"', f'HTTP_PROXY="{url}"', f'HTTPS_PROXY="{url}"', f'NO_PROXY="{around}"']


def _whole(content: str, facts: str, text: str) -> str:
    return text if facts else content


def _lines_of(file: BlockFile, lines: Sequence[str]) -> Callable[[str, str], str]:
    return partial(_edited, file=file, lines=tuple(lines))


def _edited(content: str, facts: str, file: BlockFile, lines: Sequence[str]) -> str:
    if not facts:
        return content
    refuse_others(content, file)
    return with_block(content, BLOCK, lines, file.below)


def refuse_others(content: str, file: BlockFile) -> None:
    """Raise HostError if somebody else set one of moor's keys in the same section of a file that allows it once."""
    section = ""
    for line in without_block(content, BLOCK).splitlines():
        text = line.strip()
        section = text if text.startswith("[") else section
        key = text.partition("=")[0].strip()
        if key in file.keys and section == file.below:
            raise HostError(
                f"{file.path}: {key} is set by somebody else; take the line out, or take packages out of "
                "data.proxy.programs"
            )
