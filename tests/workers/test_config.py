"""The runner of config.yaml: understood, or refused with everything that is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from moor.errors import InputError
from moor.sites.site import open_site
from moor.workers import dask
from tests.harness.sites import write_site

HERE = {"ca.pem": 0o644, "cert.pem": 0o644, "key.pem": 0o600, "open.pem": 0o644}
TLS = "ca: ca.pem, cert: cert.pem, key: key.pem"


def site(folder: Path, options: str) -> Path:
    config = f"runner:\n  plugin: dask\n  options: {options}\n"
    write_site(folder, {"config.yaml": config, "inventory/hosts.yaml": "node1: {hostname: 10.9.0.1}\n"})
    for name, mode in HERE.items():
        (folder / name).touch()
        (folder / name).chmod(mode)
    return folder


@pytest.mark.parametrize(
    "options",
    [
        "{scheduler: tcp://127.0.0.1:8786}",
        "{scheduler: 'tcp://[::1]:8786', num_workers: 50}",
        f"{{scheduler: tls://scheduler.example.org:8786, {TLS}}}",
    ],
)
def test_a_scheduler_of_this_machine_or_behind_tls_is_understood(tmp_path: Path, options: str) -> None:
    assert isinstance(open_site(site(tmp_path, options)).runner, dask.DaskRunner)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("{}", "scheduler: is missing"),
        ("{scheduler: here}", "scheduler: must be tls://HOST:PORT, or tcp://127.0.0.1:PORT"),
        ("{scheduler: tcp://10.0.0.1:8786}", "scheduler: tcp:// is for this machine alone, since whoever reaches"),
        ("{scheduler: tls://10.0.0.1:8786}", "tls:// needs ca, cert, key"),
        (f"{{scheduler: tcp://127.0.0.1:8786, {TLS}}}", "tcp:// uses no certificate"),
        ("{scheduler: tcp://127.0.0.1:1, num_workers: 0}", "num_workers: must be greater than or equal to 1"),
        ("{scheduler: tcp://127.0.0.1:1, sheduler: x}", "sheduler: no such key; did you mean scheduler?"),
        ("{scheduler: tls://a:1, ca: ca.pem, cert: no.pem, key: key.pem}", "cert: no such file: "),
        ("{scheduler: tls://a:1, ca: ca.pem, cert: cert.pem, key: open.pem}", "key: others may read or write this "),
    ],
)
def test_a_wrong_option_is_named_with_its_remedy(tmp_path: Path, options: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        open_site(site(tmp_path, options))
    (line,) = str(error.value).splitlines()
    place, _, rest = line.partition(" runner.options")
    assert place.startswith("config.yaml:")
    assert rest.lstrip(".: ").startswith(said)


def test_without_the_extra_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install distributed, on the controller and on every worker"):
        open_site(site(tmp_path, "{scheduler: tcp://127.0.0.1:8786}"))
