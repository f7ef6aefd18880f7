"""Where manifests come from: plain files, and what kustomize and helm render. The programs here are small stand-ins."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from nornir.core.inventory import Host

from moor.errors import InputError, UnfitInput
from moor.settings import settings_of
from moor.sites.site import open_site
from moor.tasks.registry.logins import RegistryLogin
from moor.tasks.workload.objects import manifests
from moor.tasks.workload.programs import ChartAccess
from moor.tasks.workload.settings import Chart, Workloads
from tests.tasks.workload.shops import CONFIG_MAP, Shop

STAND_IN = """\
#!/bin/sh
# Stands in for {name}: writes down how it was called, and prints one object.
{{ printf '%s\\n' "$@"; env; }} > '{seen}'
for word in "$@"; do case $word in *.json) cat "$word" >> '{seen}' ;; esac; done
[ ! -f "$HELM_REGISTRY_CONFIG" ] || cat "$HELM_REGISTRY_CONFIG" > '{seen}.logins'
{more}
cat <<'END'
{text}
END
"""
HOOK = CONFIG_MAP.replace("{name: settings}", "{name: NAME, annotations: {helm.sh/hook: KIND}}")


class Programs:
    """Stand-ins of programs on a PATH of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = folder, folder / "seen"

    def put(self, name: str, text: str = CONFIG_MAP, more: str = "") -> None:
        program = self.folder / name
        program.write_text(STAND_IN.format(name=name, seen=self.seen, text=text, more=more))
        program.chmod(0o755)

    @property
    def words(self) -> list[str]:
        return self.seen.read_text().splitlines()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "env"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("KUBECONFIG", "/the/users/own")
    monkeypatch.setenv("HELM_NAMESPACE", "the-users-own")
    return Programs(folder)


def objects(shop: Shop, access: ChartAccess | None = None) -> list[str]:
    """Return kind and name of the objects of the site's workload."""
    host: Host = open_site(shop.folder, dry_run=True).inventory.hosts["shop"]
    workload = settings_of(host, Workloads).by_name["web"]
    reach = (lambda chart, where: access) if access else None
    return [f"{one['kind']}/{one['metadata']['name']}" for one in manifests(host, "web", workload, reach)]


