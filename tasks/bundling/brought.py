"""Images of other registries in a bundle: copied by skopeo with their digests, each blob once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from moor.context import site_of
from moor.errors import HostError, InputError
from moor.formats.nesting import parse_json
from moor.secrets import private_files
from moor.tasks.attached import Attached, manifests_in
from moor.tasks.bundle.attached import fault_of
from moor.tasks.bundle.manifest import BLOBS, OCI_INDEX, BundledImage
from moor.tasks.bundling.attached import attached_to
from moor.tasks.bundling.image_needs import ImageNeed
from moor.tasks.bundling.workshop import REF_NAME, Workshop, run_tool, tell
from moor.tasks.images.ask_script import logins_of
from moor.tasks.images.platforms import OwnList, own_list
from moor.tasks.images.upstream_answers import side_of, upstream_of

ANYTHING = {"default": [{"type": "insecureAcceptAnything"}]}  # digests and cosign's keys are compared beside it
DRAFT = "moor-draft"  # the name in the layout of what is copied for an image of some platforms


def missing_tools(needs: Sequence[ImageNeed]) -> Iterator[str]:
    """Yield a line for each program that copying needs and this machine lacks."""
    if needs and not shutil.which("skopeo"):
        yield "skopeo is not on this machine, and images of other registries are copied by it; install it"
    signed = next((need for need in needs if need.key), None)
    if signed and not shutil.which("cosign"):
        yield f"cosign is not on this machine, and {signed.name} must be signed by {signed.key}; install it"


@dataclass(frozen=True)
class Taken:
    """An image in the layout.

    Attributes:
        descriptor: of its manifest.
        attached: what is attached to it, with the descriptors; None if nobody asked.
    """

    descriptor: dict[str, object]
    attached: Mapping[Attached, dict[str, object]] | None = None

    def named(self, name: str) -> dict[str, dict[str, object]]:
        """Return the descriptors by their names in the layout, which are those in the registry."""
        repository = name.rpartition(":")[0]
        along = {f"{repository}{one.reference}": found for one, found in (self.attached or {}).items()}
        return {name: self.descriptor, **along}


def take_image(need: ImageNeed, workshop: Workshop) -> Taken:
    """Copy an image into the bundle's layout, and what is attached to it.

    Blobs that are there already are not fetched again.

    Raises:
        HostError: skopeo or cosign failed; with its own words. Or the registry does not say what is attached.
        InputError: a login, a CA or a key cannot be read, or a platform is not there.
    """
    tell(f"image {need.name}: from {need.origin}")
    before = {path.name for path in workshop.blobs.iterdir()}
    with _access(need, workshop) as skopeo:
        taken = Taken(_copied(need, skopeo, workshop))
        if (need.signatures or need.key) and not need.origin.is_archive:
            taken = Taken(taken.descriptor, _attached(need, taken, skopeo, workshop))
    for path in workshop.blobs.iterdir():
        if path.name not in before:  # skopeo has compared it with its digest while it wrote it
            workshop.note(f"{BLOBS}/{path.name}", path.name)
    return taken


def _attached(need: ImageNeed, taken: Taken, skopeo: Skopeo, workshop: Workshop) -> dict[Attached, dict[str, object]]:
    """Copy what is attached to an image and to each manifest in it."""
    digest = str(taken.descriptor["digest"])
    below = manifests_in(_blob(workshop, digest))
    there = attached_to(need, below if need.platforms else [digest, *below])
    if there.unknown:
        mend = f"run again, or write signatures: false below data.upstreams.{need.origin.place}"
        raise HostError(f"data.images.{need.name}: whether it has signatures is not known: {there.unknown}; {mend}")
    found = {}
    for one in there.marks:
        name = f"{need.name.rpartition(':')[0]}{one.reference}"
        skopeo.copy(f"docker://{need.origin.named}@{one.digest}", name)
        found[one] = descriptor_of(name, workshop)
    if need.key and not need.platforms:
        image = BundledImage(digest, str(need.origin), tuple(found))
        if fault := fault_of(image, need.key, lambda one: _blob(workshop, one)):
            raise HostError(f"data.images.{need.name}.key: {fault}")
    return found


def _blob(workshop: Workshop, digest: str) -> bytes:
    return (workshop.blobs / digest.partition(":")[2]).read_bytes()


def _copied(need: ImageNeed, skopeo: Skopeo, workshop: Workshop) -> dict[str, object]:
    source = _source(need)
    if need.key and not need.origin.is_archive:
        source = f"docker://{need.origin.named}@{skopeo.digest(source)}"
        skopeo.verify(
            source.removeprefix("docker://"), need.key, upstream_of(need.host, need.origin.place).transparency_log
        )
    if need.platforms:
        return _some_platforms(need, source, skopeo, workshop)
    skopeo.copy(source, need.name)
    return descriptor_of(need.name, workshop)


def _source(need: ImageNeed) -> str:
    origin = need.origin
    if not origin.is_archive:
        return f"docker://{origin}"
    path = site_of(need.host).directory / origin.place
    if not path.exists():
        raise InputError(f"data.images.{need.name}.from: no such file: {path}")
    return ":".join(filter(None, (origin.transport, str(path), origin.tag)))


def _some_platforms(need: ImageNeed, source: str, skopeo: Skopeo, workshop: Workshop) -> dict[str, object]:
    """Copy some platforms of an image, each with its digest, and put the list of them in the layout."""
    raw = skopeo.raw(source)
    digest = f"sha256:{hashlib.sha256(raw.encode('utf-8', 'surrogateescape')).hexdigest()}"
    config = "" if "manifests" in parse_json(raw) else skopeo.config(source)
    try:
        chosen: OwnList = own_list(raw, digest, need.platforms, config)
    except HostError as error:
        raise HostError(f"data.images.{need.name}.platforms: {error}", error.kind) from None
    for one in chosen.digests:
        skopeo.copy(f"docker://{need.origin.named}@{one}", DRAFT)
    content = chosen.content.encode()
    made = hashlib.sha256(content).hexdigest()
    workshop.write(f"{BLOBS}/{made}", content)
    return {"mediaType": parse_json(content)["mediaType"], "digest": f"sha256:{made}", "size": len(content)}


def descriptor_of(name: str, workshop: Workshop) -> dict[str, object]:
    """Return the descriptor that skopeo has written of an image of the layout."""
    entries = parse_json((workshop.folder / OCI_INDEX).read_text())["manifests"]
    for entry in entries:
        if (entry.get("annotations") or {}).get(REF_NAME) == name:
            return {key: entry[key] for key in ("mediaType", "digest", "size")}
    raise HostError(f"{name}: skopeo has written no entry of it into {workshop.folder / OCI_INDEX}; run again")


@dataclass(frozen=True)
class Skopeo:
    """skopeo with the files that one registry needs.

    Attributes:
        files: a directory with the policy, the logins and the CA.
        layout: the bundle's directory.
    """

    files: Path
    layout: Path

    @property
    def _options(self) -> list[str]:
        return ["--authfile", str(self.files / "config.json"), "--cert-dir", str(self.files / "certs")]

    def _run(self, *words: str) -> str:
        return run_tool(["skopeo", "--policy", str(self.files / "policy.json"), *words])

    def copy(self, source: str, name: str) -> None:
        keep = [] if source.startswith("docker-archive:") else ["--preserve-digests"]
        own = ["--src-authfile", str(self.files / "config.json"), "--src-cert-dir", str(self.files / "certs")]
        self._run("copy", "--quiet", "--all", *keep, "--retry-times=3", *own, source, f"oci:{self.layout}:{name}")

    def raw(self, source: str) -> str:
        return self._run("inspect", "--raw", *self._options, source)

    def config(self, source: str) -> str:
        return self._run("inspect", "--raw", "--config", *self._options, source)

    def digest(self, source: str) -> str:
        raw = self.raw(source).encode("utf-8", "surrogateescape")
        return f"sha256:{hashlib.sha256(raw).hexdigest()}"

    def verify(self, image: str, key: Path, log: bool) -> None:
        """Have cosign verify an image's signature."""
        options = [] if log else ["--private-infrastructure=true"]
        run_tool(
            ["cosign", "verify", "--key", str(key), *options, image], {**os.environ, "DOCKER_CONFIG": str(self.files)}
        )


@contextmanager
def _access(need: ImageNeed, workshop: Workshop) -> Iterator[Skopeo]:
    """Yield skopeo with the login and the CA of an image's registry, in files that are gone afterwards."""
    with TemporaryDirectory(prefix="moor-") as folder:
        files = Path(folder)
        (files / "certs").mkdir()
        logins: Mapping[str, object] = {}
        if not need.origin.is_archive:
            side = side_of(need.host, need.origin.place)
            logins = logins_of(side)
            if side.ca:
                (files / "certs" / "ca.crt").write_text(side.ca)
        private_files.write(files / "config.json", json.dumps({"auths": logins}).encode())
        (files / "policy.json").write_text(json.dumps(ANYTHING))
        yield Skopeo(files, workshop.folder)
