"""The WSGI application: authentication, routing, and headers of all responses."""

import json
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from moor_lab.harbor.core.errors import Refusal, forbidden, not_found, read_only, unauthorized, unprocessable
from moor_lab.harbor.core.jobs import Jobs
from moor_lab.harbor.core.passwords import Lock
from moor_lab.harbor.core.query import Query, cut, page_headers, read_query
from moor_lab.harbor.core.rights import Caller, Rights
from moor_lab.harbor.core.settings import minor_release
from moor_lab.harbor.core.store import Record, Store
from moor_lab.harbor.core.tokens import Tokens
from moor_lab.harbor.release import SHOWN_VERSION

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

API = "/api/v2.0"
METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS")
READS = ("GET", "HEAD", "OPTIONS")
JSON = "application/json"


def no_collector(dry_run: bool) -> tuple[bool, str]:
    """Return that there is no registry here to collect garbage in."""
    return False, "no registry controller"


@dataclass
class Core:
    """The services that all handlers use.

    Attributes:
        external_url: where clients reach this Harbor: https://NAME
        registry: docker-registry, reached from here
        components: name to a function that raises when that part of Harbor is not well
        pepper: {data_volume}/secret/keys/secretkey: without it no robot's secret is right any more
        version: the release of Harbor that it answers as
        collector: removes blobs that no manifest names, or only counts them in a dry run; whether it could, and its log
        awaited_tags: of repository and digest: what was asked for by a tag, and a proxy cache has not stored yet
        certificates: the directory with the CAs that connections to other registries trust
    """

    store: Store
    tokens: Tokens
    registry: httpx.Client
    external_url: str
    components: Mapping[str, Callable[[], object]]
    pepper: str = ""
    ca: Path | None = None
    version: str = SHOWN_VERSION
    collector: Callable[[bool], tuple[bool, str]] = no_collector
    certificates: Path | None = None
    lock: Lock = field(default_factory=Lock)
    jobs: Jobs = field(default_factory=Jobs)
    awaited_tags: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def trusted(self) -> list[Path]:
        """Return the files of the CAs that connections to other registries trust."""
        return sorted(self.certificates.glob("*.crt")) if self.certificates else []

    @property
    def registry_url(self) -> str:
        return self.external_url.partition("://")[2]


@dataclass
class Call:
    """One request with its caller."""

    core: Core
    request: Request
    who: Caller

    @property
    def store(self) -> Store:
        return self.core.store

    @property
    def rights(self) -> Rights:
        return Rights(self.store, self.who, minor_release(self.core.version) >= (2, 10))

    def need_login(self) -> None:
        if not self.who.known:
            raise unauthorized()

    def need_administrator(self) -> None:
        self.need_login()
        if not self.who.administrator:
            raise forbidden(self.who.name)

    def need_system(self, resource: str, action: str) -> None:
        self.need_login()
        if not self.rights.in_system(resource, action):
            raise forbidden(self.who.name)

    def need(self, project: Record, resource: str, action: str) -> None:
        if not self.rights.in_project(project, resource, action):
            raise forbidden() if self.who.known else unauthorized()

    def project(self, reference: str) -> Record:
        """Return the project of a path; digits are an id, unless the caller declares them a name."""
        named = self.request.headers.get("X-Is-Resource-Name") == "true"
        if reference.isdigit() and not named:
            found = self.store.get("project", int(reference))
        else:
            found = self.store.find("project", reference)
        if found is None:
            raise not_found(f"project {reference}") if self.who.known else unauthorized()
        return found

    def body(self, name: str) -> dict[str, Any]:
        """Return the request's JSON object; ``name`` is its name in errors."""
        data = self.request.get_data()
        if not data:
            raise unprocessable(f"{name} in body is required")
        kind = self.request.headers.get("Content-Type", "application/octet-stream")
        if kind.partition(";")[0].strip() != JSON:
            raise unprocessable(f'unsupported media type "{kind}", only [{JSON}] are allowed')
        try:
            return dict(json.loads(data))
        except (ValueError, TypeError):
            raise unprocessable(f'parsing {name} body from "" failed, because unexpected EOF') from None

    def query(self) -> Query:
        return read_query(self.request.args)

    def listing(self, entries: list[dict[str, Any]], *, total: int | None = None) -> Response:
        """Return one page of ``entries`` with the headers about the other pages."""
        query = self.query()
        count = len(entries) if total is None else total
        answer = reply(cut(entries, query))
        answer.headers.update(page_headers(self.request.path, count, query))
        return answer


