"""A new CA takes the place of the present one on a fleet that pulls all the while, stopped and killed on the way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from moor.pki.authority import is_signed_by
from moor.pki.keystore import CaFiles
from moor.tasks.facts import Registry
from moor.tasks.pki.serving import read_served_certificate
from moor_lab import faults
from tests.harness.waiting import after
from tests.lab.conftest import Moored
from tests.lab.diagnosing import CERTS_D, address, pusher
from tests.lab.drifting import drifted

pytestmark = pytest.mark.lab

PULLING = ("node1", "node2")
IMAGE = "registry.moor.test/demo/sqrt:small"
# Each pull fetches everything, for nothing is left of the one before; bounded, should nobody end it.
LOOP = f"""\
n=0; rm -f /run/pulls /run/pulls.end
while [ ! -e /run/pulls.end ] && [ "$n" -lt 3000 ]; do
  n=$((n + 1))
  if ctr -n rotation images pull --hosts-dir /etc/containerd/certs.d --user "admin:$(cat /run/pulls.login)" {IMAGE} \\
    >/run/pulls.said 2>&1
  then echo pulled >>/run/pulls; else tail -n 1 /run/pulls.said >>/run/pulls; fi
  ctr -n rotation images rm --sync {IMAGE} >/dev/null 2>&1; sleep 0.3
done
rm -f /run/pulls.login; ctr namespaces rm rotation; echo ended >>/run/pulls
"""
ANCHORS = "cat /usr/local/share/ca-certificates/moor-registry-ca*.crt"


@contextmanager
def pulls(moored: Moored) -> Iterator[None]:
    """Have nodes pull with hardly a pause; raises AssertionError where one pull failed or hardly any was tried."""
    assert pusher(moored).small() == IMAGE
    password = (moored.lab.directory / "secrets/harbor-admin").read_text()
    for name in PULLING:
        moored.lab.exec(name, ["sh", "-c", "umask 077; cat >/run/pulls.login"], stdin=password)
        moored.lab.exec(name, ["systemd-run", "--quiet", "sh", "-c", LOOP])
    try:
        yield
    finally:
        for name in PULLING:
            moored.lab.exec(name, ["touch", "/run/pulls.end"])
    for name in PULLING:
        wait = "for i in $(seq 300); do grep -qx ended /run/pulls && break; sleep 0.2; done; sort /run/pulls | uniq -c"
        told = moored.lab.exec(name, ["sh", "-c", wait], timeout_s=90).splitlines()
        counts = {words: int(count) for count, words in (line.split(maxsplit=1) for line in told)}
        assert set(counts) == {"pulled", "ended"}, counts
        assert counts["pulled"] > 5


def served(moored: Moored) -> x509.Certificate:
    registry = Registry.model_validate({"name": "registry.moor.test", "address": address(moored, "harbor1")})
    return x509.load_der_x509_certificate(read_served_certificate(registry))


def authority(succession: CaFiles) -> x509.Certificate:
    found = succession.present.certificate()
    assert found
    return found


def killed(site: Path, after_s: float) -> None:
    argv = [sys.executable, "-m", "moor", "cert", "renew", "--yes", "--site", str(site)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        after(after_s)
        process.kill()


def test_a_ca_is_rotated_in_steps_that_stop_and_go_on_and_no_pull_fails(moored: Moored) -> None:
    moor, lab = moored.moor, moored.lab
    succession = CaFiles(moor.site / ".moor/pki")
    old, first = authority(succession), served(moored)
    planned = moor("cert", "renew", "--ca", "--plan")
    assert planned.returncode == 2, planned.stdout + planned.stderr
    assert "~ authority-in-turn:registry.moor.test  [harbor1]" in planned.stdout
    assert "~ trust-bundle:moor-registry-ca" in planned.stdout
    assert succession.trusted() == [old]
    with pulls(moored):
        with faults.partition(lab, "node3"):
            stopped = moor("cert", "renew", "--ca", "--yes")
        assert stopped.returncode == 1
        assert "node3: not known to trust the next CA, so the present one stays" in stopped.stdout
        assert (authority(succession), served(moored)) == (old, first)
        assert lab.exec("node1", ["sh", "-c", ANCHORS]).count("BEGIN CERTIFICATE") == 2
        assert drifted(moored).code == 2
        killed(moor.site, 4)
        done = moor("cert", "renew", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        now, second = authority(succession), served(moored)
        assert now != old
        assert is_signed_by(second, now)
        renewed = moor("cert", "renew", "--yes")
        assert renewed.returncode == 0, renewed.stdout + renewed.stderr
    assert (authority(succession), served(moored) != second) == (now, True)
    for name, files in {"ws1": ANCHORS, "node1": ANCHORS, "node3": f"cat {CERTS_D}/ca.crt"}.items():
        (trusted,) = x509.load_pem_x509_certificates(lab.exec(name, ["sh", "-c", files]).encode())
        assert trusted == now
    found = drifted(moored)
    assert (found.code, found.open) == (0, {})
    shown = moor("cert", "show")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert {line.split()[0] for line in shown.stdout.splitlines()[1:]} >= {"ca", "registry", "served"}
