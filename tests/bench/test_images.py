"""A check of all images of a cluster is measured on images that are well, beside the same requests alone."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from bench.images.measure import STAND_IN, bare_command, check_command
from bench.measure import Command
from bench.standin_process import serving

PODS, IMAGES, NAMESPACES = 30, 10, 3


def run(command: Command) -> str:
    environment = {**os.environ, **command.environment}
    done = subprocess.run(
        command.argv, cwd=command.directory, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_check_needs_two_requests_an_image_and_the_bare_ones_are_the_same(tmp_path: Path) -> None:
    with serving(STAND_IN, tmp_path, PODS, IMAGES, NAMESPACES) as server:
        server.asked()
        checked = run(check_command(tmp_path))
        cluster, registries = server.asked()
        asked = json.loads((tmp_path / "requests.json").read_text())
        bare = run(bare_command(tmp_path))
        assert bare == f"{cluster + registries}\n"
        assert server.asked() == [cluster, registries]
    assert f"images: {IMAGES} images of 2 registries, in {NAMESPACES} namespaces; all well" in " ".join(checked.split())
    assert cluster <= 16  # a page of each kind
    tokens = IMAGES - IMAGES // 10  # every tenth image is another tag of a repository
    assert registries == IMAGES + tokens + 2  # and how to log in, once a registry
    assert sum(one["method"] == "HEAD" for one in asked) == IMAGES