Handler = Callable[..., Response]
Route = tuple[str, str, Handler]  # method, rule, handler


def reply(body: object, status: int = 200) -> Response:
    """Return ``body`` as JSON in Harbor's format: sorted keys, no spaces, a final newline."""
    return Response(dump(body), status, content_type=JSON)


def dump(body: object) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def done(status: int = 200, location: str = "") -> Response:
    """Return an empty response, with a relative Location like Harbor's, which werkzeug must not make absolute."""
    answer = Response(status=status)
    del answer.headers["Content-Type"]
    answer.autocorrect_location_header = False
    if location:
        answer.headers["Location"] = location
    return answer


@cache
def compiled(routes: tuple[Route, ...]) -> Map:
    """Return what requests are routed by; werkzeug compiles hundreds of rules in half a second, once for a process."""
    return Map(
        [Rule(rule, methods=[method], endpoint=handler) for method, rule, handler in routes],
        strict_slashes=False,
        merge_slashes=False,
        redirect_defaults=False,
    )


class Application:
    """The WSGI application that routes requests to handlers."""

    def __init__(self, core: Core, routes: Iterable[Route], log_in: Callable[[Core, Request], Caller]) -> None:
        self.core = core
        self._log_in = log_in
        self._map = compiled(tuple(routes))

    def __call__(self, environment: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        request = Request(environment)
        try:
            answer = self._answer(request)
        except Refusal as refusal:
            answer = refuse(refusal) if request.path.startswith((f"{API}/", "/v2/")) else refuse_in_html(refusal)
        _stamp(request, answer)
        return answer(environment, start)

    def _answer(self, request: Request) -> Response:
        handler, values = self._route(request)
        _check_cookie(request)
        if request.method not in READS and handler.__name__ != "update_configurations" and self._read_only():
            raise read_only()
        _check_accept(request, getattr(handler, "produces", JSON))
        return handler(Call(self.core, request, self._log_in(self.core, request)), **values)

    def _route(self, request: Request) -> tuple[Handler, Mapping[str, Any]]:
        try:
            handler, values = self._map.bind_to_environ(request.environ).match()
        except NotFound:
            raise Refusal(404, "NOT_FOUND", f"path {request.path} was not found") from None
        except MethodNotAllowed as error:
            allowed = ",".join(sorted(error.valid_methods or (), key=METHODS.index))
            message = f"method {request.method} is not allowed, but [{allowed}] are"
            raise Refusal(405, "METHOD_NOT_ALLOWED", message) from None
        return handler, values

    def _read_only(self) -> bool:
        setting = self.core.store.find("setting", "read_only")
        return bool(setting and setting.body["value"])


def _check_cookie(request: Request) -> None:
    """Refuse a client that sends cookies: like Harbor, require a CSRF token, which the stand-in never issues."""
    ours = request.path.startswith((API, "/c/"))
    if ours and request.method not in READS and "sid" in request.cookies:
        raise forbidden("CSRF token invalid")


def _check_accept(request: Request, produces: str) -> None:
    accepted = request.headers.get("Accept", "")
    if produces and request.path.startswith(API) and accepted and not request.accept_mimetypes[produces]:
        refusal = unprocessable(f"unsupported media type requested, only [{produces}] are available")
        refusal.challenge = None if request.authorization else 'Basic realm="API"'
        raise refusal


def refuse(refusal: Refusal) -> Response:
    answer = Response(dump(refusal.body), refusal.status, content_type=f"{JSON}; charset=utf-8")
    if refusal.challenge is not None:
        answer.headers["Www-Authenticate"] = refusal.challenge
    if refusal.registry:
        answer.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
    return answer


def refuse_in_html(refusal: Refusal) -> Response:
    page = f"<!DOCTYPE HTML>\n<title>{refusal.status} - {refusal.code}</title>\n"
    return Response(page, refusal.status, content_type="text/html; charset=utf-8")


def _stamp(request: Request, answer: Response) -> None:
    answer.headers["X-Request-Id"] = request.headers.get("X-Request-Id") or str(uuid.uuid4())
    answer.headers["X-Moor-Stand-In"] = "Harbor's core, as moor's lab stands in for it"
    if "sid" not in request.cookies:
        secure = "" if request.path.startswith("/v2") else " Secure;"
        answer.headers.add("Set-Cookie", f"sid={secrets.token_hex(16)}; Path=/;{secure} HttpOnly")
