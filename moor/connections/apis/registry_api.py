"""A registry by the API of the OCI distribution specification (Docker Registry v2), asked with several logins.

A login goes to the registry that it is for, and to the token service that this registry names, if that is on a host of
the same domain. It is never sent over plain HTTP, and never to where a registry redirects.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moor.connections.apis.registry_address import RegistryAddress, may_get_login
from moor.connections.apis.registry_tokens import (
    Challenge,
    Login,
    Token,
    TokenCache,
    pull_scope,
    read_challenge,
    read_token,
)
from moor.connections.ssh.failures import kind_of_request_error
from moor.errors import ErrorKind, HostError
from moor.formats.nesting import parse_json
from moor.formats.urls import join_url, split_url
from moor.lazy_imports import ssl

# httpx2 is imported at its first use: most commands ask no registry.
if TYPE_CHECKING:
    import httpx2

TIMEOUT_S, CONNECT_S = 30.0, 10.0
AT_ONCE = 4  # connections to one registry
LONGEST = 4 * 1024 * 1024  # bytes of an answer; registries take no longer manifests
REDIRECTS = 3
ELSEWHERE = (301, 302, 303, 307, 308)
REFUSED = (401, 403)
BUSY = 429
NEXT = re.compile(r'<([^>]*)>[^,]*rel="?next')
MOST_PAGES = 50
MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEX_TYPES = MANIFEST_TYPES[:2]


@dataclass(frozen=True)
class RegistryAnswer:
    """The answer of a registry; ``body`` is empty for HEAD."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class RegistryApi:
    """The client of one registry, for several threads and logins; a registry that does not answer is asked once.

    Attributes:
        requests: how many were sent, those for tokens too
    """

    def __init__(self, address: RegistryAddress) -> None:
        from http.cookiejar import DefaultCookiePolicy

        import httpx2

        self.address = address
        self.requests = 0
        self._client = httpx2.Client(
            verify=address.trust or ssl.create_default_context(),  # the system's CAs, and not httpx2's
            timeout=httpx2.Timeout(TIMEOUT_S, connect=CONNECT_S),
            limits=httpx2.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
            trust_env=address.by_environment,
        )
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._tokens = TokenCache()
        self._accepted = set[str]()  # Authorization headers
        self._challenge: Challenge | None = None
        self._for_nobody: Challenge | None = None
        self._first, self._counting = threading.Lock(), threading.Lock()
        self._down: HostError | None = None

    def manifest(self, method: str, repository: str, reference: str, login: Login | None) -> RegistryAnswer:
        """Ask for a manifest by GET or HEAD.

        Raises:
            HostError: the registry, or its token service, does not answer, or may not get the login
        """
        path = f"/v2/{repository}/manifests/{reference}"
        return self._ask(method, path, repository, login, {"Accept": ", ".join(MANIFEST_TYPES)})

    def blob(self, repository: str, digest: str, login: Login | None) -> RegistryAnswer:
        """Ask for a small blob, such as an image's configuration; raises HostError as ``manifest`` does."""
        return self._ask("GET", f"/v2/{repository}/blobs/{digest}", repository, login, {})

    def referrers(self, repository: str, digest: str, login: Login | None) -> tuple[int, list[bytes]]:
        """Ask for the list of what refers to a manifest; return the status and all pages of the list.

        Raises:
            HostError: as ``manifest`` does, or the list has no end
        """
        path, pages = f"/v2/{repository}/referrers/{digest}", list[bytes]()
        while path:
            answer = self._ask("GET", path, repository, login, {})
            if answer.status != 200:
                return answer.status, []
            pages.append(answer.body)
            found = NEXT.search(answer.headers.get("link", ""))
            path = found[1][found[1].find("/v2/") :] if found and "/v2/" in found[1] else ""
            if len(pages) > MOST_PAGES:
                raise self._error(f"its list of what refers to {digest} has no end", ErrorKind.ANSWER)
        return 200, pages

    def close(self) -> None:
        """Close the open connections."""
        self._client.close()

    def _ask(
        self, method: str, path: str, repository: str, login: Login | None, headers: dict[str, str]
    ) -> RegistryAnswer:
        url = f"{self.address.url}{path}"
        auth = self._authorization(self._challenge_for(login), repository, login)
        if auth is None:
            return RegistryAnswer(401, {})
        answer, sent = self._followed(method, url, {**headers, **auth}), auth.get("Authorization", "")
        if answer.status != 401:
            self._accepted.add(sent)
            return answer
        if sent and sent not in self._accepted:
            return answer  # this login has no right; another token would have none either
        # a token that has run out, or a registry that asks for a login only where one is needed
        asked = read_challenge(answer.headers.get("www-authenticate", ""))
        if login is None and asked.scheme == "bearer":
            self._for_nobody = asked
        again = self._authorization(asked, repository, login, not_this=sent)
        return self._followed(method, url, {**headers, **again}) if again and again != auth else answer

    def _challenge_for(self, login: Login | None) -> Challenge:
        """Return how the registry wants a login, or requests without one: Harbor wants a token for these."""
        known = self._known_challenge()
        return self._for_nobody or known if login is None else known

    def _known_challenge(self) -> Challenge:
        """Return how the registry wants clients to log in; the first call asks it."""
        with self._first:
            if self._down:
                raise self._down.with_traceback(None)
            if self._challenge is None:
                if self.address.takes_basic:
                    self._challenge = Challenge("basic")
                else:
                    answer = self._followed("GET", f"{self.address.url}/v2/", {})
                    self._challenge = read_challenge(answer.headers.get("www-authenticate", ""))
            return self._challenge

    def _authorization(
        self, challenge: Challenge, repository: str, login: Login | None, not_this: str = ""
    ) -> dict[str, str] | None:
        """Return the header to log in with, empty without one; None if the token service refuses the login."""
        if challenge.scheme == "bearer":
            scope = pull_scope(repository)
            token = self._tokens.get(
                (challenge, scope, login),
                lambda: self._new_token(challenge, scope, login),
                not_this.removeprefix("Bearer "),
            )
            return {"Authorization": f"Bearer {token}"} if token else None
        if challenge.scheme == "basic" and login:
            return {"Authorization": _basic(login)}
        return {}

    def _new_token(self, challenge: Challenge, scope: str, login: Login | None) -> Token:
        from urllib.parse import urlencode

        realm = split_url(challenge.realm)
        host = realm.hostname or ""
        if realm.scheme != "https" or not host:
            raise self._error(
                f"its token service is {challenge.realm or 'nowhere'}, no URL of HTTPS", ErrorKind.REFUSED
            )
        own = self.address.is_at(host)
        if login and not own and not may_get_login(self.address.host, host):
            words = f"it sends its clients to {host} for a token, a host of others, which gets no login of moor's"
            raise self._error(words, ErrorKind.REFUSED)
        query = urlencode([(key, word) for key, word in (("service", challenge.service), ("scope", scope)) if word])
        base = self.address.url if own else f"https://{realm.netloc}"
        url = f"{base}{realm.path}?{'&'.join(filter(None, (realm.query, query)))}"
        answer = self._send("GET", url, {"Authorization": _basic(login)} if login else {})
        if 400 <= answer.status < 500 and answer.status != BUSY:
            return Token("", 0)
        if answer.status != 200:
            raise self._error(f"its token service answers {answer.status}", ErrorKind.UNHEALTHY)
        try:
            tree = parse_json(answer.body)
            return read_token(tree if isinstance(tree, dict) else {}, time.monotonic())
        except ValueError:
            raise self._error("its token service answers with no JSON", ErrorKind.ANSWER) from None
        except HostError as error:
            raise self._error(str(error), error.kind) from None

    def _followed(self, method: str, url: str, headers: dict[str, str]) -> RegistryAnswer:
        """Send a request, and follow redirects to HTTPS, without the login."""
        answer = self._send(method, url, headers)
        for _ in range(REDIRECTS):
            if answer.status not in ELSEWHERE:
                break
            url = self._target(url, answer.headers.get("location", ""))
            headers = {name: value for name, value in headers.items() if name != "Authorization"}
            answer = self._send(method, url, headers)
        return answer

    def _target(self, url: str, location: str) -> str:
        found = join_url(url, location)
        if not location or not found.startswith("https://"):
            raise self._error("it redirects to what is no HTTPS", ErrorKind.REFUSED)
        return found

    def _send(self, method: str, url: str, headers: dict[str, str]) -> RegistryAnswer:
        import httpx2

        own = self.address.name and url.startswith(f"{self.address.url}/")
        extensions: dict[str, Any] = {"sni_hostname": self.address.name} if own else {}
        named = {"Host": self.address.host} if own else {}
        for tried in range(2):
            with self._counting:
                self.requests += 1
            try:
                with self._client.stream(method, url, headers={**named, **headers}, extensions=extensions) as answer:
                    return RegistryAnswer(answer.status_code, answer.headers, self._body(answer))
            except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError) as error:
                if tried:
                    raise self._silent(error, url) from error
            except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
                raise self._silent(error, url) from error
        raise AssertionError("unreachable")

    def _body(self, answer: httpx2.Response) -> bytes:
        body = bytearray()
        for part in answer.iter_bytes():
            body += part
            if len(body) > LONGEST:
                raise self._error(f"it answers with more than {LONGEST >> 20} MiB", ErrorKind.ANSWER)
        return bytes(body)

    def _silent(self, error: Exception, url: str) -> HostError:
        """Return the error for a URL that does not answer; if it is the registry's own, no other is asked for."""
        own = url.startswith(f"{self.address.url}/")
        where = "" if own else f" from {split_url(url).hostname}, where it sends its clients"
        words = self._error(f"no answer{where}: {str(error) or type(error).__name__}", kind_of_request_error(error))
        if own:
            self._down = words
        return words

    def _error(self, words: str, kind: ErrorKind) -> HostError:
        return HostError(f"https://{self.address.host}: {words}", kind)


def _basic(login: Login) -> str:
    from base64 import b64encode

    return f"Basic {b64encode(':'.join(login).encode()).decode()}"
