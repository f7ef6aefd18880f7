"""What travels between a controller and its workers: orders there, results back, never a secret."""

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
    """Which run's observation a host goes on with, and what a dry run would have changed there by now."""

    number: int
    planned: frozenset[str]


@dataclass(frozen=True)
class Order:
    """One task for some hosts of a worker, by their names; what is theirs the worker reads itself.

    Attributes:
        number: tells this order's answers from those of others
        token: of the session that is meant; a worker that was started anew has another
        topic: where the answers go
        context: what the controller knows of the run, as far as it travels
        failed: hosts of the whole run, whichever worker has them
    """

    number: int
    token: str
    topic: str
    task: Callable[..., Any]
    name: str
    severity: int
    params: Mapping[str, Any]
    dry_run: bool
    at_once: int
    hosts: Mapping[str, ObservationState | None]
    context: RunContext
    failed: frozenset[str]


@dataclass(frozen=True)
class WorkerAnswer:
    """What a worker says of one host: results, the connections that it holds open, and of its observation the rest."""

    results: MultiResult
    connections: tuple[str, ...] = ()
    planned: frozenset[str] = frozenset()
    whole: bool = False


@dataclass(frozen=True)
class ForeignException:
    """An exception by the name of its class and its words, since not every one survives a journey."""

    name: str
    words: str

    def rebuilt(self) -> Exception:
        """Return an exception that reads the same."""
        made: Exception = type(self.name, (Exception,), {})(self.words)
        return made


def observation_state_of(host: Host) -> ObservationState | None:
    """Return which observation of the host is under way; None where no run is."""
    seen = current_observation(host)
    return ObservationState(seen.number, frozenset(seen.planned)) if seen else None


def resume_observation(host: Host, reading: ObservationState | None) -> None:
    """Go on with what this worker has read of the host in the same run, else begin anew."""
    if reading is None:
        end_observation(host)
        return
    if (seen := current_observation(host)) is None or seen.number != reading.number:
        begin_observation(host)
        observation_of(host).number = reading.number
    observation_of(host).planned = set(reading.planned)


def take_answer(host: Host, answer: WorkerAnswer) -> None:
    """Take over what a worker has observed; what it read stays there."""
    if seen := current_observation(host):
        seen.planned, seen.whole = set(answer.planned), answer.whole


def pack_answer(host: Host, results: MultiResult) -> bytes:
    """Write what a worker says of a host, without anything secret that this process knows."""
    seen = observation_of(host)
    return pickle.dumps(WorkerAnswer(_bare_all(results), tuple(host.connections), frozenset(seen.planned), seen.whole))


def unpack_answer(raw: bytes, host: Host) -> WorkerAnswer:
    """Read an answer; its results belong to the controller's ``host`` from now on."""
    answer: WorkerAnswer = pickle.loads(raw)  # noqa: S301  # of a worker that has a certificate, see SECURITY.md
    for result in answer.results:
        _adopt(result, host)
    return answer


def _bare_all(results: MultiResult) -> MultiResult:
    bare = MultiResult(results.name)
    bare.extend(_bare_all(result) if isinstance(result, MultiResult) else _bare(result) for result in results)
    return bare


def _bare(result: Result) -> Result:
    """Give a copy without the host, which the controller has, and masked; the runner here still needs the original."""
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
    """Return ``value`` with every known secret struck out of the texts in it."""
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
