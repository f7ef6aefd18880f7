"""The registry's CA in the trust store of real hosts: absent, wrong, right, replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from moor.sites.site import open_site
from moor.tasks.pki.issue import registry_certificate
from moor.tasks.trust import trust_ca
from moor_lab.lab import Lab
from tests.lab.sites import NAME, Site, changed

pytestmark = pytest.mark.lab

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
TRUST = "trust-bundle:moor-registry-ca"
# As programs do that read the one file, and as those that look certificates up by their hash.
VERIFY = f"""\
cat > /tmp/served.crt
for store in '-no-CApath -CAfile {BUNDLE}' '-no-CAfile -CApath /etc/ssl/certs'; do
  openssl verify -no-CAstore -verify_hostname {NAME} $store /tmp/served.crt >/dev/null 2>&1 && echo yes || echo no
done
"""


@pytest.fixture(params=["ws1", "node1"])
def name(request: pytest.FixtureRequest, lab: Lab) -> str:
    """Return a host of either release, bare."""
    lab.reset(request.param)
    return str(request.param)


def new_site(lab: Lab, folder: Path) -> Site:
    site = Site(lab, folder).write()
    site.certify()
    return site


def trusts(site: Site, name: str) -> list[str]:
    certificate = registry_certificate(open_site(site.folder).inventory.hosts["harbor1"])
    return site.lab.exec(name, ["sh", "-c", VERIFY], stdin=str(certificate)).split()


def test_a_host_comes_to_trust_the_registry_and_stays_so(lab: Lab, name: str, tmp_path: Path) -> None:
    site = new_site(lab, tmp_path / "site")
    assert trusts(site, name) == ["no", "no"]
    assert changed(site.plan(trust_ca, name)[name]) == [TRUST]
    assert changed(site.apply(trust_ca, name)[name]) == [TRUST]
    assert trusts(site, name) == ["yes", "yes"]
    assert changed(site.plan(trust_ca, name)[name]) == []


def test_a_new_ca_takes_the_place_of_the_former_one(lab: Lab, name: str, tmp_path: Path) -> None:
    former, now = new_site(lab, tmp_path / "former"), new_site(lab, tmp_path / "now")
    former.apply(trust_ca, name)
    assert changed(now.apply(trust_ca, name)[name]) == [TRUST]
    assert (trusts(former, name), trusts(now, name)) == (["no", "no"], ["yes", "yes"])
    assert changed(now.plan(trust_ca, name)[name]) == []


def test_a_bundle_that_lost_the_ca_is_drift(lab: Lab, name: str, tmp_path: Path) -> None:
    site = new_site(lab, tmp_path / "site")
    site.apply(trust_ca, name)
    lab.exec(name, ["truncate", "-s", "0", BUNDLE])
    assert [r.diff for r in site.plan(trust_ca, name)[name].resources if r.diff] == ["bundle: lacks it -> holds it"]
    assert changed(site.apply(trust_ca, name)[name]) == [TRUST]
    assert trusts(site, name) == ["yes", "yes"]


def test_a_ca_that_is_not_made_yet_is_planned_before_it_is_there(lab: Lab, name: str, tmp_path: Path) -> None:
    site = Site(lab, tmp_path / "site").write()
    report = site.plan(trust_ca, name)[name]
    assert changed(report) == [TRUST]
    assert "known later: the CA's certificate" in report.resources[-1].diff
    assert trusts_nothing_new(lab, name)


def trusts_nothing_new(lab: Lab, name: str) -> bool:
    return lab.exec(name, ["ls", "/usr/local/share/ca-certificates"]) == ""
