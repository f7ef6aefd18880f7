"""Notices announce only changes, are repeated until they are delivered, and never contain a secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moor.errors import HostError
from moor.history.database import FILE
from moor.history.recording import record
from moor.output.announce import announce
from moor.run.report import DeviceReport, RunReport
from moor.secrets.secret import Secret
from moor.settings import SecretRef, SiteSettings
from tests.history.reports import a_run
from tests.output.receiver import Received, receiver

FLEET = frozenset({"node1", "node2"})


@pytest.fixture
def received() -> Iterator[Received]:
    with receiver() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, received: Received) -> SiteSettings:
    return SiteSettings.at(tmp_path, state=tmp_path / "state", notify=(reference(tmp_path, received.url),))


def reference(place: Path, url: str) -> SecretRef:
    path = place / f"url-{abs(hash(url))}"
    path.write_text(url)
    path.chmod(0o600)
    return SecretRef(f"file:{path}")


def told(settings: SiteSettings, report: RunReport, mended: RunReport | None = None) -> RunReport:
    assert record(settings, report, FLEET).trouble == ""
    announce(settings, report, mended)
    return report


def test_a_notice_is_sent_when_a_finding_is_new_or_over_and_not_in_between(
    settings: SiteSettings, received: Received
) -> None:
    for status in ("ok", "drift", "drift", "ok", "ok"):
        told(settings, a_run({"node1": {"file:/a": status}}))
    assert received.bodies == ["new: node1: file:/a", "over: node1: file:/a"]
    assert [notice["title"] for notice in received.notices] == [
        "moor: 1 new, 0 over, 1 open",
        "moor: 0 new, 1 over, 0 open",
    ]


def test_a_notice_of_a_device_tells_who_changed_it(settings: SiteSettings, received: Received) -> None:
    report = a_run({"node1": {"acl:A": "drift"}, "node2": {"acl:A": "drift"}})
    report.devices = {"node1": DeviceReport(2, changed_by="ann", changed_at="noon"), "node2": DeviceReport(2)}
    told(settings, report)
    assert received.bodies == [
        "new: node1: acl:A; its configuration was last changed by ann at noon\nnew: node2: acl:A"
    ]


def test_a_notice_that_failed_is_sent_by_the_next_run(settings: SiteSettings, received: Received) -> None:
    received.status = 500
    with pytest.raises(HostError, match=r"user_defined\.moor\.notify: file:.*: it was not delivered"):
        told(settings, a_run({"node1": {"file:/a": "drift"}}))
    received.status = 200
    told(settings, a_run({"node1": {"file:/a": "drift"}}))
    assert received.bodies == ["new: node1: file:/a"]


def test_a_notice_lists_what_moor_mended_unattended(settings: SiteSettings, received: Received) -> None:
    mended = a_run({"node1": {"file:/a": "changed", "file:/b": "ok"}}, command="mend")
    told(settings, a_run({"node1": {"file:/a": "ok"}}), mended)
    assert received.bodies == ["mended by moor: node1: file:/a"]


def test_without_history_the_notice_lists_all_open_findings(settings: SiteSettings, received: Received) -> None:
    (settings.directory / "state").mkdir()
    (settings.state / FILE).write_text("no database" * 100)
    announce(settings, a_run({"node1": {"file:/a": "drift"}}), None)
    assert "open: node1: file:/a" in received.bodies[0]
    assert received.notices[0]["title"] == "moor: history cannot be used"


def test_a_waived_finding_sends_no_notice(settings: SiteSettings, received: Received) -> None:
    report = a_run({"node1": {"file:/a": "drift"}})
    report.hosts["node1"].resources[0].waived = "known (network, until 2027-01-01)"
    told(settings, report)
    assert received.notices == []


def test_a_long_list_is_shortened_and_secrets_are_masked(settings: SiteSettings, received: Received) -> None:
    secret = Secret("correct-horse-battery")
    report = a_run({"node1": {f"file:/{n}": "drift" for n in range(99)}}, unexamined=("node2",))
    report.hosts["node2"].unexamined[:] = [f"it said {secret.reveal()}"]
    told(settings, report)
    lines = received.bodies[0].splitlines()
    assert lines[-1] == "... and 80 more"
    assert secret.reveal() not in received.bodies[0]


def test_an_invalid_url_is_reported_without_showing_it(settings: SiteSettings, received: Received) -> None:
    both = (reference(settings.directory, "nothing-of-the-kind"), *settings.notify)
    with pytest.raises(HostError, match="apprise knows no such URL") as caught:
        told(settings.model_copy(update={"notify": both}), a_run({"node1": {"file:/a": "drift"}}))
    assert "nothing-of-the-kind" not in str(caught.value)
    assert received.bodies == ["new: node1: file:/a"]  # the other URL got its notice


def test_no_notice_is_sent_where_certificates_are_not_checked(tmp_path: Path, received: Received) -> None:
    lax = reference(tmp_path, f"{received.url}?verify=no")
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state", notify=(lax,))
    with pytest.raises(HostError, match="certificates unchecked; take verify=no out of it"):
        told(settings, a_run({"node1": {"file:/a": "drift"}}))
    assert received.notices == []


def test_a_notice_does_not_follow_a_redirect(settings: SiteSettings, received: Received) -> None:
    with receiver() as other:
        received.status, received.elsewhere = 307, other.url.replace("json://", "http://")
        with pytest.raises(HostError, match="it was not delivered"):
            told(settings, a_run({"node1": {"file:/a": "drift"}}))
        assert other.notices == []
