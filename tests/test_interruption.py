"""Ctrl-C and SIGTERM while a host does not answer: an end at once, told with exit code 130."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = "inventory: {plugin: FleetInventory}\n"
HOSTS = """\
mute:
  hostname: 127.0.0.1
  port: {port}
  username: nobody
  connection_options: {{shell: {{extras: {{allow_agent: false}}}}}}
  data: {{registry: {{name: registry.moor.test, address: 10.0.0.1}}}}
"""


def interrupted(site: Path, number: signal.Signals, *words: str) -> tuple[int, str, str]:
    """Send a signal to a command once it waits for a host, and give exit code and both outputs."""
    (site / "inventory").mkdir()
    (site / "config.yaml").write_text(CONFIG)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        (site / "inventory" / "hosts.yaml").write_text(HOSTS.format(port=mute.getsockname()[1]))
        argv = [sys.executable, "-m", "moor", *words, "--site", str(site)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        mute.settimeout(60)
        peer, _ = mute.accept()  # moor has connected, and waits for a banner that does not come
        with peer:
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_at_once_and_says_what_it_was_at(tmp_path: Path, number: signal.Signals) -> None:
    code, out, err = interrupted(tmp_path, number, "check")
    assert code == 130
    assert "interrupted: 0 changed, 0 failed before that\n  mute: under way: " in out
    assert "Traceback" not in err


def test_an_interrupted_run_that_speaks_to_a_program_does_so_to_its_end(tmp_path: Path) -> None:
    code, out, err = interrupted(tmp_path, signal.SIGTERM, "plan", "names", "--output", "json")
    assert (code, "Traceback" in err) == (130, False)
    assert "mute: under way: read; not begun: write_hosts" in json.loads(out)["warnings"][0]


def test_an_interrupted_apply_is_in_history(tmp_path: Path) -> None:
    code, _, err = interrupted(tmp_path, signal.SIGINT, "apply", "names", "--yes")
    assert (code, "Traceback" in err) == (130, False)
    told = subprocess.run(
        [sys.executable, "-m", "moor", "history", "--site", str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "apply (interrupted)" in told.stdout
