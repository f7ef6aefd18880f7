"""The kubelet's records of its pulls: which image came with whose login, and which pod may use it without another pull.

The files are those of a real kubelet, at the same place, so that they are examined in the same way.

Source  Kubernetes 1.36: pkg/kubelet/images/pullmanager, KEP 2535 (ensure secret pulled images).
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..objects import Object, now, timestamp
from .images import Credentials, Reference

HOME = Path("/var/lib/kubelet")
API_VERSION = "kubelet.config.k8s.io/v1beta1"
NEVER, PRELOADED, LISTED, ALWAYS = (
    *("NeverVerify", "NeverVerifyPreloadedImages"),
    *("NeverVerifyAllowlistedImages", "AlwaysVerify"),
)


@dataclass(frozen=True)
class Policy:
    """Which images that are on the node a pod has to prove its right to; ``listed`` are names that are free."""

    name: str = PRELOADED
    listed: tuple[str, ...] = ()

    def verifies(self, image: str, by_kubelet: bool) -> bool:
        """Return whether a pod has to prove its right to an image; preloaded ones are free by default."""
        if self.name == LISTED:
            return not any(_is_listed(image, pattern) for pattern in self.listed)
        return self.name == ALWAYS or (self.name == PRELOADED and by_kubelet)


def _is_listed(image: str, pattern: str) -> bool:
    return image.startswith(pattern[:-1]) if pattern.endswith("/*") else image == pattern


def read_policy(configuration: Path) -> Policy:
    """Return the policy in a kubelet's configuration file; the default one without a file or the field."""
    text = configuration.read_text() if configuration.exists() else ""
    found = re.search(r"^imagePullCredentialsVerificationPolicy: *[\"']?(\w+)", text, re.MULTILINE)
    listed = re.search(r"^preloadedImagesVerificationAllowlist:\n((?: *- .*\n?)*)", text, re.MULTILINE)
    names = re.findall(r"- *[\"']?([^\s\"']+)", listed[1]) if listed else []
    return Policy(found[1] if found else PRELOADED, tuple(names))


@dataclass(frozen=True)
class Records:
    """The records below a kubelet's directory."""

    home: Path = HOME
    policy: Policy = Policy()
    clock: Callable[[], datetime] = now

    @property
    def _pulling(self) -> Path:
        return self.home / "image_manager" / "pulling"

    @property
    def _pulled(self) -> Path:
        return self.home / "image_manager" / "pulled"

    def intend(self, image: str) -> None:
        """Record that a pull begins; if it is cut off, the image still counts as the kubelet's."""
        _write(self._pulling / file_name(image), {"kind": "ImagePullIntent", "apiVersion": API_VERSION, "image": image})

    def end(self, image: str) -> None:
        """Record that a pull ended."""
        (self._pulling / file_name(image)).unlink(missing_ok=True)

    def recover(self, id_of: Callable[[str], str]) -> None:
        """Turn pulls that were cut off into records without a login, so that every pod proves its right.

        Args:
            id_of: returns the ID of an image on this node; empty if it is not there
        """
        for intent in _read_all(self._pulling):
            found = id_of(intent["image"])
            if found:
                self._write(found, self._read(found) or {})
                self.end(intent["image"])

    def note(self, reference: Reference, id: str, used: Credentials | None) -> None:
        """Record a successful pull; one without a login makes the image free for all pods of the node."""
        mapping = self._read(id) or {}
        entry = mapping.setdefault(reference.name, {})
        secret = _coordinates(used)
        if secret is None:
            mapping[reference.name] = {"nodePodsAccessible": True}
        elif not entry.get("nodePodsAccessible"):
            others = [one for one in entry.get("kubernetesSecrets", []) if one["uid"] != secret["uid"]]
            entry["kubernetesSecrets"] = [*others, secret]
        self._write(id, mapping)

    def allows(self, reference: Reference, id: str, given: list[Credentials]) -> bool:
        """Return whether a pod with these logins may use the image of this ID that is on the node."""
        mapping = self._read(id)
        by_kubelet = mapping is not None or (self._pulling / file_name(str(reference))).exists()
        if not self.policy.verifies(reference.name, by_kubelet):
            return True
        entry = (mapping or {}).get(reference.name, {})
        if entry.get("nodePodsAccessible"):
            return True
        known = entry.get("kubernetesSecrets", [])
        for secret in filter(None, map(_coordinates, given)):
            if any(_matches(secret, one) for one in known):
                if secret not in known:
                    self.note(reference, id, next(one for one in given if _coordinates(one) == secret))
                return True
        return False

    def _read(self, id: str) -> Object | None:
        """Return the logins of an image by its names; None if the kubelet did not pull it."""
        path = self._pulled / file_name(id)
        return json.loads(path.read_text()).get("credentialMapping", {}) if path.exists() else None

    def _write(self, id: str, mapping: Object) -> None:
        record: Object = {"kind": "ImagePulledRecord", "apiVersion": API_VERSION}
        record |= {"lastUpdatedTime": timestamp(self.clock()), "imageRef": id}
        _write(self._pulled / file_name(id), record | ({"credentialMapping": mapping} if mapping else {}))


def _matches(secret: Object, known: Object) -> bool:
    """Return whether a secret is the recorded one, whatever it holds now, or holds the same login."""
    same = all(secret[key] == known[key] for key in ("uid", "namespace", "name"))
    return same or bool(known["credentialHash"] and secret["credentialHash"] == known["credentialHash"])


def _coordinates(used: Credentials | None) -> Object | None:
    if used is None or used.source is None:
        return None
    source: Object = {"uid": used.source.uid, "namespace": used.source.namespace, "name": used.source.name}
    return source | {"credentialHash": mark(used)}


def mark(used: Credentials) -> str:
    """Return a hash that distinguishes logins without revealing them."""
    return hashlib.sha256(json.dumps({"username": used.user, "password": used.password}).encode()).hexdigest()


def file_name(text: str) -> str:
    """Return the name of the record about an image, or about an image's ID."""
    return f"sha256-{hashlib.sha256(text.encode()).hexdigest()}"


def _write(path: Path, document: Any) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.tmp")
    beside.touch(mode=0o600)
    beside.write_text(json.dumps(document, separators=(",", ":")))
    beside.rename(path)


def _read_all(directory: Path) -> Iterator[Object]:
    for path in sorted(directory.glob("sha256-*")):
        if path.suffix != ".tmp":
            yield json.loads(path.read_text())
