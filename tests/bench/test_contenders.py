"""What every tool says is read as hosts that are not as they should be; recorded from runs with planted drift."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import checks
from bench.contenders.ansible import Ansible
from bench.contenders.bundlewrap import Bundlewrap
from bench.contenders.contender import Contender
from bench.contenders.moor import Moor
from bench.contenders.pyinfra import Pyinfra
from bench.contenders.ssh import Ssh, wanted
from bench.fleet import light_fleet, names
from bench.measure import Run
from bench.reach import direct
from moor.errors import MoorError
from moor_lab.lab import Lab

ANSIBLE = """
PLAY RECAP *********************************************************************
h0001                      : ok=8    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
h0002                      : ok=6    changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0
h0003                      : ok=8    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
"""
PYINFRA = """
    [h0003] Ready: deploy.py
    [h0001] Ready: deploy.py
--> Detected changes:
    Operation                                                          Change      Conditional Change
    files.put (src=registry.conf, dest=/etc/bench/registry.conf)       1 (h0001)   -
    files.put (src=bundle.conf, dest=/etc/bench/bundle.conf)           -           -
"""
BUNDLEWRAP = """\
i │ node            │ items │ good │ bad │ unknown │ health │ duration │
i ├─────────────────┼───────┼──────┼─────┼─────────┼────────┼──────────┤
i │ h0003           │     8 │    8 │   0 │       0 │ 100.0% │       2s │
i │ h0002           │     8 │    7 │   1 │       0 │  87.5% │       2s │
i │ h0001           │     8 │    7 │   0 │       1 │  87.5% │       2s │
i │ total (3 nodes) │    24 │   22 │   1 │       1 │  91.2% │       2s │
"""
SSH = f"h0003 {wanted()}\nh0001 {wanted().replace('room', '')}\n"


def host(status: str, reached: bool = True) -> dict[str, object]:
    return {"reached": reached, "error": None, "resources": [{"status": status}]}


MOOR = json.dumps({"hosts": {"h0001": host("drift"), "h0002": host("ok", reached=False), "h0003": host("ok")}})
CASES = [(Moor, MOOR), (Ssh, SSH), (Ansible, ANSIBLE), (Pyinfra, PYINFRA), (Bundlewrap, BUNDLEWRAP)]


@pytest.mark.parametrize(("kind", "said"), CASES)
def test_hosts_that_drifted_and_hosts_that_were_not_reached_are_told(
    kind: type[Contender], said: str, tmp_path: Path
) -> None:
    contender = kind(direct(Lab(light_fleet(3, 75))), tmp_path)
    assert contender.drifted(Run(2, said, "", 1, 1, 1), names(3)) == {"h0001", "h0002"}


@pytest.mark.parametrize("kind", [kind for kind, _ in CASES])
def test_a_tool_that_says_nothing_is_an_error(kind: type[Contender], tmp_path: Path) -> None:
    contender = kind(direct(Lab(light_fleet(3, 75))), tmp_path)
    with pytest.raises(MoorError, match="no such key file"):
        contender.drifted(Run(1, "", "no such key file", 1, 1, 1), names(3))


def test_every_check_has_a_drift_of_its_own() -> None:
    assert len({plant.kind for plant in checks.PLANTS}) == len(checks.PLANTS) == 7
    assert {path for path in checks.FILES if any(path in plant.plant for plant in checks.PLANTS)} < set(checks.FILES)
