"""The connection to Harbor's API and registry, from the controller."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nornir.core.configuration import Config

from moor.connections.apis.harbor_answers import CONFIGURATION, MANIFEST, describe_request, digest_of, parse_answer
from moor.connections.ssh.failures import kind_of_request_error, kind_of_status
from moor.errors import HarborBackendDown, HarborUnreachable, HostError

# httpx is imported at its first use: most hosts are not reached by HTTP.
if TYPE_CHECKING:
    import httpx
    from pydantic import TypeAdapter

TIMEOUT_S = 30.0
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


class Harbor:
    """A client of one Harbor as one user, at the registry's address but with its name.

    Every request has the basic login, since Harbor's API never asks for it. No cookie is kept, since a session cookie
    makes Harbor refuse writes.
    """

    def __init__(
        self, name: str, address: str, port: int, login: tuple[str, str] | None, trust: ssl.SSLContext
    ) -> None:
        from http.cookiejar import DefaultCookiePolicy

        import httpx

        self._name = name
        self._login = login
        self._client = httpx.Client(
            base_url=f"https://{f'[{address}]' if ':' in address else address}:{port}",
            headers={"Host": name if port == 443 else f"{name}:{port}"},
            verify=trust,
            timeout=TIMEOUT_S,
            trust_env=False,  # the proxy of the operator's environment need not lead to the registry
        )
        # set on the client's own jar, since httpx copies the cookies of a jar that is passed, but not its policy
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> httpx.Response:
        """Send one request.

        Raises:
            HarborUnreachable: there is no answer from Harbor's address.
            HarborBackendDown: nginx answers, but not the services behind it.
        """
        import httpx

        try:
            answer = self._client.request(
                method,
                path,
                json=body,
                params=query,
                headers=headers,
                auth=login or self._login,
                extensions={"sni_hostname": self._name},
            )
        except httpx.HTTPError as error:
            raise HarborUnreachable(
                f"https://{self._name}: no answer: {error}", kind_of_request_error(error)
            ) from error
        if answer.status_code in (502, 503, 504):
            raise HarborBackendDown(
                f"https://{self._name}: {answer.status_code}: a part of Harbor behind its proxy is down; "
                "moor apply harbor starts it"
            )
        return answer

    def get(
        self,
        path: str,
        shape: TypeAdapter[Any],
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return an object of the API, or None if it does not exist; raises HostError if it has another shape."""
        answer = self.ask("GET", path, query=query, headers=headers)
        return None if answer.status_code == 404 else parse_answer(shape, require_success(answer))

    def change(self, method: str, path: str, body: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Send a writing request; raises HostError with Harbor's own reason if it is refused."""
        return require_success(self.ask(method, path, body=body, headers=headers))

    def manifest(self, repository: str, reference: str) -> tuple[str, dict[str, Any]] | None:
        """Return a manifest's digest and content, None if it does not exist; raises HostError on a refused login."""
        answer = self.ask("GET", f"/v2/{repository}/manifests/{reference}", headers={"Accept": MANIFESTS})
        if answer.status_code == 401 and self._login:
            # 401 also means that the project does not exist, unless the login itself is refused
            require_success(self.ask("GET", "/api/v2.0/users/current"))
        if answer.status_code in (401, 404):
            return None
        content: dict[str, Any] = parse_answer(MANIFEST, require_success(answer))
        return digest_of(answer), content

    def blob(self, repository: str, digest: str) -> dict[str, Any]:
        """Return the configuration of an image, by the digest in its manifest."""
        answer = require_success(self.ask("GET", f"/v2/{repository}/blobs/{digest}"))
        content: dict[str, Any] = parse_answer(CONFIGURATION, answer)
        return content

    def logs_in(self, user: str, password: str) -> bool:
        """Return whether the registry accepts a login; unlike /users/current this works for robots too."""
        return self.ask("GET", "/v2/", login=(user, password)).status_code == 200

    def close(self) -> None:
        """Close the open connections."""
        self._client.close()


def require_success(answer: httpx.Response) -> httpx.Response:
    """Return the answer if it is a success; raise HostError with Harbor's own reason if not."""
    if answer.is_success:
        return answer
    words = f"{describe_request(answer)}: {answer.status_code}: {refusal_reason(answer)}"
    raise HostError(f"{words}{REMEDY if answer.status_code == 401 else ''}", kind_of_status(answer.status_code))


def refusal_reason(answer: httpx.Response) -> str:
    """Return why Harbor refused, read from JSON or plain text, or that a proxy's page came instead."""
    try:
        return "; ".join(f"{error['code']}: {error['message']}" for error in answer.json()["errors"])
    except (ValueError, LookupError, TypeError, RecursionError):
        page = "html" in answer.headers.get("Content-Type", "")
        return "a page of the proxy in front of Harbor" if page else answer.text.strip()[:300] or "no reason given"


class HarborPlugin:
    """The Nornir connection plugin ``harbor``.

    Its extras are ``name``, the registry's, and ``trust``, an SSLContext, by default the system's trust.
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
        login = (username, password) if username and password else None
        self.connection = Harbor(known.get("name") or hostname or "", hostname or "", port or 443, login, trust)

    def close(self) -> None:
        """Close the open connections."""
        self.connection.close()
