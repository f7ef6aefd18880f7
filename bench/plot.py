"""Plot bench/results.svg from figures on standard input; this runs in the benchmark's environment.

Reads  {contender: {hosts: ms of CPU a host}}, JSON
"""

import json
import sys

import matplotlib  # type: ignore[import-not-found]

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "moor"  # the same figures make the same file

from matplotlib import pyplot  # noqa: E402 - the backend is chosen first


def draw(costs: dict[str, dict[str, float]], path: str) -> None:
    """Draw a line for each contender, on logarithmic axes."""
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for name, found in costs.items():
        sizes = sorted(map(int, found))
        width = 2.6 if name.startswith("moor") else 1.4
        axes.plot(sizes, [found[str(size)] for size in sizes], marker="o", markersize=4, linewidth=width, label=name)
    axes.set(xscale="log", yscale="log", xlabel="hosts", ylabel="CPU of the client, ms a host")
    ticks = sorted({int(size) for found in costs.values() for size in found})
    axes.set_xticks(ticks, labels=map(str, ticks))
    axes.minorticks_off()
    axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter("{x:g}"))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)


draw(json.load(sys.stdin), sys.argv[1])
