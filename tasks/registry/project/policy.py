"""What Harbor keeps in a project itself: who sees it, scans, which images may not be pulled, what it is a cache of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from moor.errors import FieldErrors
from moor.resources.base import State
from moor.settings.section import StrictModel
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.releases import Since, Until

Severity = Literal["never", "none", "low", "medium", "high", "critical"]
CVE = re.compile(r"CVE-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3}|(?!CVE|GHSA)[A-Z][A-Za-z0-9]*[-:][A-Za-z0-9:._-]+")


def check_cve(text: str) -> str:
    """Return the id of a vulnerability; raise ValueError for a text that no scanner's report has."""
    if not CVE.fullmatch(text):
        raise ValueError(f"{text!r} is no id of a vulnerability; write such as CVE-2024-1234 or GHSA-xxxx-xxxx-xxxx")
    return text


CveId = Annotated[str, AfterValidator(check_cve)]
NO_BOUND = -1
NEVER_EXPIRES = "never"


class Scan(StrictModel):
    """What a project does about vulnerabilities; a key that is not written is left as it is.

    Attributes:
        on_push: scan an image as soon as it is pushed
        sbom_on_push: make its list of contents then; since 2.11
        block_from: hand out no image with a vulnerability of this severity or above: ``none``, ``low``, ``medium``,
            ``high``, ``critical``; ``never`` hands out all
    """

    on_push: bool | None = None
    sbom_on_push: Annotated[bool | None, Since(2, 11)] = None
    block_from: Severity | None = None


class ContentTrust(StrictModel):
    """Whether only signed images are handed out.

    Attributes:
        cosign: hand out images signed by cosign alone
        notary: hand out images signed by Notary alone; until 2.8
    """

    cosign: bool | None = None
    notary: Annotated[bool | None, Until(2, 8)] = None


class CveAllowlist(StrictModel):
    """Vulnerabilities that do not count in a project.

    Attributes:
        system: the list of the whole system counts, and none of the project's own
        cves: list of the project's own, such as ``CVE-2024-1234``
        expires: its last day, such as ``2027-01-31``
    """

    system: bool = False
    cves: tuple[CveId, ...] = ()
    expires: date | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> CveAllowlist:
        if self.system and (self.cves or self.expires):
            key = "cves" if self.cves else "expires"
            raise FieldErrors([((key,), "it does not count while system is true; drop one of both")])
        return self


class ProxyCache(StrictModel):
    """What a project is a proxy cache of. Harbor sets the registry when the project is made, and never changes it.

    Attributes:
        registry: name of a registry endpoint
        speed_kbps: the most kilobits a second from there, -1 for no limit; since 2.9
        connections: the most connections to it for one image, -1 for no limit; since 2.14
        serve_deleted: keep handing out what is no longer there; since 2.15
    """

    registry: Annotated[str, Field(min_length=1, max_length=255)]
    speed_kbps: Annotated[int | None, Since(2, 9), Field(ge=NO_BOUND, lt=2**31)] = None
    connections: Annotated[int | None, Since(2, 14), Field(ge=NO_BOUND, lt=2**31)] = None
    serve_deleted: Annotated[bool | None, Since(2, 15)] = None

    @model_validator(mode="after")
    def _no_zero(self) -> ProxyCache:
        if found := [
            ((name,), "0 lets nothing through; write -1 for no limit") for name in BOUNDS if not self._ok(name)
        ]:
            raise FieldErrors(found)
        return self

    def _ok(self, name: str) -> bool:
        return bool(getattr(self, name) != 0)


BOUNDS = ("speed_kbps", "connections")
METADATA = {"speed_kbps": "proxy_speed_kb", "connections": "max_upstream_conn"}
SERVE_DELETED = "proxy_cache_local_on_not_found"


class ProjectPolicy(StrictModel):
    """What Harbor keeps in a project itself; what is not written is left as it is.

    Attributes:
        public: whether anybody may pull without a login
        scan: what is done about vulnerabilities
        content_trust: whether only signed images are handed out
        cve_allowlist: vulnerabilities that do not count
        proxy_cache: the registry that the project is a proxy cache of
    """

    public: bool = False
    scan: Scan | None = None
    content_trust: ContentTrust | None = None
    cve_allowlist: CveAllowlist | None = None
    proxy_cache: ProxyCache | None = None


