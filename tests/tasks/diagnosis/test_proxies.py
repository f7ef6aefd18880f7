"""NO_PROXY means to containerd and Docker what it means to Go, and every shell finds what they were started with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.proxies.running import (
    READ_DOCKER_PROXY,
    READ_ENVIRONMENT,
    is_bypassed,
    judge_proxy,
    parse_key_values,
    read_containerd_proxy,
    remedy,
)
from tests.harness.shells import SHELLS, sh, text

NAME = "registry.moor.test"
LABELS = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True), min_size=2, max_size=5).map(".".join)
WORDS = st.lists(
    st.sampled_from([NAME, ".moor.test", "10.0.0.0/8", "::1", "*", "a.b:1", "", " "]) | st.text(max_size=9)
)
by_shell = pytest.mark.parametrize("shell", SHELLS)


# Source: golang.org/x/net/http/httpproxy, Config.NoProxy, and its matchers.
@pytest.mark.parametrize(
    ("no_proxy", "out"),
    [
        ("registry.moor.test", True), ("moor.test", True), (".moor.test", True), ("*.moor.test", True), ("*", True),
        ("Registry.MOOR.test", True), (" a.test , registry.moor.test ", True), ("registry.moor.test:8443", True),
        (".test:8443", True), ("10.77.0.0/16,registry.moor.test", True),
        ("", False), (",", False), ("10.77.0.0/16", False), ("10.77.0.11", False), ("fd6d::/16", False),
        ("fd6d::11", False), ("[fd6d::11]:8443", False), ("10.77.0.11:8443", False), ("0.0.0.0/0,::/0", False),
        (".registry.moor.test", False), ("*.registry.moor.test", False), ("registry.moor.test:443", False),
        ("stry.moor.test", False), ("registry", False), ("registry.moor.test.", False), ("*moor.test", False),
        ("registry.moor.test;a.test", False), (":8443", False), ("https://registry.moor.test", False),
    ],
)  # fmt: skip
def test_no_proxy_is_read_as_go_reads_it(no_proxy: str, out: bool) -> None:
    assert is_bypassed(NAME, 8443, no_proxy) is out


@given(LABELS, st.lists(LABELS, max_size=3))
def test_a_no_proxy_name_covers_its_subdomains_and_with_a_leading_dot_only_those(name: str, others: list[str]) -> None:
    above = name.partition(".")[2]
    assert is_bypassed(name, 443, ",".join([*others, name]))
    assert is_bypassed(name, 443, ",".join([above, *others]))
    assert is_bypassed(name, 443, f".{above}")
    assert not is_bypassed(name, 443, f".{name}")
    assert not is_bypassed(name, 443, f"x{name}")


@given(st.ip_addresses(), st.integers(0, 32))
def test_an_address_or_network_in_no_proxy_never_covers_a_name(address: object, bits: int) -> None:
    assert not is_bypassed(NAME, 443, f"{address},{address}/{bits},[{address}]:443")


@given(WORDS)
def test_the_suggested_no_proxy_excludes_the_registry(words: list[str]) -> None:
    before = ",".join(words)
    output = f"proxy=set\nno_proxy={' '.join(before.split())}\n"
    told = judge_proxy(output, NAME, 443, "containerd")
    assert bool(told) is not is_bypassed(NAME, 443, parse_key_values(output)["no_proxy"])
    if told:
        whole = told.rpartition("NO_PROXY=")[2].partition('"; then:')[0]
        assert is_bypassed(NAME, 443, whole)


def test_without_a_proxy_no_proxy_does_not_matter() -> None:
    assert judge_proxy("", NAME, 443, "containerd") == ""
    assert judge_proxy("no_proxy=a.test\n", NAME, 443, "containerd") == ""


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("", 'write /etc/systemd/system/u.service.d/no-proxy.conf: [Service], and below it Environment="NO_PROXY=a,'),
        ("proxy_file=/etc/default/u\n", f"in /etc/default/u write NO_PROXY=a,{NAME}, for each that is there; then: "),
        ("proxy_file=/etc/docker/daemon.json\n", 'in /etc/docker/daemon.json, below "proxies", write "no-proxy": '),
    ],
)  # fmt: skip
def test_the_file_that_sets_the_proxy_is_named(place: str, told: str) -> None:
    seen = parse_key_values(f"proxy=set\nno_proxy=a\n{place}")
    assert remedy(seen, NAME, "u").startswith(told)
    assert remedy(seen, NAME, "u").endswith("; then: systemctl daemon-reload; systemctl restart u")


def test_a_long_no_proxy_is_not_quoted_in_part() -> None:
    told = judge_proxy(f"proxy=set\nno_proxy={','.join(['host.example.net'] * 99)}\n", NAME, 443, "containerd")
    assert f'NO_PROXY=(what it says now),{NAME}"' in told
    assert len(told) < 700


@pytest.fixture
def started(request: pytest.FixtureRequest) -> Iterator[int]:
    """Yield the id of a process that was started with an environment."""
    process = subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"], **request.param})
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@by_shell
@pytest.mark.parametrize(
    ("started", "found"),
    [
        ({}, {}),
        ({"HTTP_PROXY": "http://p:3128", "ALL_PROXY": "http://p:3128", "NO_PROXY": "a.test"}, {}),  # not of https
        ({"https_proxy": "http://me:Passw0rd@p:3128"}, {"proxy": "set", "url": "http://p:3128", "no_proxy": ""}),
        ({"HTTPS_PROXY": "me:Passw0rd@p", "no_proxy": "a.test", "NO_PROXY": "b.test"},
         {"proxy": "set", "url": "p", "no_proxy": "b.test"}),
        ({"HTTPS_PROXY": "http://me:Passw0rd/@x@p", "no_proxy": "a.test", "NO_PROXY": ""},
         {"proxy": "set", "url": "http://p", "no_proxy": "a.test"}),
    ],
    indirect=["started"],
)  # fmt: skip
def test_the_proxy_of_a_running_process_is_read_as_go_reads_it(shell: str, started: int, found: dict[str, str]) -> None:
    done = sh(shell, f"{READ_ENVIRONMENT}\nmoor_environment {started} moor-no-such-unit")
    assert (done.returncode, parse_key_values(text(done.stdout))) == (0, found)
    assert b"Passw0rd" not in done.stdout


@by_shell
def test_the_environment_file_of_the_unit_that_sets_the_proxy_is_named(shell: str, tmp_path: Path) -> None:
    files = {"none": "HTTPS_PROXY=http://p\n", "one": "CONTAINERD_NO_PROXY=a.test\n"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    says = "".join(f"{tmp_path}/{name} (ignore_errors=yes)\\n" for name in [*files, "missing"])
    fake = f"systemctl() {{ printf '{says}'; }}\ntr() {{ echo HTTPS_PROXY=http://p; }}"
    done = sh(shell, f"{READ_ENVIRONMENT}\n{fake}\nmoor_environment $$ k3s")
    assert text(done.stdout) == f"proxy=set\nurl=http://p\nno_proxy=\nproxy_file={tmp_path}/one\n"


@by_shell
@pytest.mark.parametrize(
    "fragment", [READ_DOCKER_PROXY, read_containerd_proxy("containerd"), read_containerd_proxy("k3s-agent", "k3s")]
)
def test_a_host_without_containerd_and_docker_reports_no_proxy(shell: str, fragment: str) -> None:
    done = sh(shell, f"(\nPATH=/nowhere\n{fragment}\n)")
    assert (done.returncode, done.stdout) == (0, b"")
