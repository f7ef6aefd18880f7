"""The connection to Harbor's API and registry, from the controller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nornir.core.configuration import Config

from moor.connections.apis.harbor_answers import (
    CONFIGURATION,
    MANIFEST,
    Shape,
    describe_request,
    digest_of,
    parse_answer,
)
from moor.connections.apis.harbor_login import ChangingLogin, Login
from moor.connections.apis.registry_address import RegistryAddress
from moor.connections.ssh.failures import kind_of_request_error, kind_of_status
from moor.errors import ErrorKind, HarborBackendDown, HarborUnreachable, HostError
from moor.lazy_imports import ssl

# httpx2 is imported at its first use: most hosts are not reached by HTTP.
if TYPE_CHECKING:
    import httpx2

TIMEOUT_S = 30.0
PAGE_SIZE = 100  # the largest that Harbor gives
LIST_TRIES = 3
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)

REMEDY = (
    "; is data.harbor.admin_password the one that Harbor has? It counts at Harbor's first start only; "
    "write a password that was changed in Harbor's own pages there"
)
ACCOUNT_REMEDY = "; are data.harbor.account.user and its password right, and is the account in force?"
ELSEWHERE = (302, 307)  # the statuses by which registries send clients to an object storage
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Harbor:
    """A client of one Harbor as one user, at the registry's address but with its name.

    Every request has the basic login, since Harbor's API never asks for it. No cookie is kept, since a session cookie
    makes Harbor refuse writes.
    """

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        login: Login | ChangingLogin | None,
        trust: ssl.SSLContext,
        *,
        own: bool = True,
    ) -> None:
        from http.cookiejar import DefaultCookiePolicy

        import httpx2

        self._name = name
        self._login = login
        self._own = own
        self._trust = trust
        self._client = httpx2.Client(
            base_url=f"https://{f'[{address}]' if ':' in address else address}:{port}",
            headers={"Host": name if port == 443 else f"{name}:{port}"},
            verify=trust,
            timeout=TIMEOUT_S,
            trust_env=False,  # the proxy of the operator's environment need not lead to the registry
        )
        # set on the client's own jar, since httpx2 copies the cookies of a jar that is passed, but not its policy
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    @property
    def address(self) -> RegistryAddress:
        """Return where this Harbor is reached, for clients with other logins."""
        url, host = str(self._client.base_url).rstrip("/"), self._client.headers["Host"]
        return RegistryAddress(host, url, self._name, self._trust)

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
        bearer: str = "",
    ) -> httpx2.Response:
        """Send one request.

        Args:
            login: instead of the client's own
            bearer: a token to send instead of a login

        Raises:
            HarborUnreachable: there is no answer from Harbor's address.
            HarborBackendDown: nginx answers, but not the services behind it.
        """
        import httpx2

        try:
            answer = self._client.request(
                method,
                path,
                json=body,
                params=query,
                headers={**(headers or {}), "Authorization": f"Bearer {bearer}"} if bearer else headers,
                auth=None if bearer else login or self._own_login(),
                extensions={"sni_hostname": self._name},
            )
        except httpx2.HTTPError as error:
            raise HarborUnreachable(
                f"https://{self._name}: no answer: {error}", kind_of_request_error(error)
            ) from error
        if answer.status_code in (502, 503, 504):
            mend = "moor apply harbor starts it" if self._own else "ask the team that runs it"
            raise HarborBackendDown(
                f"https://{self._name}: {answer.status_code}: a part of Harbor behind its proxy is down; {mend}"
            )
        return answer

    def _own_login(self) -> Login | None:
        """Return the login of this client, with the password that Harbor takes if it is being changed."""
        return self._login.current(self.takes) if isinstance(self._login, ChangingLogin) else self._login

    def takes(self, login: Login) -> bool:
        """Return whether Harbor takes a user's login; robots are not users."""
        answer = self.ask("GET", "/api/v2.0/users/current", login=login)
        if answer.status_code == 401:
            return False
        require_success(answer)
        return True

    @property
    def changing_login(self) -> ChangingLogin | None:
        """Return the login whose password is being changed, None if none is."""
        return self._login if isinstance(self._login, ChangingLogin) else None

    def get(
        self,
        path: str,
        shape: Shape,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return an object of the API, or None if it does not exist; raises HostError if it has another shape."""
        answer = self.ask("GET", path, query=query, headers=headers)
        return None if answer.status_code == 404 else parse_answer(shape, self._accepted(answer))

    def every(
        self,
        path: str,
        shape: Shape,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> list[Any]:
        """Return all objects of a list; read it again if its length changed between two pages.

        Raises:
            HostError: Harbor refused the request, answered in another shape, or the list kept changing
        """
        for _ in range(LIST_TRIES):
            found, lengths = self._pages(path, shape, query, headers)
            if len(lengths) == 1:
                return found
        raise HostError(f"GET {path}: the list changes while it is read; run again", ErrorKind.ANSWER)

    def _pages(
        self,
        path: str,
        shape: Shape,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> tuple[list[Any], set[str]]:
        """Return the objects of all pages, and the lengths of the list that Harbor told on the way."""
        found: dict[object, Any] = {}
        lengths: set[str] = set()
        page = 1
        while True:
            asked = {**(query or {}), "page": str(page), "page_size": str(PAGE_SIZE)}
            answer = self._accepted(self.ask("GET", path, query=asked, headers=headers))
            entries = {_key(entry): entry for entry in parse_answer(shape, answer) or []}
            length = answer.headers.get("X-Total-Count", "")
            lengths.add(length)
            # A list may be shorter than its length, which counts members that Harbor hides.
            more = page * PAGE_SIZE < int(length) if length.isdecimal() else len(entries) == PAGE_SIZE
            if not more or entries.keys() <= found.keys():
                return list({**found, **entries}.values()), lengths
            found.update(entries)
            page += 1

    def change(self, method: str, path: str, body: object, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        """Send a writing request; raises HostError with Harbor's own reason if it is refused."""
        return self._accepted(self.ask(method, path, body=body, headers=headers))

    def _accepted(self, answer: httpx2.Response) -> httpx2.Response:
        return require_success(answer, REMEDY if self._own else ACCOUNT_REMEDY)

    def ask_registry(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> httpx2.Response:
        """Send a request of the distribution's API, with a token of the token service that the registry names."""
        answer = self.ask(method, path, body=body, headers=headers, login=login)
        scheme, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        if answer.status_code != 401 or scheme.lower() != "bearer":
            return answer
        token = self._token(dict(CHALLENGE.findall(rest)), login or self._own_login())
        return self.ask(method, path, body=body, headers=headers, bearer=token) if token else answer

    def _token(self, challenge: Mapping[str, str], login: tuple[str, str] | None) -> str:
        """Return a token for what a challenge asks for; empty if the token service refuses the login.

        Raises:
            HarborUnreachable: the token service does not answer
        """
        import httpx2

        realm = httpx2.URL(challenge.get("realm", ""))
        if realm.scheme != "https":
            return ""  # a login never goes over plain HTTP
        query = {key: challenge[key] for key in ("service", "scope") if key in challenge}
        if realm.host == self._name:
            answer = self.ask("GET", realm.path, query={**dict(realm.params), **query}, login=login)
        else:
            try:
                answer = httpx2.get(
                    realm.copy_merge_params(query), auth=login, verify=self._trust, timeout=TIMEOUT_S, trust_env=False
                )
            except httpx2.HTTPError as error:
                raise HarborUnreachable(
                    f"{realm}, which {self._name} sends its clients to for a token: {error}",
                    kind_of_request_error(error),
                ) from error
        try:
            found = answer.json() if answer.is_success else {}
            return str(found.get("token") or found.get("access_token") or "")
        except (ValueError, AttributeError, RecursionError):
            return ""

    def manifest(
        self, repository: str, reference: str, login: tuple[str, str] | None = None
    ) -> tuple[str, dict[str, Any]] | None:
        """Return a manifest's digest and content, None if it does not exist; raises HostError on a refused login."""
        path = f"/v2/{repository}/manifests/{reference}"
        answer = self.ask_registry("GET", path, headers={"Accept": MANIFESTS}, login=login)
        if answer.status_code == 401 and self._login and not login:
            # 401 also means that the project does not exist, unless the login itself is refused
            self._accepted(self.ask("GET", "/api/v2.0/users/current"))
        if answer.status_code in (401, 404):
            return None
        content: dict[str, Any] = parse_answer(MANIFEST, require_success(answer))
        return digest_of(answer), content

    def blob(self, repository: str, digest: str, login: tuple[str, str] | None = None) -> dict[str, Any]:
        """Return the configuration of an image, by the digest in its manifest; empty if it is kept elsewhere."""
        answer = self.ask_registry("GET", f"/v2/{repository}/blobs/{digest}", login=login)
        if answer.status_code in ELSEWHERE:
            return {}  # to an object storage, which may be out of the controller's reach
        require_success(answer)
        content: dict[str, Any] = parse_answer(CONFIGURATION, answer)
        return content

    def logs_in(self, user: str, password: str) -> bool:
        """Return whether the registry accepts a login; unlike /users/current this works for robots too."""
        return self.ask_registry("GET", "/v2/", login=(user, password)).status_code == 200

    def close(self) -> None:
        """Close the open connections."""
        self._client.close()


def _key(entry: Mapping[str, Any]) -> object:
    """Return what identifies an entry of a list."""
    return entry.get("id", entry.get("project_id", str(entry)))


def require_success(answer: httpx2.Response, remedy: str = REMEDY) -> httpx2.Response:
    """Return the answer if it is a success.

    Args:
        remedy: what to do about a refused login

    Raises:
        HostError: Harbor refused the request
    """
    if answer.is_success:
        return answer
    words = f"{describe_request(answer)}: {answer.status_code}: {refusal_reason(answer)}"
    raise HostError(f"{words}{remedy if answer.status_code == 401 else ''}", kind_of_status(answer.status_code))


def refusal_reason(answer: httpx2.Response) -> str:
    """Return why Harbor refused, read from JSON or plain text, or that a proxy's page came instead."""
    try:
        return "; ".join(f"{error['code']}: {error['message']}" for error in answer.json()["errors"])
    except (ValueError, LookupError, TypeError, RecursionError):
        page = "html" in answer.headers.get("Content-Type", "")
        return "a page of the proxy in front of Harbor" if page else answer.text.strip()[:300] or "no reason given"


class HarborPlugin:
    """The Nornir connection plugin ``harbor``.

    Its extras are ``name``, the registry's, ``trust``, an SSLContext, by default the system's trust, ``own``, false
    for a registry that somebody else runs, and ``changing``, a ChangingLogin instead of user and password.
    """

    connection: Harbor

    def open(
        self,
        hostname: str | None,
        username: str | None,
        password: str | None,
        port: int | None,
        platform: str | None,
        extras: dict[str, Any] | None = None,
        configuration: Config | None = None,
    ) -> None:
        """Prepare a client; the first request connects."""
        known = extras or {}
        trust = known.get("trust") or ssl.create_default_context()
        login = known.get("changing") or ((username, password) if username and password else None)
        name, own = known.get("name") or hostname or "", known.get("own", True)
        self.connection = Harbor(name, hostname or "", port or 443, login, trust, own=own)

    def close(self) -> None:
        """Close the open connections."""
        self.connection.close()
