"""Lists and watches: selectors, pages, tables."""

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from .. import selectors
from ..errors import ApiError, bad_request, expired_continue
from ..kinds import Kind
from ..objects import Object, name_of, namespace_of
from . import table
from .cluster import Cluster
from .requests import Request, Response, Target
from .watching import watch

FOREVER = 3600.0
"""Duration of a watch in seconds if the client gives none."""

CURRENT = -1
"""The version in a token of a list that goes on although what it began with is forgotten."""


@dataclass(frozen=True)
class Page:
    """The start of a page: the version of the list, and the namespace and name after which the page begins."""

    version: int
    after: tuple[str, str]

    def token(self) -> str:
        """Return the page as a continue token."""
        start = f"{self.after[0]}/{self.after[1]}\0"
        text = json.dumps({"v": "meta.k8s.io/v1", "rv": self.version, "start": start}, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def page_of(token: str) -> Page:
    """Return the page that a continue token names. Raises ApiError: 400."""
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        known = json.loads(text)
        namespace, _, name = str(known["start"]).removesuffix("\0").partition("/")
        return Page(int(known["rv"]), (namespace, name))
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise bad_request(f"continue key is not valid: {error}") from error


def answer_list(cluster: Cluster, request: Request, target: Target) -> Response:
    """Return a list, or one page of it. Raises ApiError: 400, 410."""
    token, limit = request.query.get("continue", ""), request.query.get("limit", "")
    if not limit.isdigit() and limit:
        raise bad_request(f'Invalid value: "{limit}": limit must be a number')
    page = page_of(token) if token else None
    objects, version = _selected(cluster, target, page)
    wanted = wanted_by(request, target.kind)
    found = [obj for obj in objects if wanted(obj) and (page is None or _place(obj) > page.after)]
    shown = found[: int(limit)] if limit not in ("", "0") else found
    metadata: Object = {"resourceVersion": str(version)}
    if len(shown) < len(found):
        metadata["continue"] = Page(version, _place(shown[-1])).token()
        if not (request.query.get("labelSelector") or request.query.get("fieldSelector")):
            metadata["remainingItemCount"] = len(found) - len(shown)
    if request.as_table:
        return Response(table.of(shown, str(version)) | {"metadata": metadata})
    items = [{key: value for key, value in obj.items() if key not in ("apiVersion", "kind")} for obj in shown]
    listed = {"kind": f"{target.kind.kind}List", "apiVersion": target.kind.api_version}
    return Response(listed | {"metadata": metadata, "items": items})


def _place(obj: Object) -> tuple[str, str]:
    return namespace_of(obj), name_of(obj)


def _selected(cluster: Cluster, target: Target, page: Page | None) -> tuple[list[Object], int]:
    """Return the objects and the version of the list: for a later page those of the first one."""
    if page is None or page.version == CURRENT:
        return cluster.store.select(target.kind, target.namespace)
    try:
        return cluster.store.select_at(target.kind, target.namespace, page.version), page.version
    except ApiError as error:
        raise expired_continue(Page(CURRENT, page.after).token()) from error


def wanted_by(request: Request, kind: Kind) -> selectors.Predicate:
    """Return whether an object matches the selectors of a request. Raises ApiError: 400."""
    by_label = selectors.labels(request.query.get("labelSelector", ""))
    by_field = selectors.fields(kind, request.query.get("fieldSelector", ""))
    return lambda obj: by_label(obj) and by_field(obj)


def answer_watch(cluster: Cluster, request: Request, target: Target) -> Response:
    """Return a stream of changes, after the objects that are there unless a version is given. Raises ApiError: 410."""
    wanted, seconds = wanted_by(request, target.kind), float(request.query.get("timeoutSeconds") or FOREVER)
    asked = request.query.get("resourceVersion", "")
    if not asked.isdigit() and asked:
        raise bad_request(f'Invalid value: "{asked}": resourceVersion must be a number')
    with cluster.store.lock:
        objects, version = cluster.store.select(target.kind, target.namespace)
        if asked not in ("", "0"):
            objects, version = [], int(asked)
            cluster.store.check(version)
    shaped = partial(_shaped, as_table=request.as_table)
    first = [shaped({"type": "ADDED", "object": obj}) for obj in objects if wanted(obj)]
    later = watch(cluster.store, target.kind, target.namespace, version, wanted, seconds)
    return Response(stream=_events(first, map(shaped, later)))


def _shaped(event: Object | None, as_table: bool) -> Object | None:
    if event and as_table:
        obj = event["object"]
        return event | {"object": table.of([obj], obj["metadata"]["resourceVersion"])}
    return event


def _events(first: list[Object | None], later: Iterator[Object | None]) -> Iterator[Object | None]:
    yield from first
    try:
        yield from later
    except ApiError as error:
        yield {"type": "ERROR", "object": error.status}
