"""Which hosts of a roll-out take their turn together, and in which order; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from moor.run.rolling.amount import Amount

WaveKind = Literal["first", "canary", "batch", "rest"]


@dataclass(frozen=True)
class Wave:
    """Hosts that take their turn together.

    Attributes:
        kind: ``first`` for the hosts that others need, ``rest`` for all at once.
        hosts: their names, in the inventory's order.
        name: as progress says it, such as ``batch 2 of 7``.
    """

    kind: WaveKind
    hosts: tuple[str, ...]
    name: str


def waves_of(
    hosts: Sequence[str], ahead: Collection[str], canary: Amount | Collection[str] | None, batch: Amount | None
) -> tuple[Wave, ...]:
    """Return the waves, each of at least one host; every host is in exactly one.

    Args:
        hosts: all hosts of the run, in the inventory's order.
        ahead: those that come before the canary, since others need them or nothing changes on them.
        canary: how many hosts, or which, come before all batches; those of ``ahead`` are no canaries.
        batch: the size of a batch, at least one host; None for all the rest at once.
    """
    return tuple(wave for wave in _waves(hosts, ahead, canary, batch) if wave.hosts)


def _waves(
    hosts: Sequence[str], ahead: Collection[str], canary: Amount | Collection[str] | None, batch: Amount | None
) -> Iterator[Wave]:
    yield Wave("first", tuple(name for name in hosts if name in ahead), "hosts that come first")
    rolled = [name for name in hosts if name not in ahead]
    if isinstance(canary, Amount):
        chosen: Collection[str] = rolled[: max(1, canary.of(len(rolled)))]
    else:
        chosen = canary or ()
    yield Wave("canary", tuple(name for name in rolled if name in chosen), "canary")
    left = [name for name in rolled if name not in chosen]
    if batch is None:
        yield Wave("rest", tuple(left), "the other hosts")
        return
    rest, size = iter(left), max(1, batch.of(len(rolled)))
    parts = [part for _ in left[::size] if (part := tuple(islice(rest, size)))]
    yield from (Wave("batch", part, f"batch {at} of {len(parts)}") for at, part in enumerate(parts, 1))
