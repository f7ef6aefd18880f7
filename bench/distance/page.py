"""The section of the page about distance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import fill

from bench.contenders.everybody import FAR_AT_ONCE
from bench.distance.measure import BUSY, LATE, Far, held_up
from bench.results import MOOR
from bench.tables import rows_of

HOW = f"""\
A relay delays each direction by half of the round trip that is named, which is what `ping` would show. It is a process
of its own that is not charged to anybody. TCP's handshake takes its time, too: a host's first word arrives after two
round trips. moor takes its own number of hosts at once; pyinfra works on {FAR_AT_ONCE["pyinfra"]}, ansible on
{FAR_AT_ONCE["ansible-raw"]}, which shortens their runs. Every tool found the planted drift over the distance first.
moor's runs without distance are those of the same round, just before.
"""


def distances(found: Sequence[Far]) -> str:
    """Return the section."""
    return "\n".join([f"## Distance\n\n{HOW}", *(part for far in found for part in _of(far))])


def _of(far: Far) -> Iterator[str]:
    sizes = sorted({size for own in far.table.values() for size in own})
    rows = [
        [name, *(f"{own[size].wall_s:.1f}" if size in own else "-" for size in sizes)]
        for name, own in [*far.table.items(), ("moor, no distance", far.near)]
    ]
    own = far.table.get(MOOR, {})
    both = own.keys() & far.near.keys()
    shares = [f"{own[size].wall_s / far.near[size].wall_s:.2f}" if size in both else "-" for size in sizes]
    rows.append(["moor, to its own without distance", *shares])
    yield f"### {far.round_trip_ms} ms of round trip, time in s\n\n" + rows_of(["", *(f"N={s}" for s in sizes)], rows)
    loads = [
        [name, str(size), str(one.connections), f"{one.cpu:.0%}", f"{one.late_ms:.1f}", f"{one.latest_ms:.0f}"]
        for name, sizes in far.relay.items()
        for size, one in sizes.items()
    ]
    heads = ["the relay, in runs of", "hosts", "connections", "of a processor", "late on average, ms", "at most, ms"]
    yield rows_of(heads, loads)
    if slow := held_up(far):
        told = "; ".join(f"{name} at {', '.join(map(str, sizes))}" for name, sizes in slow.items())
        words = f"**The relay held up these runs**: {told}. It used more than {BUSY:.0%} of a processor, or data left "
        yield f"{fill(words + f'it more than {LATE:.0%} of the delay too late on average.', 120)}\n"
