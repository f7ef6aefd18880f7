"""The files by which runtimes find a cache: what is written, what stays, what is refused."""

from __future__ import annotations

import base64
import json
import os
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.engine.probing import ProbeRound
from moor.engine.shell_functions import FUNCTIONS
from moor.errors import HostError
from moor.formats.yaml_text import parse_yaml
from moor.resources.base import Resource, State
from moor.resources.edit import Edit
from moor.resources.file import File
from moor.script_result import ScriptResult
from moor.tasks.containerd.config import PLUGIN
from moor.tasks.diagnosis.evidence.sandbox import READ_SANDBOX, split_registry
from moor.tasks.mirrors import podman, rancher
from moor.tasks.mirrors.docker import edit_daemon_json
from moor.tasks.mirrors.hosts_toml import CacheHost, edit_hosts_toml, leads_to_cache, render_hosts_toml
from moor.tasks.mirrors.leftovers import UnlistedMirrors
from moor.tasks.mirrors.old_config import edit_old_config
from moor.tasks.mirrors.quiet_edit import QuietEdit
from moor.tasks.podman.configure import MIRRORS_DROP_IN
from tests.harness.shells import SHELLS, sh

URL, CA = "https://registry.moor.test/v2/docker.io", "/etc/containerd/certs.d/registry.moor.test/ca.crt"
HUB = CacheHost("docker.io", URL, ca=CA)
QUAY = CacheHost("quay.io", "https://registry.moor.test/v2/quay.io", ca=CA)
FALLING_BACK = replace(HUB, server="https://registry-1.docker.io")
OTHERS = 'server = "https://docker.io"\n[host."https://me:pw@mirror.corp.test"]\n'


def test_containerd_asks_the_cache_and_nobody_else_unless_that_is_wanted() -> None:
    tree = tomllib.loads(render_hosts_toml(HUB))
    asked = {"capabilities": ["pull", "resolve"], "override_path": True, "ca": CA}
    assert tree == {"server": URL, **asked, "host": {URL: asked}}
    assert tomllib.loads(render_hosts_toml(FALLING_BACK)) == {
        "server": "https://registry-1.docker.io",
        "host": {URL: asked},
    }
    trusted = tomllib.loads(render_hosts_toml(replace(HUB, ca="")))
    assert "ca" not in {**trusted, **trusted["host"][URL]}


def test_a_hosts_toml_of_somebody_else_stays_unless_it_is_to_be_replaced() -> None:
    ours = edit_hosts_toml("", "", HUB, "/x/hosts.toml")
    assert edit_hosts_toml(ours, "", HUB, "/x/hosts.toml") == ours
    assert edit_hosts_toml(ours, "", FALLING_BACK, "/x/hosts.toml") == render_hosts_toml(FALLING_BACK)
    with pytest.raises(HostError) as caught:
        edit_hosts_toml(OTHERS, "", HUB, "/x/hosts.toml")
    assert "/x/hosts.toml: somebody else says where images of docker.io come from (mirror.corp.test" in str(
        caught.value
    )
    assert "pw" not in str(caught.value)
    assert edit_hosts_toml(OTHERS, "", replace(HUB, replace=True), "/x/hosts.toml") == ours


OLD = f'version = 2\n[plugins."{PLUGIN[2]}".registry.configs."registry.moor.test".tls]\n  ca_file = "{CA}"\n'


def test_a_containerd_without_directories_has_the_mirror_in_its_own_file_and_always_falls_back() -> None:
    def edit(content: str, cache: CacheHost, version: str = "containerd github.com/x 1.4.13~ds1") -> str:
        return edit_old_config(content, version, [cache], "/c.toml")

    once = edit(OLD, FALLING_BACK)
    assert once.startswith(OLD)
    registry = tomllib.loads(once)["plugins"][PLUGIN[2]]["registry"]
    assert registry["mirrors"] == {"docker.io": {"endpoint": [URL]}}
    assert edit(once, FALLING_BACK) == once
    with pytest.raises(HostError, match=r"upgrade containerd, or write data.mirrors.docker.io.fallback: true"):
        edit(OLD, HUB)
    theirs = f'{OLD}[plugins."{PLUGIN[2]}".registry.mirrors."docker.io"]\n  endpoint = ["https://near.corp.test"]\n'
    with pytest.raises(HostError, match=r"/c.toml: somebody else says .*near.corp.test"):
        edit(theirs, FALLING_BACK)
    assert edit(theirs, HUB, "containerd github.com/x v1.6.20") == theirs


YAML = """\
# ours since 2024
configs:
  "registry.moor.test": {tls: {ca_file: /ca.crt}} # near
"""


