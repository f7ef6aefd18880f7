"""HTTP to NetBox; the token is sent only to the configured scheme and host, whatever pages link or redirect to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any

import requests

from moor.errors import InputError
from moor.formats.nesting import parse_json
from moor.formats.urls import split_url
from moor.inventory.netbox_answers import Answer, fault_of
from moor.secrets.secret import Secret
from moor.settings.addresses import is_loopback
from moor.suggestions import did_you_mean

TIMEOUT_S = 30
PORTS = {"https": 443, "http": 80}
SECOND = "nbt_"  # the prefix of tokens of version 2, from NetBox 4.5 on
BRANCHES = "/api/plugins/branching/branches/?limit=0"
BRANCH_HEADER = "X-NetBox-Branch"
NOTHING = b'{"count": 0, "next": null, "previous": null, "results": []}'


def authorization(token: Secret) -> str:
    """Return the Authorization header's value for a token of either version.

    Raises:
        InputError: the token has characters that no token has.

    References:
        NetBox, REST API, Authentication: version 1 is sent as Token, version 2 as Bearer.
    """
    words = token.reveal()
    if not (words.isascii() and words.isprintable()) or " " in words:
        raise InputError("token: it holds a character that no token has; copy it anew from NetBox, without its header")
    if not words.startswith(SECOND):
        return f"Token {words}"
    key, dot, rest = words.removeprefix(SECOND).partition(".")
    if not (key and dot and rest):
        raise InputError("token: one of version 2 is nbt_KEY.TOKEN, and a part of it is missing; copy the whole of it")
    return f"Bearer {words}"


class NetBoxSession(requests.Session):
    """A session that contacts one scheme and host only, and records the objects of lists.

    Attributes:
        found: the objects of all lists, by name
        refused: why lists could not be read
    """

    def __init__(self, url: str, token: Secret, trust: str | bool) -> None:
        super().__init__()
        self._url, self._words, self._trust = url, authorization(token), trust
        self._asked: set[str] = set()
        self.found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        self.refused: list[str] = []
        # A proxy of the environment would get the token of a plain http:// to this machine, or keep it from there.
        self.trust_env = not is_loopback(split_url(url).hostname or "")
        # Without an auth, requests would replace our header by a login from ~/.netrc.
        self.auth = self._authorize

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._words
        return request

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        """Send one request; raise InputError if it leads to another host.

        An answer that is no list is put into ``refused``, and an empty list is returned for it, so that the caller
        asks for the other lists too, and every fault is told at once.
        """
        answer = self._send(method, url, *args, **options)
        if fault := self._fault(answer):
            self.refused += [fault] if fault not in self.refused else []
            answer = requests.Response()
            answer.status_code, answer.raw = HTTPStatus.OK, BytesIO(NOTHING)
        self._record(answer)
        return answer

    def read_branch(self, branch: str) -> None:
        """Have all further requests answered from a branch, by its name or schema ID.

        Raises:
            InputError: NetBox has no such branch, or it cannot be read. A NetBox without the plug-in would ignore the
                header and answer from main.
        """
        listed = list(self._branches())
        found = [one for one in listed if branch in (one.get("schema_id"), one.get("name"))]
        if not found:
            near = did_you_mean(branch, [str(one.get("name")) for one in listed])
            raise InputError(f"branch: {branch}: NetBox has no such branch, or its token may not see it{near}")
        status = found[0].get("status")
        state = status.get("value") if isinstance(status, Mapping) else status
        if state != "ready":
            raise InputError(
                f"branch: {branch}: is {state}, and only one that is ready can be read; without the key branch, main is"
            )
        self.headers[BRANCH_HEADER] = str(found[0].get("schema_id"))

    def _branches(self) -> Iterator[Mapping[str, Any]]:
        url: Any = f"{self._url}{BRANCHES}"
        while url:
            answer = self._send("GET", url)
            if answer.status_code == HTTPStatus.NOT_FOUND:
                raise InputError(
                    "branch: this NetBox lacks the plug-in netbox-branching and would answer from main; "
                    "leave the key branch out"
                )
            if fault := self._fault(answer):
                raise InputError(f"branch: {fault}")
            content = parse_json(answer.content)
            yield from (one for one in content["results"] if isinstance(one, Mapping))
            url = content.get("next")

    def _send(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        self._refuse_elsewhere(str(url))
        # Set per request, since the environment's REQUESTS_CA_BUNDLE would override the session's setting.
        bounds = {"timeout": TIMEOUT_S, "verify": self._trust, "allow_redirects": False}
        return super().request(method, url, *args, **{**options, **bounds})

    def _fault(self, answer: requests.Response) -> str | None:
        if answer.is_redirect:
            return (
                f"it sends on to {_place(answer.headers['Location'] or '')}, which is not followed, since the token "
                "would go along; write the address where NetBox itself answers in url"
            )
        path = split_url(str(answer.url)).path
        seen = Answer(path, answer.status_code, answer.headers, answer.content)
        return fault_of(seen, self._words.startswith("Bearer"))

    def _refuse_elsewhere(self, url: str) -> None:
        if _origin(url) != _origin(self._url):
            raise InputError(
                f"the next page is said to be at {_place(url)}, which is not asked, since the token goes to "
                f"{_place(self._url)} alone; have the proxy before NetBox hand on Host and X-Forwarded-Proto"
            )
        if url in self._asked:
            raise InputError(
                f"the pages of {split_url(url).path} lead in a circle; look at the proxy before NetBox, "
                "which may cut queries off"
            )
        self._asked.add(url)

    def _record(self, answer: requests.Response) -> None:
        """Record the objects of a list; the caller reports an answer that is no list."""
        try:
            content = parse_json(answer.content)
        except ValueError:
            return
        listed = content.get("results") if isinstance(content, Mapping) else None
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, Mapping):
                self.found[str(one.get("name") or one.get("id"))].append(one)

    def doubles(self) -> Iterator[str]:
        """Yield a message for each name that several objects have."""
        for name, ones in sorted(self.found.items()):
            if len(described := dict.fromkeys(map(_described, ones))) > 1:
                yield (
                    f"{name}: {' and '.join(described)} have one name, and a fleet's hosts have a name each; "
                    "rename one in NetBox, or leave one out by filters or virtual_machines: false"
                )


def _origin(url: str) -> tuple[str, str, int]:
    parts = split_url(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme, 0)


def _place(url: str) -> str:
    """Return the scheme and host of a URL, without its parts that may be secret."""
    scheme, host, port = _origin(url)
    shown = "" if port == PORTS.get(scheme) else f":{port}"
    return f"{scheme}://{host}{shown}" if host else split_url(url).path[:80]


def _described(one: Mapping[str, Any]) -> str:
    """Return the kind, id and place of an object, by which a user finds it in NetBox."""
    kind = "device" if "device_type" in one else "virtual machine"
    for word in ("site", "cluster"):
        if isinstance(place := one.get(word), Mapping):
            return f"{kind} {one.get('id')} of {word} {place.get('slug') or place.get('name')}"
    return f"{kind} {one.get('id')}"
