"""The image of which containerd makes every pod's sandbox (pause): which one it is, and of which registry; pure."""

from __future__ import annotations

from moor.tasks.mirrors.settings import DOCKER_HUB

# Up to version 2 of the configuration the key is sandbox_image, later it is sandbox below pinned_images.
READ_SANDBOX = """\
d=$(cd / && containerd config dump 2>/dev/null)
printf '%s\\n' "$d" | sed -n "s/^ *sandbox\\(_image\\)\\{0,1\\} = [\\"']\\(..*\\)[\\"'] *$/\\2/p" | head -n 1"""


def split_registry(reference: str) -> tuple[str, str]:
    """Split an image into its registry and the rest, as containerd does: without a registry it is Docker Hub's."""
    first, slash, rest = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return DOCKER_HUB, reference if slash else f"library/{reference}"
