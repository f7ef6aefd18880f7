"""Images that are brought from another registry or from an archive, as they are, with their digests."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shlex import quote

from nornir.core.task import Task

from moor.engine.asking import shell_of
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import ApiRefusal, ErrorKind, HarborUnreachable, HostError
from moor.resources.archive import Archive
from moor.resources.base import Later, Remote, State, Value
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.harbor.api import harbor_of, may_be_created
from moor.tasks.images.ask_script import Side, prepare
from moor.tasks.images.copy_script import (
    CUT,
    copy_archive,
    copy_image,
    copy_platforms,
    copy_signatures,
    read_manifest,
    verify_signature,
)
from moor.tasks.images.layout import Held, files_of
from moor.tasks.images.origin import Origin
from moor.tasks.images.own_login import own_login
from moor.tasks.images.platforms import made_from, own_list, platforms_in
from moor.tasks.images.upstream_answers import NO_CURL, answer_about, proxy_lines, side_of, upstream_of
from moor.tasks.pki.issue import ca_pem
from moor.tasks.registry.projects import project_of, robot_login

COPY_S = 4 * 3600.0
UPLOADS = "/var/lib/moor/images"
NOT_SIGNED = 3  # exit code of a copy whose signature is not valid


@dataclass(frozen=True)
class BroughtImage(Remote):
    """An image in the registry that is what another registry, or an archive, has.

    Attributes:
        reference: its name with the registry's before it
        robot: the robot or login that pushes
        key: of cosign's; None if it need not be signed
        archive: the archive's path and what it holds; None for an image of a registry
    """

    name: str
    reference: str
    origin: Origin
    robot: str
    platforms: tuple[str, ...] = ()
    key: Path | None = None
    archive: tuple[Path, Held] | None = None

    @property
    def id(self) -> str:
        return f"image:{self.name}"

    @property
    def bound_s(self) -> float:
        return COPY_S

    def desired(self, actual: State | None) -> State:
        if self.archive:
            return {self.archive[1].field: self.archive[1].digest}
        there: Value = (actual or {}).get("there") or Later(NO_CURL)
        if self.platforms:
            return {"upstream": there, "platforms": " ".join(self.platforms)}
        return {"digest": there, **({"signature": "copied"} if self.key else {})}

    def read(self, task: Task) -> State | None:
        try:
            held = self._held(task)
        except HarborUnreachable:
            if not may_be_created(task):
                raise
            held = {"digest" if not self.platforms else "upstream": "(not known: Harbor does not answer)"}
        there = self._there(task, held) if not self.archive else ""
        return {**({"there": there} if there else {}), **(held or {})} if held or there else None

    def _held(self, task: Task) -> dict[str, str] | None:
        repository, _, tag = self.name.rpartition(":")
        found = harbor_of(task).manifest(repository, tag, own_login(task, project_of(self.name), self.robot))
        if found is None:
            return None
        digest, manifest = found
        if self.archive:
            return {"digest": digest, "image": (manifest.get("config") or {}).get("digest", f"a list, {digest}")}
        if self.platforms:
            source = made_from(manifest) or f"not of moor's making, {digest}"
            return {"upstream": source, "platforms": platforms_in(manifest, self.platforms)}
        return {"digest": digest, **({"signature": self._signature(task, digest)} if self.key else {})}

    def _there(self, task: Task, held: dict[str, str] | None) -> str:
        """Return the digest upstream; what is held where that cannot be known, with a finding; empty if not known yet.

        Raises:
            ApiRefusal: it cannot be known, and nothing is held
        """
        if self.origin.digest:
            return self.origin.digest
        answer = answer_about(task, self.origin)
        words, kind = answer.trouble(self.origin, task.host.name)
        if not words:
            return answer.digest
        if held is None:
            raise ApiRefusal(f"{self.id}: {words}", kind)
        self._report(task, answer.is_gone, words)
        return held.get("upstream", held.get("digest", ""))

    def _report(self, task: Task, gone: bool, words: str) -> None:
        """Add what is wrong with upstream to the task's results, once: its image is gone, or it could not be asked."""
        if gone:
            mend = f"take {self.name} out of data.images if it is not needed; moor removes nothing"
            found = Finding(f"upstream-gone:{self.name}", f"{words} any more; ours stays", mend, task.host.name)
        else:
            what = f"whether {self.name} moved upstream is not known: {words}"
            found = Finding(f"upstream:{self.name}", what, host=task.host.name, state="unexamined")
        if found not in [sub.found for sub in task.results if isinstance(sub, FindingResult)]:
            task.results.append(FindingResult(task.host, found))

    def _signature(self, task: Task, digest: str) -> str:
        """Return whether the registry has signatures of an image, under cosign's tag or as what refers to it."""
        repository, login = self.name.rpartition(":")[0], own_login(task, project_of(self.name), self.robot)
        harbor, tag = harbor_of(task), digest.replace(":", "-")
        if any(harbor.manifest(repository, f"{tag}{end}", login) for end in (".sig", "")):
            return "copied"
        answer = harbor.ask_registry("GET", f"/v2/{repository}/referrers/{digest}", login=login)
        return "copied" if answer.is_success and '"digest"' in answer.text else "missing"

    def write(self, task: Task, actual: State | None) -> None:
        login = robot_login(task, project_of(self.name), self.robot)
        if login is None:
            raise HostError(f"the robot {self.robot}, which pushes, does not exist yet; run moor apply registry first")
        ca = ca_pem(task.host)
        ours = Side(settings_of(task.host, Registry).host_port, login, "" if isinstance(ca, Later) else ca)
        if self.archive:
            self._copy_archive(task, ours, self.archive[0])
            return
        digest = str((actual or {}).get("there") or "") or self.origin.digest or answer_about(task, self.origin).digest
        if not digest:
            raise HostError(answer_about(task, self.origin).trouble(self.origin, task.host.name)[0])
        sides = {"ours": ours, "theirs": side_of(task.host, self.origin.place)}
        self._run(task, f"{prepare(sides, proxy_lines(task.host))}\n{self._steps(task, sides, digest)}")

    def _steps(self, task: Task, sides: dict[str, Side], digest: str) -> str:
        """Return the sh that verifies an image's signature, copies the image, then its signatures."""
        source, repository = f"{self.origin.named}@{digest}", self.reference.rpartition(":")[0]
        before, after = "", ""
        if self.key:
            log = upstream_of(task.host, self.origin.place).transparency_log
            before = f"{verify_signature(source, self.key.read_text(), log=log)}\n"
        copied = copy_image("theirs", source, self.reference)
        signed = [digest]
        if self.platforms:
            said = self._run(task, f"{prepare(sides, proxy_lines(task.host))}\n{read_manifest('theirs', source)}")
            raw, _, config = said.partition(f"\n{CUT}\n")
            chosen = own_list(raw, digest, self.platforms, config)
            signed = [*chosen.digests]
            copied = copy_platforms("theirs", self.origin.named, self.reference, chosen.digests, chosen.content)
        if self.key:
            after = "".join(f"\n{copy_signatures('theirs', self.origin, one, repository)}" for one in signed)
        return f"{before}{copied} || exit 1{after}"

    def _copy_archive(self, task: Task, ours: Side, path: Path) -> None:
        """Bring the archive to the host, continuing an upload that was cut, and copy its image from there."""
        place = f"{UPLOADS}/{sha256(str(self.origin).encode()).hexdigest()[:16]}"
        for name, source in files_of(self.origin, path).items():
            Archive(f"{place}/{name or 'image.tar'}", source).write(task, None)
        there = place if self.origin.transport == "oci" else f"{place}/image.tar"
        copied = copy_archive(self.origin.transport, there, self.origin.tag, self.reference)
        self._run(task, f"{prepare({'ours': ours})}\n{copied} && rm -rf {quote(place)}")

    def _run(self, task: Task, script: str) -> str:
        answer = shell_of(task).run(f"{script}\n", COPY_S)
        said = answer.stderr.decode("utf-8", "replace").strip()[-2000:]
        if answer.code == NOT_SIGNED and self.key:
            raise HostError(f"{self.origin} has no valid signature by {self.key}, and is not copied: {said}")
        if answer.code:
            raise HostError(f"cannot copy {self.origin}: {said}", ErrorKind.COMMAND)
        return answer.stdout.decode("utf-8", "surrogateescape")