def test_registries_yaml_gets_the_mirror_behind_v2_and_every_other_byte_stays() -> None:
    once = rancher.edit_mirrors(YAML, "", [HUB, QUAY], "/r.yaml")
    assert once.startswith(YAML)
    assert parse_yaml(once)["mirrors"] == {"docker.io": {"endpoint": [URL]}, "quay.io": {"endpoint": [QUAY.url]}}
    assert rancher.edit_mirrors(once, "", [HUB, QUAY], "/r.yaml") == once


@pytest.mark.parametrize(
    ("content", "caches", "words"),
    [
        ("mirrors: {docker.io: {endpoint: ['https://me:pw@near.corp.test']}}", [HUB], "come from (near.corp.test)"),
        ("mirrors: {docker.io: {}}", [HUB], "an entry without an endpoint"),
        (
            "mirrors: {gcr.io: {endpoint: ['https://near.corp.test']}}",
            [HUB],
            "leave out the fallback of every mirror or",
        ),
        ("", [HUB, replace(QUAY, server="https://quay.io")], "write data.mirrors.docker.io.fallback: true"),
        ("mirrors: 3", [HUB], "mirrors is not keys and values"),
        ("mirrors: [", [HUB], "mend it, or move it away"),
    ],
)
def test_entries_of_others_in_registries_yaml_are_never_overruled(
    content: str, caches: list[CacheHost], words: str
) -> None:
    with pytest.raises(HostError) as caught:
        rancher.edit_mirrors(content, "", caches, "/r.yaml")
    assert words in str(caught.value)
    assert "/r.yaml" in str(caught.value)
    assert "pw" not in str(caught.value)


@given(
    st.dictionaries(st.text("abc.", min_size=1), st.dictionaries(st.text("abc", min_size=1), st.integers()), max_size=4)
)
def test_other_keys_of_registries_yaml_stay(others: dict[str, dict[str, int]]) -> None:
    once = rancher.edit_mirrors(json.dumps({"configs": others}), "", [FALLING_BACK], "/r.yaml")
    assert parse_yaml(once) == {"configs": others, "mirrors": {"docker.io": {"endpoint": [URL]}}}
    assert rancher.edit_mirrors(once, "", [FALLING_BACK], "/r.yaml") == once


# As k3s 1.32 makes it of registries.yaml, without and with a fallback.
MADE = f"""\
# File generated by k3s. DO NOT EDIT.


[host]
[host."{URL}"]
  capabilities = ["pull", "resolve"]
  override_path = true
  ca = ["{CA}"]
"""


def test_what_k3s_made_itself_stays_and_what_it_has_not_made_yet_is_written_as_it_would() -> None:
    def edit(content: str, cache: CacheHost = HUB) -> str:
        return rancher.edit_made(content, "", cache=cache, path="/made/hosts.toml", runtime="k3s")

    assert edit(MADE) == MADE
    falling_back = MADE.replace("\n\n[host]", '\nserver = "https://registry-1.docker.io/v2"\n[host]')
    assert edit(falling_back, FALLING_BACK) == falling_back
    written = edit("")
    assert written.splitlines()[0] == MADE.splitlines()[0]  # by which k3s knows what to remove
    assert leads_to_cache(written, HUB)
    for wrong in (falling_back, MADE.replace(CA, "/other"), MADE.replace("override_path = true", "skip_verify = true")):
        assert edit(wrong) == written
    with pytest.raises(HostError, match=r"/made/hosts.toml: somebody else says"):
        edit(OTHERS)


def test_a_start_of_k3s_leaves_the_fallback_out_only_where_nobody_wants_one() -> None:
    setting = "/etc/rancher/k3s/config.yaml.d/90-moor-mirrors.yaml"

    def files(*caches: CacheHost) -> list[str]:
        return [one.path for one in rancher.resources("k3s", caches) if isinstance(one, Edit | File)]

    certs = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d"
    assert files(HUB) == ["/etc/rancher/k3s/registries.yaml", f"{certs}/docker.io/hosts.toml", setting]
    assert setting not in files(FALLING_BACK)
    assert f"{certs}/r.corp.test_5000_/hosts.toml" in files(replace(HUB, name="r.corp.test:5000"))


def test_podman_and_crio_look_in_the_cache_alone_or_there_first() -> None:
    entries = tomllib.loads(podman.render_mirrors_conf("", "", [HUB, replace(QUAY, server="https://quay.io")]))[
        "registry"
    ]
    assert entries == [
        {"prefix": "docker.io", "location": "registry.moor.test/docker.io", "insecure": False},
        {
            "prefix": "quay.io",
            "location": "quay.io",
            "mirror": [{"location": "registry.moor.test/quay.io", "insecure": False}],
        },
    ]
    assert podman.render_mirrors_conf("", "", []) == ""


def registries(files: dict[str, str]) -> str:
    return "".join(f"file={base64.b64encode(text.encode()).decode()} {path}\n" for path, text in files.items())


