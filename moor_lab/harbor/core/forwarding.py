"""Requests to /v2 as docker-registry behind the core gets them, and its answers."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from werkzeug.wrappers import Response

from moor_lab.harbor.core.service import READS, Call, done

FORWARDED = ("Accept", "Content-Length", "Content-Range", "Content-Type", "If-None-Match", "Range")
KEPT_BACK = {"connection", "keep-alive", "transfer-encoding", "date", "server"}
CHUNK = 1 << 18


@dataclass(frozen=True)
class Target:
    """The target of a request to /v2.

    Attributes:
        part: manifests, blobs or tags
        rest: what follows: a tag, a digest, uploads/ID
    """

    repository: str
    part: str
    rest: str
    action: str

    @property
    def scope(self) -> str:
        actions = {"push": "pull,push", "delete": "delete"}.get(self.action, "pull")
        return f"repository:{self.repository}:{actions}"


def inner_headers(call: Call, target: Target) -> dict[str, str]:
    """Return the headers to the registry: the core's login, and the name for its Locations."""
    access = [{"type": "repository", "name": target.repository, "actions": ["pull", "push", "delete"]}]
    if mounted := call.request.args.get("from"):
        access.append({"type": "repository", "name": mounted, "actions": ["pull"]})
    scheme, _, host = call.core.external_url.partition("://")
    token = call.core.tokens.issue("harbor-core", access)
    return {"Authorization": f"Bearer {token}", "Host": host, "X-Forwarded-Proto": scheme}


def forward(call: Call, target: Target, body: bytes | None = None) -> Response:
    """Return the registry's own answer; an empty 502 when it does not answer."""
    request = call.request
    headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
    content = body if body is not None else _chunks(call)
    path = f"/v2/{target.repository}/{target.part}/{target.rest}"
    url = httpx.URL(path, query=request.query_string)
    client = call.core.registry
    try:
        wanted = client.build_request(
            request.method, url, headers=headers | inner_headers(call, target), content=content
        )
        given = client.send(wanted, stream=True)
    except httpx.HTTPError:
        return done(502)
    answer = Response(given.iter_raw(CHUNK), given.status_code)
    answer.autocorrect_location_header = False
    del answer.headers["Content-Type"]
    for name, value in given.headers.items():
        if name not in KEPT_BACK:
            answer.headers[name.title()] = value
    if given.status_code == 304 or (request.method == "HEAD" and given.status_code == 404):
        answer.headers.pop("Docker-Distribution-Api-Version", None)
    answer.call_on_close(given.close)
    return answer


def _chunks(call: Call) -> Iterator[bytes] | None:
    if call.request.method in (*READS, "DELETE"):
        return None
    return iter(lambda: call.request.stream.read(CHUNK), b"")
