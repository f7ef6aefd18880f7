"""What the benchmark's page says of the way of packets."""

from __future__ import annotations

from textwrap import fill

from bench.tables import rows_of
from bench.ways.measure import WaysMeasured


def ways_section(found: WaysMeasured) -> str:
    """Return the words and the table."""
    words = (
        f"Whether {found.nodes} nodes reach the registry in both address families, there and back, now and after the "
        f"plan, through {found.devices} routers with lists of {found.lines:,} lines in each family, of which the plan "
        "changes a hundredth; and which flows it opens and shuts. Configurations are parsed from files, the answer is "
        "made as text; the time begins with the start of Python."
    )
    rows = [["the question", f"{found.took_s:.2f}", f"{found.cpu_s:.2f}", f"{found.peak_mb:.0f}"]]
    return f"{fill(words, 120)}\n\n{rows_of(['', 'time, s', 'CPU, s', 'memory, MB'], rows)}"
