"""The messages between controller and workers: orders and results, both without secrets."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Result

from moor.context import RunContext
from moor.engine.observation import begin_observation, current_observation, end_observation, observation_of
from moor.errors import MoorError
from moor.secrets.masking import mask


@dataclass(frozen=True)
class ObservationState:
    """What a worker needs to continue a host's observation.

    Attributes:
        number: the observation's number.
        planned: paths that earlier stages of a dry run would have changed.
    """

    number: int
    planned: frozenset[str]


@dataclass(frozen=True)
class Order:
    """One task for some hosts of a worker. The worker has the inventory, so hosts are sent by name.

    Attributes:
        number: identifies the order in messages.
        token: the session that it is for; a restarted worker has another.
        topic: the Dask topic for the messages.
        context: the portable fields of the controller's run context.
        failed: the failed hosts of the whole run, on any worker.
    """

    number: int
    token: str
    topic: str
    task: Callable[..., Any]
    name: str
    severity: int
    params: Mapping[str, Any]
    dry_run: bool
    at_once: int | None
    hosts: Mapping[str, ObservationState | None]
    context: RunContext
    failed: frozenset[str]


@dataclass(frozen=True)
class WorkerAnswer:
    """A worker's answer for one host: its results, its open connections, and what its observation changed."""

    results: MultiResult
    connections: tuple[str, ...] = ()
    planned: frozenset[str] = frozenset()
    whole: bool = False


@dataclass(frozen=True)
class ForeignException:
    """An exception as class name and message, since not every exception can be pickled."""

    name: str
    words: str

    def rebuilt(self) -> Exception:
        """Return an exception with the same class name and message."""
        made: Exception = type(self.name, (Exception,), {})(self.words)
        return made


def observation_state_of(host: Host) -> ObservationState | None:
    """Return the state of the host's observation; None outside of a run."""
    seen = current_observation(host)
    return ObservationState(seen.number, frozenset(seen.planned)) if seen else None


def resume_observation(host: Host, reading: ObservationState | None) -> None:
    """Continue the observation of the same run on this worker, or begin a new one."""
    if reading is None:
        end_observation(host)
        return
    if (seen := current_observation(host)) is None or seen.number != reading.number:
        begin_observation(host)
        observation_of(host).number = reading.number
    observation_of(host).planned = set(reading.planned)


def take_answer(host: Host, answer: WorkerAnswer) -> None:
    """Update the controller's observation from a worker's answer; the states stay on the worker."""
    if seen := current_observation(host):
        seen.planned, seen.whole = set(answer.planned), answer.whole


def pack_answer(host: Host, results: MultiResult) -> bytes:
    """Serialise a worker's answer for a host, known secrets masked."""
    seen = observation_of(host)
    return pickle.dumps(WorkerAnswer(_bare_all(results), tuple(host.connections), frozenset(seen.planned), seen.whole))


def unpack_answer(raw: bytes, host: Host) -> WorkerAnswer:
    """Parse an answer, and attach its results to the controller's ``host``."""
    answer: WorkerAnswer = pickle.loads(raw)  # noqa: S301  # of a worker that has a certificate, see SECURITY.md
    for result in answer.results:
        _adopt(result, host)
    return answer


def _bare_all(results: MultiResult) -> MultiResult:
    bare = MultiResult(results.name)
    bare.extend(_bare_all(result) if isinstance(result, MultiResult) else _bare(result) for result in results)
    return bare


def _bare(result: Result) -> Result:
    """Return a masked copy without the host; the worker's own runner still needs the original."""
    bare, error = copy(result), result.exception
    bare.host = None
    for key, value in vars(result).items():
        if key not in ("exception", "host"):
            setattr(bare, key, mask_all(value))
    bare.exception = _portable(error) if error else None  # type: ignore[assignment]  # until it is adopted
    return bare


def _adopt(result: Result | MultiResult, host: Host) -> None:
    if isinstance(result, MultiResult):
        for inner in result:
            _adopt(inner, host)
        return
    result.host = host
    if isinstance(result.exception, ForeignException):
        result.exception = result.exception.rebuilt()


def _portable(error: BaseException) -> MoorError | ForeignException:
    words = mask(str(error))
    return error.reworded(words) if isinstance(error, MoorError) else ForeignException(type(error).__name__, words)


def mask_all(value: Any) -> Any:
    """Return a copy of ``value`` with the known secrets masked in all texts inside."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields"):
        return type(value)(mask_all(part) for part in value)
    if isinstance(value, dict):
        return {mask_all(key): mask_all(part) for key, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {part.name: mask_all(getattr(value, part.name)) for part in fields(value) if part.init}
        return replace(value, **parts)
    return value
