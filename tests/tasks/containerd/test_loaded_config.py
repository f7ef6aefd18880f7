"""The configuration that containerd loads: its files in order, the result of merging them, and the faulty file."""

from __future__ import annotations

import base64
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import HostError
from moor.tasks.containerd.config import PLUGIN, RegistryLookup
from moor.tasks.containerd.config_faults import ExpectedConfig, find_faults
from moor.tasks.containerd.drop_in import build_drop_in
from moor.tasks.containerd.loaded_config import HIDE_LOGINS, LIST_FILES, LoadedConfig, load_order, parse_loaded_config
from moor.tasks.containerd.settings import CONFIG
from moor.tasks.facts import Registry
from tests.harness.shells import SHELLS, sh

CERTS = "/etc/containerd/certs.d"
CRI = f'plugins."{PLUGIN[2]}"'
REGISTRY = Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11"})
WANTED = RegistryLookup(REGISTRY, CERTS)
OLD, NEW, LTS = (f"containerd github.com/containerd/containerd {v} x" for v in ("1.7.24~ds1", "2.1.9", "v2.3.4"))
IMPORTS = 'imports = ["/etc/containerd/conf.d/*.toml"]\n'
TABLE = f'[plugins."{PLUGIN[2]}".registry]\nconfig_path = "{CERTS}"\n'
MAIN = f"version = 2\n{IMPORTS}{TABLE}"
RUNTIMES = f'[plugins."{PLUGIN[2]}".containerd.runtimes.'
GPU = f'version = 2\n{RUNTIMES}gpu]\nruntime_type = "x"\n'
BOTH = f'{GPU}{RUNTIMES}runc]\nruntime_type = "io.containerd.runc.v2"\n'
DROP = "/etc/containerd/conf.d/99-gpu.toml"
OWN = "/etc/containerd/conf.d/zz-moor.toml"


def reads(version: str, main: str | None = MAIN, **more: str | None) -> LoadedConfig:
    files = {CONFIG: main, **({DROP: more["drop"]} if "drop" in more else {})}
    return LoadedConfig(CONFIG, False, version, files=files)


def told(found: LoadedConfig, drop_in_path: str = "") -> list[str]:
    return [str(fault) for fault in find_faults(found, ExpectedConfig(WANTED, drop_in_path))]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (reads(OLD), ""),
        (reads(NEW), ""),
        (reads(OLD, None), ""),
        (reads(NEW, drop=GPU), ""),
        (reads(LTS, drop="version = 3\n"), ""),
        (reads(OLD, drop="version = 2\n"), ""),
        (reads(OLD, drop=BOTH), f"{DROP} replaces the whole table plugins.'{PLUGIN[2]}' of {CONFIG}, config_path"),
        (reads(OLD, drop=GPU), f"{DROP} has runtimes without 'runc', the default one"),
        (
            reads(NEW, drop="version = 3\n"),
            f"{DROP} declares version 3, beside which containerd 2.1 reads no table of the CRI",
        ),
        (reads(OLD, drop="version = 3\n"), f"{DROP}: version 3 is newer than containerd 1.7 reads"),
        (
            reads(NEW, drop=TABLE.replace(CERTS, "/other")),
            f"{DROP} takes the place of what {CONFIG} says of config_path",
        ),
        (
            reads(NEW, drop=None),
            f"{DROP} is imported and not there, with which containerd does not start; put it there, or "
            f"take it out of the imports in {CONFIG}",
        ),
        (reads(OLD, drop="[plug\n"), f"{DROP}: not TOML: "),
        (
            reads(NEW, drop=f'disabled_plugins = ["{PLUGIN[2]}"]\n'),
            f"{DROP}: disabled_plugins names the plugin by which",
        ),
        (
            reads(NEW, drop=f'[{CRI}.registry.mirrors."quay.io"]\nendpoint = ["https://q"]\n'),
            f"{DROP}: registry.mirrors.'quay.io' keeps the CRI from loading beside config_path; say it in {CERTS}/",
        ),
        (
            reads(
                NEW,
                drop=f'[{CRI}.registry.configs."registry.moor.test".tls]\ninsecure_skip_verify = true\n',
            ),
            "it turns the check of the certificate off; take it out",
        ),
        (
            replace(reads(NEW), path="/srv/c.toml", is_named=True),
            f"containerd is started with --config /srv/c.toml, so that nothing in "
            f"{CONFIG} counts; write data.containerd.config: /srv/c.toml",
        ),
        (
            replace(reads(NEW), in_effect=""),
            f"containerd says that config_path = '' is in effect, and {CONFIG} says '{CERTS}'",
        ),
        (replace(reads(NEW), in_effect=CERTS), ""),
    ],
)
def test_the_faulty_file_is_named_and_what_an_apply_mends_is_no_fault(found: LoadedConfig, words: str) -> None:
    said = told(found)
    assert any(words in one for one in said) if words else said == [], said


def test_a_file_that_only_lacks_config_path_is_no_fault() -> None:
    assert told(reads(OLD, "version = 2\n")) == told(reads(NEW, "")) == []


