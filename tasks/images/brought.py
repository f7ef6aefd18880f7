"""Images that are brought from another registry or from an archive, as they are, with their digests."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from moor.tasks.attached import Attached, Attachments, held_of, manifests_in, shown
from moor.tasks.facts import Registry
from moor.tasks.harbor.api import harbor_of, may_be_created
from moor.tasks.images.ask_script import Side, prepare
from moor.tasks.images.attached_images import attached_here, attached_upstream, put_lists, report_own, report_unknown
from moor.tasks.images.copy_script import (
    CUT,
    copy_archive,
    copy_attached,
    copy_image,
    copy_platforms,
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
        signatures: whether what is attached to the image comes along
        carried: what a bundle has attached to the image; None for an image that is in none
    """

    name: str
    reference: str
    origin: Origin
    robot: str
    platforms: tuple[str, ...] = ()
    key: Path | None = None
    archive: tuple[Path, Held] | None = None
    signatures: bool = True
    carried: Attachments | None = None

    @property
    def id(self) -> str:
        return f"image:{self.name}"

    @property
    def bound_s(self) -> float:
        return COPY_S

    def desired(self, actual: State | None) -> State:
        attached = {"attached": actual["to attach"]} if actual and "to attach" in actual else {}
        if self.archive:
            return {self.archive[1].field: self.archive[1].digest, **attached}
        there: Value = (actual or {}).get("there") or Later(NO_CURL)
        if self.platforms:
            return {"upstream": there, "platforms": " ".join(self.platforms), **attached}
        return {"digest": there, **attached}

    def read(self, task: Task) -> State | None:
        subjects: Sequence[str] = ()
        try:
            held, subjects = self._held(task)
        except HarborUnreachable:
            if not may_be_created(task):
                raise
            held = {"digest" if not self.platforms else "upstream": "(not known: Harbor does not answer)"}
        there = self._there(task, held) if not self.archive else ""
        wanted = self.archive[1].digest if self.archive else there
        # What is attached counts once the image is the right one; it is copied with another one anyway.
        right = held is not None and wanted in (held.get("upstream"), held.get("digest"))
        attached = self._attached(task, subjects) if right and subjects else {}
        return {**({"there": there} if there else {}), **(held or {}), **attached} if held or there else None

    def _held(self, task: Task) -> tuple[dict[str, str] | None, list[str]]:
        """Return the fields of the image here, and the manifests to which something may be attached."""
        repository, _, tag = self.name.rpartition(":")
        found = harbor_of(task).manifest(repository, tag, self._login(task))
        if found is None:
            return None, []
        digest, manifest = found
        below = manifests_in(json.dumps(manifest).encode())
        if self.archive:
            shown = (manifest.get("config") or {}).get("digest", f"a list, {digest}")
            return {"digest": digest, "image": shown}, [digest, *below]
        if self.platforms:
            source = made_from(manifest) or f"not of moor's making, {digest}"
            return {"upstream": source, "platforms": platforms_in(manifest, self.platforms)}, below
        return {"digest": digest}, [digest, *below]

    def _login(self, task: Task) -> tuple[str, str] | None:
        return own_login(task, project_of(self.name), self.robot)

    def _attached(self, task: Task, subjects: Sequence[str]) -> dict[str, str]:
        """Return what is to be attached, and what of it is; nothing where nothing is, or where nobody knows."""
        there = self._to_attach(task, subjects)
        if there.unknown:
            report_unknown(task, self.name, there.unknown)
        if not there.marks:
            return {}
        held, own = held_of(there, attached_here(task, self._repository, self._login(task), there.marks))
        if own:
            report_own(task, self.name, own)
        return {"to attach": shown(there.marks), "attached": shown([*held, *own])}

    def _to_attach(self, task: Task, subjects: Sequence[str]) -> Attachments:
        if not self.signatures or (self.archive and self.carried is None):
            return Attachments()
        if self.carried is not None:
            return self.carried
        if not self.origin.digest and not answer_about(task, self.origin).digest:
            return Attachments()  # upstream did not answer, or its image is gone, which is told
        return attached_upstream(task, self.origin, subjects)

    @property
    def _repository(self) -> str:
        return self.name.rpartition(":")[0]

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

    def write(self, task: Task, actual: State | None) -> None:
        login = robot_login(task, project_of(self.name), self.robot)
        if login is None:
            raise HostError(f"the robot {self.robot}, which pushes, does not exist yet; run moor apply registry first")
        pushing = (login[0], login[1].reveal())
        ca = ca_pem(task.host)
        ours = Side(settings_of(task.host, Registry).host_port, login, "" if isinstance(ca, Later) else ca)
        if self.archive:
            put_lists(task, self._repository, pushing, self._copy_archive(task, ours, self.archive[0]))
            return
        digest = str((actual or {}).get("there") or "") or self.origin.digest or answer_about(task, self.origin).digest
        if not digest:
            raise HostError(answer_about(task, self.origin).trouble(self.origin, task.host.name)[0])
        sides = {"ours": ours, "theirs": side_of(task.host, self.origin.place)}
        attached = list[Attached]()
        self._run(task, f"{prepare(sides, proxy_lines(task.host))}\n{self._steps(task, sides, digest, attached)}")
        put_lists(task, self._repository, pushing, attached)

    def _steps(self, task: Task, sides: dict[str, Side], digest: str, attached: list[Attached]) -> str:
        """Return the sh that verifies an image's signature, copies the image, then what is attached to it.

        Args:
            attached: gets what is copied along
        """
        source, repository = f"{self.origin.named}@{digest}", self.reference.rpartition(":")[0]
        before, subjects = "", [digest]
        if self.key:
            log = upstream_of(task.host, self.origin.place).transparency_log
            before = f"{verify_signature(source, self.key.read_text(), log=log)}\n"
        copied = copy_image("theirs", source, self.reference)
        if self.platforms or self.signatures:
            said = self._run(task, f"{prepare(sides, proxy_lines(task.host))}\n{read_manifest('theirs', source)}")
            raw, _, config = said.partition(f"\n{CUT}\n")
            subjects += manifests_in(raw.encode("utf-8", "surrogateescape"))
            if self.platforms:
                chosen = own_list(raw, digest, self.platforms, config)
                subjects = [*chosen.digests]
                copied = copy_platforms("theirs", self.origin.named, self.reference, chosen.digests, chosen.content)
        attached += self._lacking(task, subjects)
        return f"{before}{copied} || exit 1\n{copy_attached('theirs', self.origin.named, repository, attached)}"

    def _lacking(self, task: Task, subjects: Sequence[str]) -> list[Attached]:
        """Return what is to be copied along: what is not here, and would not take the place of somebody's own."""
        there = self._to_attach(task, subjects)
        if there.unknown:
            mend = f"run again, or write signatures: false below data.upstreams.{self.origin.place}"
            raise HostError(f"{self.id}: not copied, since its signatures are not known: {there.unknown}; {mend}")
        if not there.marks:
            return []
        held, own = held_of(there, attached_here(task, self._repository, self._login(task), there.marks))
        kept = {(one.subject, one.end) for one in own}
        return [one for one in there.marks if one not in held and not (one.end and (one.subject, one.end) in kept)]

    def _copy_archive(self, task: Task, ours: Side, path: Path) -> list[Attached]:
        """Bring the archive to the host, continuing an upload that was cut, and copy its images from there.

        What is attached is named in the layout of a bundle as it is in the registry.
        """
        attached = self._lacking(task, [])
        place = f"{UPLOADS}/{sha256(str(self.origin).encode()).hexdigest()[:16]}"
        for name, source in files_of(self.origin, path, [one.digest for one in attached]).items():
            Archive(f"{place}/{name or 'image.tar'}", source).write(task, None)
        there = place if self.origin.transport == "oci" else f"{place}/image.tar"
        repository = self.reference.rpartition(":")[0]
        images = {self.origin.tag: self.reference}
        images |= {f"{self._repository}{one.reference}": f"{repository}{one.reference}" for one in attached}
        copied = copy_archive(self.origin.transport, there, images)
        self._run(task, f"{prepare({'ours': ours})}\n{copied}\nrm -rf {quote(place)}")
        return attached

    def _run(self, task: Task, script: str) -> str:
        answer = shell_of(task).run(f"{script}\n", COPY_S)
        said = answer.stderr.decode("utf-8", "replace").strip()[-2000:]
        if answer.code == NOT_SIGNED and self.key:
            raise HostError(f"{self.origin} has no valid signature by {self.key}, and is not copied: {said}")
        if answer.code:
            raise HostError(f"cannot copy {self.origin}: {said}", ErrorKind.COMMAND)
        return answer.stdout.decode("utf-8", "surrogateescape")