def payload_of(policy: ProjectPolicy) -> dict[str, Any]:
    """Return what Harbor is sent for a project; values of its metadata are text."""
    metadata: dict[str, str | None] = {"public": _text(policy.public)}
    if scan := policy.scan:
        metadata |= {"auto_scan": _text(scan.on_push), "auto_sbom_generation": _text(scan.sbom_on_push)}
        if scan.block_from is not None:
            metadata["prevent_vul"] = _text(scan.block_from != "never")
            metadata["severity"] = None if scan.block_from == "never" else scan.block_from
    if trust := policy.content_trust:
        metadata |= {"enable_content_trust_cosign": _text(trust.cosign), "enable_content_trust": _text(trust.notary)}
    if proxy := policy.proxy_cache:
        metadata |= {METADATA[name]: _number(getattr(proxy, name)) for name in BOUNDS}
        metadata[SERVE_DELETED] = _text(proxy.serve_deleted)
    payload: dict[str, Any] = {}
    if (allowed := policy.cve_allowlist) is not None:
        metadata["reuse_sys_cve_allowlist"] = _text(allowed.system)
        if not allowed.system:
            items = [{"cve_id": name} for name in allowed.cves]
            payload["cve_allowlist"] = {"items": items, "expires_at": end_of(allowed.expires)}
    return {**payload, "metadata": {key: value for key, value in metadata.items() if value is not None}}


def policy_of(answer: Mapping[str, Any], endpoints: Mapping[int, str]) -> ProjectPolicy:
    """Return the policy of Harbor's answer, unchecked.

    Args:
        answer: a project, with its metadata
        endpoints: the names of registry endpoints by number
    """
    metadata = answer.get("metadata") or {}
    return ProjectPolicy.model_construct(
        public=_truth(metadata, "public"),
        scan=Scan.model_construct(
            on_push=_truth(metadata, "auto_scan"),
            sbom_on_push=_truth(metadata, "auto_sbom_generation"),
            block_from=metadata.get("severity", "none") if _truth(metadata, "prevent_vul") else "never",
        ),
        content_trust=ContentTrust.model_construct(
            cosign=_truth(metadata, "enable_content_trust_cosign"), notary=_truth(metadata, "enable_content_trust")
        ),
        cve_allowlist=_allowlist_of(answer, metadata),
        proxy_cache=_proxy_of(answer, metadata, endpoints),
    )


def _allowlist_of(answer: Mapping[str, Any], metadata: Mapping[str, str]) -> CveAllowlist:
    # A project that says nothing about it uses the system's list.
    if metadata.get("reuse_sys_cve_allowlist", "true") == "true":
        return CveAllowlist(system=True)
    found = answer.get("cve_allowlist") or {}
    ends = found.get("expires_at")
    return CveAllowlist.model_construct(
        cves=tuple(item["cve_id"] for item in found.get("items") or ()),
        expires=datetime.fromtimestamp(ends, UTC).date() if ends and ends > 0 else None,
    )


def _proxy_of(
    answer: Mapping[str, Any], metadata: Mapping[str, str], endpoints: Mapping[int, str]
) -> ProxyCache | None:
    number = answer.get("registry_id")
    if not number:
        return None
    return ProxyCache.model_construct(
        registry=endpoints.get(number, f"number {number}"),
        speed_kbps=_count(metadata.get(METADATA["speed_kbps"], "")),
        connections=_count(metadata.get(METADATA["connections"], "")),
        serve_deleted=_truth(metadata, SERVE_DELETED),
    )


def _truth(metadata: Mapping[str, str], name: str) -> bool:
    return metadata.get(name) == "true"


def _text(truth: bool | None) -> str | None:
    return None if truth is None else "true" if truth else "false"


def _count(text: str) -> int:
    """Return a bound; a project that says nothing has none."""
    return int(text) if text.isdecimal() and text != "0" else NO_BOUND


def _number(count: int | None) -> str | None:
    return None if count is None else str(count)


def end_of(day: date | None) -> int | None:
    """Return the last second of a day in UTC, as Harbor counts it."""
    return None if day is None else int(datetime.combine(day, time(23, 59, 59), UTC).timestamp())


def state_of(policy: ProjectPolicy) -> State:
    """Return a project's fields; an allow list of its own shows its length of life too."""
    found = flatten(policy)
    if policy.cve_allowlist and not policy.cve_allowlist.system:
        found.setdefault("cve_allowlist.expires", NEVER_EXPIRES)
    if policy.cve_allowlist and policy.cve_allowlist.system:
        found.pop("cve_allowlist.cves")
    return found
