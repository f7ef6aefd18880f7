"""What travels from a worker to its controller: the same results, without the secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Result

from moor.engine.findings import Finding
from moor.engine.observation import begin_observation, current_observation, discard_observation, observation_of
from moor.engine.results import Cause, FindingResult, ResourceResult
from moor.errors import HostError
from moor.run.report import error_of
from moor.secrets.secret import Secret
from moor.workers.orders import observation_state_of, pack_answer, resume_observation, unpack_answer

PLANTED = "wintersonne-55127"


@dataclass(frozen=True)
class Seen:
    said: str
    more: tuple[dict[str, Any], ...]


def carried(*results: Result) -> MultiResult:
    """Pack a host's results as a worker does, and unpack them as a controller does."""
    told = MultiResult("task")
    told.extend(results)
    for result in told:
        result.name = result.name or "task"  # type: ignore[assignment]  # Nornir annotates it as None
    return unpack_answer(pack_answer(Host("node1"), told), Host("node1")).results


@given(st.text(), st.text())
def test_a_secret_does_not_leave_a_worker_wherever_it_stands(before: str, after: str) -> None:
    Secret(PLANTED)
    words = f"{before}{PLANTED}{after}"
    raw = MultiResult("task")
    raw.append(Result(Host("node1"), Seen(words, ({words: [words, {words}]},)), diff=words))
    raw.append(ResourceResult(Host("node1"), f"file:/{words}", "failed", words, words, [Cause("rule", words, words)]))
    raw.append(Result(None, words, failed=True, exception=ValueError(words)))
    raw.append(FindingResult(None, Finding("clock", words)))
    assert PLANTED.encode() not in pack_answer(Host("node1"), raw)


@pytest.mark.parametrize(
    "error", [HostError("sudo refused"), ValueError("no"), UnicodeDecodeError("ascii", b"", 0, 1, "?")]
)
def test_an_error_reads_on_the_controller_as_it_did_on_the_worker(error: Exception) -> None:
    (result,) = carried(Result(None, "failed", failed=True, exception=error))
    assert error_of(result) == error_of(Result(None, "failed", failed=True, exception=error))
    assert isinstance(result.exception, HostError) == isinstance(error, HostError)


def test_results_belong_to_the_controllers_host_and_keep_what_they_say() -> None:
    first, resource = carried(Result(None, "2 of 2", True, "diff"), ResourceResult(None, "file:/a", "drift", "d", ""))
    assert (str(first), first.changed, first.diff, first.host) == ("2 of 2", True, "diff", resource.host)
    assert isinstance(resource, ResourceResult)
    assert (resource.status, resource.diff, str(resource.host)) == ("drift", "d", "node1")
    assert str(resource.name) == "file:/a"


def test_what_a_worker_has_read_of_a_host_is_good_for_one_run() -> None:
    controllers, workers = Host("node1"), Host("node1")
    begin_observation(controllers)
    resume_observation(workers, observation_state_of(controllers))
    observation_of(workers).states["file:/a"] = None
    resume_observation(workers, observation_state_of(controllers))
    assert observation_of(workers).states == {"file:/a": None}
    discard_observation(workers)
    observation_of(workers).states["file:/b"] = None
    resume_observation(workers, observation_state_of(controllers))
    assert observation_of(workers).states == {"file:/b": None}
    begin_observation(controllers)
    resume_observation(workers, observation_state_of(controllers))
    assert observation_of(workers).states == {}
    resume_observation(workers, None)
    assert current_observation(workers) is None


def test_what_a_dry_run_would_have_changed_is_known_to_the_next_worker() -> None:
    controllers, lost, other = Host("node1"), Host("node1"), Host("node1")
    begin_observation(controllers)
    resume_observation(lost, observation_state_of(controllers))
    observation_of(lost).planned.add("/etc/hosts")
    told = MultiResult("task")
    told.append(Result(None))
    observation_of(controllers).planned = set(unpack_answer(pack_answer(lost, told), controllers).planned)
    resume_observation(other, observation_state_of(controllers))
    assert observation_of(other).planned == {"/etc/hosts"}