@pytest.mark.parametrize(
    ("files", "path", "words"),
    [
        ({}, "apps/gone.yaml", "workload web: manifests: apps/gone.yaml: no such file or directory"),
        ({"sub__a_yaml": CONFIG_MAP}, "apps", "apps: it has no file whose name ends with .yaml, .yml, .json"),
        ({"a_yaml": "a: ["}, "apps", "apps/a.yaml: not YAML"),
        ({"a_yaml": "# nothing\n"}, "apps", "workload web: manifests: they have no object"),
        ({"a_yaml": "kind: X\n"}, "apps", "apps/a.yaml: needs apiVersion, kind and metadata with a name"),
    ],
)
def test_manifests_that_cannot_be_read_are_named(shop: Shop, files: dict[str, str], path: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        objects(shop.write({"manifests": path}, **files))
    assert words in str(refused.value)


def test_a_kustomization_is_rendered_by_kustomize_or_else_by_kubectl(shop: Shop, programs: Programs) -> None:
    shop.write({"manifests": "apps"}, kustomization_yaml="resources: []\n", a_yaml="not: read\n")
    with pytest.raises(UnfitInput, match="neither kustomize nor kubectl is installed on this machine; install one"):
        objects(shop)
    programs.put("kubectl")
    assert objects(shop) == ["ConfigMap/settings"]
    assert programs.words[:2] == ["kustomize", str(shop.folder / "apps")]
    programs.put("kustomize")
    assert objects(shop) == ["ConfigMap/settings"]
    assert programs.words[:2] == ["build", str(shop.folder / "apps")]
    assert not [word for word in programs.words if "/the/users/own" in word]
    programs.put("kustomize", more="echo 'Error: no matches for Id' >&2; exit 1")
    with pytest.raises(UnfitInput, match=r"manifests: apps: kustomize build failed: Error: no matches for Id"):
        objects(shop)


def test_a_kustomization_is_rendered_by_the_real_kubectl(shop: Shop) -> None:
    if not shutil.which("kubectl") and not shutil.which("kustomize"):
        pytest.skip("neither kubectl nor kustomize is on this machine")
    text = "resources: [a.yaml]\nnamePrefix: shop-\nimages: [{name: web, newTag: '2'}]\n"
    assert objects(shop.write({"manifests": "apps"}, kustomization_yaml=text, a_yaml=CONFIG_MAP)) == [
        "ConfigMap/shop-settings"
    ]


def test_a_chart_is_rendered_by_helm_with_nothing_of_the_users_configuration(shop: Shop, programs: Programs) -> None:
    chart = {"chart": "apps/chart", "values": ["apps/values.yaml", {"password": "in-the-inventory"}]}
    files = {"chart__Chart_yaml": "name: x\n", "values_yaml": "a: b\n"}
    shop.write({"manifests": [{**chart, "release": "shop"}, "apps/chart"]}, **files)
    with pytest.raises(UnfitInput, match="it is a Helm chart, and helm is not installed on this machine; install it"):
        objects(shop)
    programs.put("helm")
    assert objects(shop) == ["ConfigMap/settings"] * 2
    shop.write({"manifests": {**chart, "kube_version": "1.33"}})
    assert objects(shop) == ["ConfigMap/settings"]
    words = programs.words
    assert words[:5] == ["template", "web", str(shop.folder / "apps/chart"), "--namespace", "demo"]
    assert words[words.index("--kube-version") + 1] == "1.33"
    assert str(shop.folder / "apps/values.yaml") in words
    assert json.loads(words[-1]) == {"password": "in-the-inventory"}  # in a file, and not among the words
    assert not [
        word for word in words[:-1] if "in-the-inventory" in word or "the-users-own" in word or "/the/users/own" in word
    ]


def test_a_chart_of_the_registry_is_fetched_with_a_login_that_is_in_no_argv(shop: Shop, programs: Programs) -> None:
    programs.put("helm")
    chart = {"chart": "oci://registry.test/charts/web", "version": "1.2.3", "robot": "puller"}
    shop.write({"manifests": [chart, "apps/a.yaml"]}, a_yaml=CONFIG_MAP.replace("settings", "own"))
    assert objects(shop) == ["ConfigMap/own"]  # before the registry is asked
    access = ChartAccess("registry.test", RegistryLogin("robot$charts+puller", "the-password"), "A CA\n")
    assert objects(shop, access) == ["ConfigMap/settings", "ConfigMap/own"]
    words = programs.words
    assert words[1:3] == ["web", "oci://registry.test/charts/web"]
    assert words[words.index("--version") + 1] == "1.2.3"
    assert words[words.index("--ca-file") + 1].endswith("/ca.crt")
    assert "the-password" not in programs.seen.read_text()
    logins = json.loads(Path(f"{programs.seen}.logins").read_text())
    assert logins["auths"]["registry.test"]["username"] == "robot$charts+puller"
    assert not Path(words[words.index("--ca-file") + 1]).exists()  # it went with helm's other files


def test_hooks_of_a_chart_are_refused_unless_they_may_be_left_out_and_tests_always_are(
    shop: Shop, programs: Programs
) -> None:
    hook = HOOK.replace("NAME", "migrate").replace("KIND", '"pre-install,pre-upgrade"')
    programs.put("helm", f"{CONFIG_MAP}---\n{hook}---\n{HOOK.replace('NAME', 'try').replace('KIND', 'test')}")
    shop.write({"manifests": {"chart": "apps/chart"}}, chart__Chart_yaml="name: x\n")
    with pytest.raises(InputError, match=r"hooks, which moor does not run: ConfigMap migrate \(pre-install, pre-upg"):
        objects(shop)
    shop.write({"manifests": {"chart": "apps/chart", "hooks": False}})
    assert objects(shop) == ["ConfigMap/settings"]


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        ({}, "data.workloads.web.image: is missing; or write manifests"),
        ({"manifests": []}, "data.workloads.web.manifests: it is empty"),
        ({"manifests": "x", "image": "demo/a:1"}, "data.workloads.web.image: it is for moor's template"),
        ({"manifests": "x", "replicas": 2}, "data.workloads.web.replicas: it is for moor's template"),
        ({"image": "demo/a:1", "rewrite_images": {"docker.io": "hub"}}, "web.rewrite_images: it is for the images of"),
        ({"manifests": "x", "rewrite_images": {"https://x": "hub"}}, "https://x: this key must match pattern"),
        ({"manifests": "oci://registry.test/charts/web"}, "is written as: {chart: oci://..., version: ...}"),
        ({"manifests": {"chart": "oci://r/c"}}, "version is missing: a chart in a registry is named with its version"),
        ({"manifests": {"chart": "x", "version": "1"}}, "version and robot are for a chart in a registry"),
        ({"manifests": {"chart": "x", "vers": "1"}}, "no such key"),
    ],
)
def test_a_workload_is_one_image_or_manifests_and_what_is_wrong_is_named(
    shop: Shop, workload: dict[str, object], words: str
) -> None:
    with pytest.raises(InputError) as refused:
        open_site(shop.write(workload).folder, dry_run=True)
    assert words in str(refused.value)
    assert "inventory/defaults.yaml:" in str(refused.value)


def test_a_chart_tells_whether_a_registry_has_it() -> None:
    assert Chart(chart="oci://r/c", version="1").is_remote
    assert not Chart(chart="./c").is_remote