def test_an_entry_of_somebody_else_for_a_mirrored_registry_is_named() -> None:
    entry = '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "near.corp.test/hub"\n'
    early, late = "/etc/containers/registries.conf", "/etc/containers/registries.conf.d/99-z.conf"
    ours = podman.render_mirrors_conf("", "", [HUB])
    assert podman.judge_others(registries({early: "", MIRRORS_DROP_IN: ours}), [HUB]) == ""
    said = podman.judge_others(registries({early: entry}), [HUB])
    assert said.startswith(f"{early}: somebody else says where images of docker.io come from (near.corp.test/hub, ")
    forced = replace(HUB, replace=True)
    assert podman.judge_others(registries({early: entry}), [forced]) == ""
    assert late in podman.judge_others(registries({late: entry}), [forced])  # it would still count
    longer = '[[registry]]\nprefix = "docker.io/library"\nlocation = "near.corp.test/library"\n'
    assert podman.judge_others(registries({late: longer}), [HUB]) == ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, ["https://hub.corp.test"]),
        ({"registry-mirrors": ["https://hub.corp.test/"]}, ["https://hub.corp.test/"]),
        ({"registry-mirrors": ["https://near.test"], "x": 1}, ["https://hub.corp.test", "https://near.test"]),
    ],
)
def test_docker_asks_the_front_first_and_other_mirrors_stay(before: dict[str, Any], after: list[str]) -> None:
    once = edit_daemon_json(json.dumps(before), "", "https://hub.corp.test")
    assert json.loads(once) == {**before, "registry-mirrors": after}
    assert edit_daemon_json(once, "", "https://hub.corp.test") == once


def read(shell: str, resource: Any) -> State | None:
    reading = ProbeRound([resource])
    done = sh(shell, reading.script)
    return reading.states(ScriptResult(done.stdout, done.stderr, done.returncode))[resource.id]


def mended(shell: str, resource: Any, folder: Path) -> str:
    """Mend a resource, and return what a plan would then say of it."""
    done = sh(shell, f"moor_runs={folder}/runs moor_run=run-1\n{FUNCTIONS}\n{resource.mend(read(shell, resource))}")
    assert done.returncode == 0, done.stderr
    return difference(resource, read(shell, resource))


def difference(resource: Resource, actual: State | None) -> str:
    wanted = resource.desired(actual) or {}
    return ", ".join(key for key, value in wanted.items() if (actual or {}).get(key) != value)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_quiet_edit_keeps_the_files_time_only_where_the_change_counts_already(shell: str, tmp_path: Path) -> None:
    file = tmp_path / "registries.yaml"
    for quiet, kept in (("true", True), ("false", False)):
        file.write_text("a: 1\n")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        assert mended(shell, QuietEdit(str(file), "test", lambda _, __: "a: 2\n", quiet=quiet), tmp_path) == ""
        assert file.read_text() == "a: 2\n"
        assert (file.stat().st_mtime == 1_700_000_000) == kept


@pytest.mark.parametrize("shell", SHELLS)
def test_a_mirror_that_is_no_longer_listed_goes_and_those_of_others_stay(shell: str, tmp_path: Path) -> None:
    for name, text in (("docker.io", render_hosts_toml(HUB)), ("quay.io", render_hosts_toml(QUAY)), ("gcr.io", OTHERS)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "hosts.toml").write_text(text)
    gone = UnlistedMirrors(str(tmp_path), ("docker.io",))
    assert read(shell, gone) == {"no longer listed": "quay.io"}
    assert mended(shell, gone, tmp_path) == ""
    assert sorted(path.parent.name for path in tmp_path.glob("*/hosts.toml")) == ["docker.io", "gcr.io"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "line", ['    sandbox_image = "registry.k8s.io/pause:3.8"', "        sandbox = 'registry.k8s.io/pause:3.8'"]
)
def test_the_sandboxs_image_is_read_in_every_version_of_the_file(shell: str, line: str) -> None:
    dump = f"containerd() {{ cat <<'END'\n  sandbox_mode = \"podsandbox\"\n{line}\nEND\n}}\n"
    assert sh(shell, f"{dump}{READ_SANDBOX}").stdout.decode().strip() == "registry.k8s.io/pause:3.8"


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("pause:3", ("docker.io", "library/pause:3")),
        ("rancher/mirrored-pause:3.6", ("docker.io", "rancher/mirrored-pause:3.6")),
        ("registry.k8s.io/pause:3.8", ("registry.k8s.io", "pause:3.8")),
        ("localhost:5000/pause:3", ("localhost:5000", "pause:3")),
    ],
)
def test_an_image_without_a_registry_is_docker_hubs(reference: str, parts: tuple[str, str]) -> None:
    assert split_registry(reference) == parts
