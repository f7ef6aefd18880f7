"""A run as JUnit: one suite per host, one case per resource, and one suite for the whole fleet."""

from __future__ import annotations

import re

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from moor.run.report import HostReport, ResourceReport, RunReport
from moor.secrets.masking import mask

UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def junit(report: RunReport) -> str:
    """Return the report as JUnit XML."""
    tree = JUnitXml(f"moor {report.command} {report.runbook}")
    for name, host in report.hosts.items():
        tree.add_testsuite(_suite(name, report.started, [*_host_cases(host), *map(_case, host.resources)]))
    tree.add_testsuite(_suite("fleet", report.started, _fleet(report)))
    for name, host in report.mended.hosts.items() if report.mended else ():
        tree.add_testsuite(
            _suite(f"{name} (mending)", report.started, [*_host_cases(host), *map(_case, host.resources)])
        )
    tree.update_statistics()  # type: ignore[no-untyped-call]  # the library leaves these two without types
    text: str = tree.tostring().decode()  # type: ignore[no-untyped-call]
    return text


def _suite(name: str, started: str, cases: list[TestCase]) -> TestSuite:
    suite = TestSuite(name)
    suite.timestamp = started
    suite.add_testcases(cases)
    return suite


def _host_cases(host: HostReport) -> list[TestCase]:
    case = TestCase("examined", "host")
    words = "\n".join(host.unexamined) or ("" if host.resources else host.error)
    if words:
        case.result = [_problem(Error, words, next(iter(host.unexamined_kinds), host.error_kind) or "")]
    return [case]


def _case(resource: ResourceReport) -> TestCase:
    case = TestCase(_clean(resource.id), resource.stage)
    words = resource.error or resource.diff
    if resource.waived:
        case.result = [Skipped(_clean(f"waived: {resource.waived}"))]
    elif resource.status in ("drift", "failed"):
        case.result = [_problem(Failure, words, resource.error_kind or resource.status)]
    elif resource.held:
        case.result = [Skipped(_clean(f"held: {resource.held}"))]
    elif resource.status == "skipped":
        case.result = [Skipped(_clean(words))]
    return case


def _fleet(report: RunReport) -> list[TestCase]:
    cases = []
    for finding in report.findings:
        case = TestCase(_clean(finding.id), finding.stage)
        words = f"{finding.what}; {finding.remedy}" if finding.remedy else finding.what
        waived = Skipped(_clean(f"waived: {finding.waived}"))
        case.result = [waived if finding.waived else _problem(Failure, words, finding.error_kind or finding.state)]
        cases.append(case)
    return cases


def _problem(element: type[Error] | type[Failure], words: str, kind: str) -> Error | Failure:
    """Return a failure or error with ``kind`` as its type; for a difference that is ``drift`` or a finding's state."""
    problem = element(_clean(words.partition("\n")[0]), kind)
    problem.text = _clean(words)
    return problem


def _clean(text: str) -> str:
    """Mask a text and replace the characters that XML cannot hold."""
    return UNPRINTABLE.sub("?", mask(text))  # before XML escapes it
