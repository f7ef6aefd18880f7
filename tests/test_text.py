"""What a person reads after a command."""

from moor import text
from moor.report import HostReport, ResourceReport, RunReport

NAME = "proof:name: registry.test does not resolve; moor apply names"
TLS = "proof:tls: the certificate is not accepted: no handshake; moor apply trust"


def proved(*errors: str) -> HostReport:
    resources = [ResourceReport(error.rpartition(": ")[0], "failed", error=error) for error in errors]
    return HostReport(reached=True, error="\n".join(errors), resources=resources)


def test_of_a_faulty_node_only_the_first_fault_is_told_since_the_others_may_follow_from_it() -> None:
    shown = text.matrix(RunReport("run", "verify", {"node1": proved(NAME, TLS)}))
    assert f"! node1: {NAME}" in shown
    assert "moor apply trust" not in shown


def test_a_node_that_was_not_reached_says_why() -> None:
    shown = text.matrix(RunReport("run", "verify", {"node1": HostReport(error="10.0.0.1:22: timed out")}))
    assert "! node1: 10.0.0.1:22: timed out" in shown


def test_every_column_of_the_table_of_reached_hosts_has_a_name() -> None:
    report = RunReport("run", "check", {"node1": HostReport(reached=True), "node2": HostReport(error="refused")})
    heading, first, second = text.reached(report).splitlines()
    assert heading.split() == ["host", "state", "why", "not"]
    assert first.split() == ["node1", "reached"]
    assert second.split() == ["node2", "not", "reached", "refused"]