@pytest.mark.parametrize(
    ("version", "drop"), [(OLD, GPU), (OLD, BOTH), (OLD, None), (NEW, GPU), (NEW, "version = 3\n"), (LTS, GPU)]
)
def test_moors_drop_in_puts_config_path_into_effect_and_keeps_other_settings(version: str, drop: str | None) -> None:
    kept = f'version = 2\n{IMPORTS}[plugins."{PLUGIN[2]}"]\nsandbox_image = "x"\n'
    found = reads(version, kept, drop=drop) if drop else reads(version, kept)
    content = build_drop_in(found, WANTED, OWN)
    after = found.with_file(OWN, content)
    assert list(after.files)[-1] == OWN
    assert build_drop_in(after, WANTED, OWN) == content
    assert told(after, OWN) == told(found, OWN) == []
    cri = tomllib.loads(content)["plugins"].get(PLUGIN[2], {})
    if version == OLD:
        assert cri["sandbox_image"] == "x"
        assert set(cri.get("containerd", {}).get("runtimes", {})) == ({"gpu", "runc"} if drop else set())


@pytest.mark.parametrize(
    ("found", "path", "words"),
    [
        (
            reads(OLD, "version = 2\n"),
            OWN,
            'does not import .*; write imports = \\["/etc/containerd/conf.d/\\*.toml"\\]',
        ),
        (reads(OLD, None), OWN, f"{CONFIG} is not there to import"),
        (reads(OLD, drop=GPU), "/etc/containerd/conf.d/10-moor.toml", f"{DROP} is read after .* sorts behind it"),
        (reads(NEW, f'disabled_plugins = ["cri"]\n{MAIN}'), OWN, f"{CONFIG}: disabled_plugins names the plugin"),
    ],
)
def test_a_drop_in_that_cannot_take_effect_is_refused(found: LoadedConfig, path: str, words: str) -> None:
    with pytest.raises(HostError, match=words):
        build_drop_in(found, WANTED, path)


@given(st.lists(st.sampled_from(["b.toml", "a.toml", "/x/c.toml", "conf.d/*.toml", "./b.toml"]), max_size=4))
def test_every_file_is_read_once_and_the_main_one_first(imports: list[str]) -> None:
    known = {
        "/x/main": f"imports = {imports!r}",
        "/x/a.toml": 'imports = ["main"]',
        "/x/conf.d/2.toml": "",
        "/x/conf.d/1.toml": "",
    }
    order = load_order("/x/main", known)
    assert order[0] == "/x/main"
    assert len(order) == len(set(order))
    assert [p for p in order if "conf.d" in p] == (
        ["/x/conf.d/1.toml", "/x/conf.d/2.toml"] if "conf.d/*.toml" in imports else []
    )


@given(st.text(max_size=300))
def test_any_output_of_a_host_is_parsed(output: str) -> None:
    told(parse_loaded_config(f"version={NEW}\n{output}"))


def test_before_2_0_containerd_itself_reports_the_files_it_read() -> None:
    coded = base64.b64encode(MAIN.encode()).decode()
    said = f'path={CONFIG}\nloaded=["{CONFIG}"]\nin_effect="{CERTS}"\nfile={coded} {CONFIG}\nfile={coded} {DROP}\n'
    found = parse_loaded_config(said)
    assert (list(found.files), found.in_effect) == ([CONFIG], CERTS)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "start",
    [
        "",
        "argv[]=/usr/bin/containerd --config {}/main.toml ; ignore_errors=no",
        "argv[]=containerd --config={}/main.toml ; ignore_errors=no",
    ],
)
def test_a_host_lists_the_files_that_its_unit_names(shell: str, start: str, tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    for name in ("conf.d/b.toml", "conf.d/a.toml", "conf.d/c.txt"):
        (tmp_path / name).write_text('version = 2\nimports = ["../none.toml"]\n')
    (tmp_path / "main.toml").write_text(
        'version = 2\nimports = [ # ours\n  "conf.d/*.toml",\n  \'more.toml\'\n]\n[a."b"]\n'
    )
    unit = start.format(tmp_path).replace("\n", "")
    script = (
        f"systemctl() {{ case $* in *ExecStart*) echo '{{ path=x ; {unit} }}' ;; *) echo 0 ;; esac; }}\n{LIST_FILES}\n"
    )
    done = sh(shell, f'{script}echo "$g"; moor_files {tmp_path}/main.toml')
    named, *files = done.stdout.decode().splitlines()
    assert (named, done.stderr) == (f"{tmp_path}/main.toml" if start else "", b"")
    names = ("main.toml", "conf.d/a.toml", "conf.d/b.toml", "more.toml", "conf.d/../none.toml")
    assert files == [f"{tmp_path}/{name}" for name in names]


LOGINS = """\
[a.auth]
  username = "me"
  password = 'S3cret'
  "auth" = "S3cret"
[b]
configs = {"r" = {auth = {username = "me", password = 'S3cret'}, tls = {ca_file = "/ca"}}}
auth = { password = "S3cret" }
headers = {Authorization = ["Basic S3cret"], X = ["y"]}
[c.headers]
Authorization = ["Basic S3cret"]
config_path = "/etc/certs.d" # password = none
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_logins_are_not_printed_and_the_rest_is(shell: str) -> None:
    said = sh(shell, f"{HIDE_LOGINS} <<'EOF'\n{LOGINS}EOF\n").stdout.decode()
    assert "S3cret" not in said
    tree = tomllib.loads(said)
    assert tree["b"]["configs"]["r"]["tls"] == {"ca_file": "/ca"}
    assert tree["c"]["headers"]["config_path"] == "/etc/certs.d"
    assert tree["b"]["headers"]["X"] == ["y"]
