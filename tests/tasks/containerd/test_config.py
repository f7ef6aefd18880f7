"""The edit of config.toml for every release of containerd: old tables are mended or refused, the rest stays."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from moor.errors import HostError
from moor.tasks.containerd.config import PLUGIN, RegistryLookup, edit_config
from moor.tasks.containerd.configure import in_effect_check
from moor.tasks.containerd.settings import CONFIG, ContainerdSettings
from moor.tasks.facts import Registry
from moor.templates import render
from tests.harness.shells import SHELLS, sh

CERTS = "/etc/containerd/certs.d"
DEBIAN = "containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3"
DOCKER = "containerd containerd.io 1.7.27 05044ec0a9a75232cad458027ca83437aae3f4da"
NEW = "containerd github.com/containerd/containerd/v2 v2.2.1 dea7da592f5d1d2b7755e3a161be07f43fad8f75"
WANTED = RegistryLookup(Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11"}), CERTS)
OLD = "containerd github.com/containerd/containerd 1.4.13~ds1 1.4.13~ds1-1~deb11u4"
LTS = "containerd github.com/containerd/containerd/v2 v2.3.4 5fc7b0ed7ca2adbe20e3bd4b3f3d1c0ab4e3e1c4"
TABLE = "plugins.'io.containerd.grpc.v1.cri'.registry"


def tree_of(content: str, told: str = DEBIAN, wanted: RegistryLookup = WANTED) -> dict[str, Any]:
    once = edit_config(content, told, wanted)
    assert edit_config(once, told, wanted) == once
    return tomllib.loads(once)


def registry_of(content: str, told: str = DEBIAN, version: int = 2) -> dict[str, Any]:
    found: dict[str, Any] = tree_of(content, told)["plugins"][PLUGIN[version]]["registry"]
    return found


def v2(registry: str) -> str:
    return f"version = 2\n[{TABLE}]\n{registry}"


@pytest.mark.parametrize(
    ("told", "content", "version", "table"),
    [
        (DEBIAN, "", 2, 2),
        (DOCKER, "# nothing\n", 2, 2),
        (NEW, "", 3, 3),
        (NEW, "version = 2\n", 2, 2),
        (NEW, "version = 3\n", 3, 3),
        (LTS, "", 4, 4),
        (LTS, "version = 2\n", 2, 2),
        (LTS, "version = 3\n", 3, 3),
        (LTS, "version = 4\n", 4, 4),
    ],
)
def test_the_edited_table_is_the_one_that_the_release_reads(told: str, content: str, version: int, table: int) -> None:
    tree = tree_of(content, told)
    assert tree["version"] == version
    assert tree["plugins"] == {PLUGIN[table]: {"registry": {"config_path": CERTS}}}


def test_dockers_packaged_configuration_gets_its_cri_back_and_keeps_its_comments() -> None:
    packaged = 'disabled_plugins = ["cri"]\n\n#root = "/var/lib/containerd"\n#[grpc]\n'
    after = edit_config(packaged, DOCKER, WANTED)
    assert '#root = "/var/lib/containerd"\n#[grpc]\n' in after
    assert tomllib.loads(after)["disabled_plugins"] == []


def test_other_disabled_plugins_stay_disabled() -> None:
    content = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.zfs"]\n'
    assert tree_of(content)["disabled_plugins"] == ["io.containerd.snapshotter.v1.zfs"]


def test_other_settings_comments_and_spelling_stay() -> None:
    content = dedent("""\
        version = 2 # of the file

        [plugins]
          [plugins."io.containerd.grpc.v1.cri"]
            sandbox_image = "registry.k8s.io/pause:3.9" # ours
            [plugins."io.containerd.grpc.v1.cri".registry]
              config_path = ""
              [plugins."io.containerd.grpc.v1.cri".registry.headers]
                User-Agent = ["me"]
        """)
    assert edit_config(content, DEBIAN, WANTED) == content.replace('config_path = ""', f'config_path = "{CERTS}"')


@pytest.mark.parametrize("path", [f"{CERTS}:/etc/docker/certs.d", f"{CERTS}/", f"/etc/docker/certs.d:{CERTS}"])
def test_a_config_path_of_several_directories_becomes_one(path: str) -> None:
    assert registry_of(v2(f'config_path = "{path}"')) == {"config_path": CERTS}


def test_another_config_path_is_refused() -> None:
    with pytest.raises(HostError, match=r"config_path = '/srv/registries'; name that in data.containerd.config_path"):
        tree_of(v2('config_path = "/srv/registries"'))


@pytest.mark.parametrize(
    "leftover",
    [
        'mirrors."registry.moor.test".endpoint = ["https://registry.moor.test"]',
        'mirrors."10.77.0.11:443".endpoint = ["http://10.77.0.11"]',
        'mirrors."docker.io".endpoint = ["https://registry-1.docker.io"]',
        'configs."registry.moor.test".tls.insecure_skip_verify = true',
        'configs."https://registry:443".tls.ca_file = "/x"',
    ],
)
def test_old_tables_of_the_registry_are_removed(leftover: str) -> None:
    registry = registry_of(v2(leftover))
    assert {key: value for key, value in registry.items() if value} == {"config_path": CERTS}


def test_logins_stay_since_other_workloads_may_need_them() -> None:
    left = 'configs."registry.moor.test".auth.username = "x"\nconfigs."registry.moor.test".tls.ca_file = "/x"\n'
    assert registry_of(v2(left))["configs"] == {"registry.moor.test": {"auth": {"username": "x"}}}


def test_old_tables_of_other_registries_are_refused_all_at_once_with_a_remedy() -> None:
    left = 'mirrors."quay.io".endpoint = ["https://mirror"]\nconfigs."ghcr.io".tls.ca_file = "/x"\n'
    with pytest.raises(HostError) as raised:
        tree_of(v2(left))
    first, second = str(raised.value).splitlines()
    assert first.startswith(f"{CONFIG}: {TABLE}.mirrors.'quay.io' ")
    assert f"{CERTS}/quay.io/hosts.toml, then remove the table" in first
    assert f"{TABLE}.configs.'ghcr.io'.tls " in second


@pytest.mark.parametrize(
    ("told", "content", "words"),
    [
        ("", "", "there is no containerd"),
        ("containerd github.com/containerd/containerd 1.3.9 1.3.9-1", "", "containerd 1.3 .* upgrade"),
        ("command not understood", "", "cannot read"),
        (DEBIAN, "version = 3\n", "version 3 is for containerd 2.0 and later; this is 1.6"),
        (NEW, "version = 4\n", "version 4 is for containerd 2.3 and later; this is 2.2"),
        (LTS, "version = 5\n", "version 5 is newer than moor knows, which is 4; this is containerd 2.3"),
        (DEBIAN, "[plugins.cri]\nx = 1\n", "no version is declared"),
        (DEBIAN, 'required_plugins = ["cri"]\n', "no version is declared"),
        (DEBIAN, "version = [\n", "mend it, or move it away"),
        (DEBIAN, "version = 2\nplugins = 3\n", "mend it, or move it away"),
    ],
)
def test_what_moor_cannot_resolve_is_one_clear_error(told: str, content: str, words: str) -> None:
    with pytest.raises(HostError, match=words):
        tree_of(content, told)


def test_extra_settings_are_merged_over_those_in_the_file() -> None:
    extra = {"plugins": {PLUGIN[2]: {"sandbox_image": "registry.moor.test/k8s/pause:3.9"}}}
    tree = tree_of('version = 2\n[grpc]\naddress = "/x"\n', wanted=RegistryLookup(WANTED.registry, CERTS, extra))
    assert tree["grpc"] == {"address": "/x"}
    assert tree["plugins"][PLUGIN[2]] == {
        "sandbox_image": "registry.moor.test/k8s/pause:3.9",
        "registry": {"config_path": CERTS},
    }


CA = f"{CERTS}/registry.moor.test/ca.crt"
NAMED = {"registry.moor.test": {"tls": {"ca_file": CA}}}


@pytest.mark.parametrize(
    ("registry", "after"),
    [
        ("", {"configs": NAMED}),
        ('configs."registry.moor.test".tls.insecure_skip_verify = true', {"configs": NAMED}),
        ('configs."registry.moor.test".tls = {ca_file = "/x", cert_file = "/y", key_file = "/z"}', {"configs": NAMED}),
        ('configs."registry:443".tls.ca_file = "/x"', {"configs": NAMED}),
        ('mirrors."registry.moor.test".endpoint = ["http://10.0.0.9"]', {"configs": NAMED, "mirrors": {}}),
    ],
)
def test_a_containerd_without_config_path_gets_the_ca_by_name(registry: str, after: dict[str, Any]) -> None:
    assert registry_of(v2(registry), OLD) == after


def test_settings_of_other_registries_and_logins_stay_on_an_old_containerd() -> None:
    others = (
        'mirrors."quay.io".endpoint = ["https://mirror"]\nconfigs."ghcr.io".tls.ca_file = "/x"\n'
        'configs."registry.moor.test".auth.username = "me"\n'
    )
    assert registry_of(v2(others), OLD) == {
        "mirrors": {"quay.io": {"endpoint": ["https://mirror"]}},
        "configs": {
            "ghcr.io": {"tls": {"ca_file": "/x"}},
            "registry.moor.test": {"auth": {"username": "me"}, "tls": {"ca_file": CA}},
        },
    }


@pytest.mark.parametrize("upgraded", [DEBIAN, DOCKER, NEW, LTS])
def test_after_an_upgrade_config_path_replaces_the_named_ca(upgraded: str) -> None:
    registry = registry_of(edit_config("version = 2\n", OLD, WANTED), upgraded)
    assert {key: value for key, value in registry.items() if value} == {"config_path": CERTS}


def test_hosts_toml_names_the_ca_for_the_server_and_for_the_host() -> None:
    tree = tomllib.loads(render("hosts.toml.j2", url="https://registry.moor.test:8443", ca="/ca.crt"))
    assert tree == {
        "server": "https://registry.moor.test:8443",
        "ca": "/ca.crt",
        "host": {"https://registry.moor.test:8443": {"capabilities": ["pull", "resolve"], "ca": "/ca.crt"}},
    }


@pytest.mark.parametrize("path", ["certs.d", "/etc/a:/etc/b", "/etc/certs.d/", '/etc/"x"', "/"])
def test_a_config_path_of_another_form_is_bad_input(path: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        ContainerdSettings(config_path=path)


V14, V2 = f'  ca_file = "{CA}"\n', "  config_path = '{}'\n  config_path = ''\n"


@pytest.mark.parametrize(
    ("dump", "words"),
    [
        (V14, ""),
        (V2.format(CERTS), ""),
        (V14.replace(CA, "/x"), "ca_file is not in effect"),
        ("[plugins]\n", "ca_file is not in effect"),
        (V2.format(f"{CERTS}:/etc/docker/certs.d"), "config_path is not in effect"),
        (V2.format(""), "config_path is not in effect"),
    ],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_is_written_only_if_containerd_reports_it_in_effect(
    shell: str, dump: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "dump").write_text(dump)
    script = f"containerd() {{ cat {tmp_path}/dump; }}\nt=new\n( {in_effect_check(CERTS, CA)} )"
    done = sh(shell, script)
    assert (done.returncode, done.stderr) == (1 if words else 0, b"")
    assert done.stdout.decode().startswith(words)


@pytest.mark.parametrize(
    ("told", "content", "table"),
    [
        (DEBIAN, "", {"sandbox_image": "registry.k8s.io/pause:3.9"}),
        (NEW, "version = 2\n", {"sandbox_image": "registry.k8s.io/pause:3.9"}),
        (NEW, "", {"pinned_images": {"sandbox": "registry.k8s.io/pause:3.9"}}),
        (LTS, "", {"pinned_images": {"sandbox": "registry.k8s.io/pause:3.9"}}),
    ],
)
def test_the_sandboxs_image_is_written_as_the_version_of_the_file_has_it(
    told: str, content: str, table: dict[str, object]
) -> None:
    tree = tree_of(content, told, replace(WANTED, sandbox_image="registry.k8s.io/pause:3.9"))
    (plugin,) = tree["plugins"].values()
    assert {key: value for key, value in plugin.items() if key != "registry"} == table
    assert plugin["registry"] == {"config_path": CERTS}
