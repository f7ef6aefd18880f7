"""Sends recorded exchanges of a real Harbor to another one, and tells where its answers differ."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

RECORDINGS = Path(__file__).parents[1] / "recordings" / "harbor" / "exchanges-v2.8.3.jsonl"
RECORDED_HOST = "harbor.example.test"
SLOW_MS = 1400  # a wrong password shows by its delay

COMPARED_HEADERS = (
    "Content-Disposition",
    "Content-Type",
    "Docker-Content-Digest",
    "Docker-Distribution-Api-Version",
    "Link",
    "Location",
    "Range",
    "Www-Authenticate",
    "X-Content-Type-Options",
    "X-Total-Count",
)
TIMES = {"creation_time", "update_time", "push_time", "pull_time", "current_time", "issued_at"}
TIMES |= {"start_time", "end_time"}
# They tell of calls that were not recorded, or not replayed.
LEFT_OUT = {"job_id", "repository_id", "retention_id", "pull_count"}
SECRETS = {"token", "secret", "access_secret"}
OF_THE_MACHINE = {"free", "total", "error", "harbor_version", "external_url", "registry_url", "next_scheduled_time"}
WEAK, STRONG, OTHER = "short", "Replay-Passw0rd", "Replay-Passw0rd2"


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer."""

    label: str
    auth: str
    method: str
    target: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: bytes
    status: int
    response_headers: Mapping[str, str]
    response_body: bytes
    elapsed_ms: float

    @property
    def slow(self) -> bool:
        return self.elapsed_ms > SLOW_MS


def read(replacements: Mapping[str, str] | None = None, path: Path = RECORDINGS) -> list[Exchange]:
    """Return the exchanges in order; ``replacements`` are made in them first: recorded word to the one to use."""
    text = path.read_text()
    for recorded, ours in (replacements or {}).items():
        text = text.replace(recorded, ours)
    return [_exchange(json.loads(line)) for line in text.splitlines()]


def _exchange(raw: dict[str, Any]) -> Exchange:
    method, target, _ = raw["request_line"].split(" ")
    return Exchange(
        raw["label"],
        raw["auth"],
        method,
        target,
        tuple((name, value) for name, value in raw["request_headers"]),
        _bytes(raw["request_body"], raw["request_body_encoding"]),
        raw["status"],
        {name.title(): value for name, value in raw["response_headers"]},
        _bytes(raw["response_body"], raw["response_body_encoding"]),
        raw["elapsed_ms"] or 0,
    )


def _bytes(text: str | None, encoding: str | None) -> bytes:
    if text is None:
        return b""
    return base64.b64decode(text) if encoding == "base64" else text.encode()


@dataclass
class Replayer:
    """Plays exchanges in order against ``client``, and remembers what later ones need.

    Attributes:
        passwords: by login name; robots' secrets are learnt from the answers
        tokens: by the word that the recording uses for them
    """

    client: httpx.Client
    host: str
    passwords: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)

    def play(self, exchange: Exchange) -> httpx.Response:
        headers = self._headers(exchange)
        body = self._body(exchange)
        target = self._target(exchange)
        if dict(exchange.request_headers).get("Host", "").endswith(":80"):
            target = f"http://{self.host}{target}"
        request = self.client.build_request(exchange.method, target, headers=headers, content=body or None)
        if "Accept" not in dict(exchange.request_headers):
            del request.headers["Accept"]
        answer = self.client.send(request)
        self.client.cookies.clear()
        self._learn(exchange, answer)
        return answer

    def _headers(self, exchange: Exchange) -> dict[str, str]:
        left_out = {"host", "authorization", "content-length", "user-agent", "cookie", "accept-encoding"}
        headers = {name: value for name, value in exchange.request_headers if name.lower() not in left_out}
        cookie = dict(exchange.request_headers).get("Cookie")
        if cookie:
            headers["Cookie"] = cookie.replace("<redacted>", "0123456789abcdef")
        if authorization := self._authorization(exchange):
            headers["Authorization"] = authorization
        return headers

    def _authorization(self, exchange: Exchange) -> str:
        kind, _, who = exchange.auth.partition("+cookie")[0].partition(":")
        if kind == "basic":
            wrong = exchange.slow and "disabled" not in exchange.label and "expired" not in exchange.label
            password = "Wrong-Passw0rd" if wrong else self.passwords.get(who, STRONG)
            return "Basic " + base64.b64encode(f"{who}:{password}".encode()).decode()
        if kind == "bearer":
            return f"Bearer {self.tokens.get(who.partition(' ')[0], who)}"
        return ""

    def _body(self, exchange: Exchange) -> bytes:
        """Return the recorded body; passwords were taken out of it, so they are put back by what the label says."""
        body = exchange.request_body
        if b"<redacted>" not in body:
            return body
        wanted = WEAK if "weak" in exchange.label else OTHER if "change" in exchange.label else STRONG
        if exchange.label in ("user-password-same", "user-password-by-admin-same"):
            wanted = self.passwords["dev1"]
        if exchange.label == "robot-refresh-secret-given":
            wanted = OTHER
        old = "Wrong-Passw0rd" if "wrong-old" in exchange.label else self.passwords.get("dev1", STRONG)
        text = re.sub(rb'("old_password": )"<redacted>"', rb'\1"' + old.encode() + b'"', body)
        return text.replace(b"<redacted>", wanted.encode())

    def _target(self, exchange: Exchange) -> str:
        """Return the address; an upload goes where this Harbor said, not where the recorded one did."""
        place, _, query = exchange.target.partition("?")
        session = place.rpartition("/blobs/uploads/")[2]
        if session != place and session in self.uploads:
            digest = re.search(r"(?:^|&)digest=([^&]*)", query)
            address = self.uploads[session]
            if digest:
                address += ("&" if "?" in address else "?") + f"digest={digest[1]}"
            return address
        return exchange.target

    def _learn(self, exchange: Exchange, answer: httpx.Response) -> None:
        if exchange.label.startswith("user-create") and answer.status_code == 201:
            self.passwords[json.loads(exchange.request_body)["username"]] = STRONG
        if exchange.label == "user-password-change":
            self.passwords["dev1"] = OTHER
        if exchange.label == "user-password-by-admin":
            self.passwords["dev1"] = STRONG
        if exchange.label == "robot-refresh-secret-given":
            self.passwords["robot$number-crunch+ci"] = self.passwords["bot_number-crunch+ci"] = OTHER
        session = exchange.response_headers.get("Docker-Upload-Uuid")
        if session and "Location" in answer.headers:
            self.uploads[session] = answer.headers["Location"].partition(self.host)[2]
        if "json" in answer.headers.get("Content-Type", "") and answer.content:
            self._learn_secret(exchange, answer.json())

    def _learn_secret(self, exchange: Exchange, body: object) -> None:
        if not isinstance(body, dict):
            return
        if "secret" in body and "name" in body:
            self.passwords[body["name"]] = body["secret"]
        elif "secret" in body and exchange.target.endswith("/robots/1"):
            self.passwords["robot$number-crunch+ci"] = body["secret"]
        words = {"token-for-push": "robot", "token-anonymous-hand": "anonymous"}
        if exchange.label in words:
            self.tokens[words[exchange.label]] = body["token"]


def differences(exchange: Exchange, answer: httpx.Response, host: str) -> list[str]:
    """What a client could tell apart: status, the headers that matter, and the body but for times and secrets."""
    found = []
    if answer.status_code != exchange.status:
        found.append(f"status {answer.status_code}, recorded {exchange.status}")
    for name in COMPARED_HEADERS:
        given, recorded = answer.headers.get(name), exchange.response_headers.get(name)
        if _plain_header(name, given, host) != _plain_header(name, recorded, RECORDED_HOST):
            found.append(f"{name}: {given!r}, recorded {recorded!r}")
    if exchange.method != "HEAD":
        given_body = plain_body(answer.content, host)
        recorded_body = plain_body(exchange.response_body, RECORDED_HOST)
        if given_body != recorded_body:
            found.append(f"body {given_body!r}\n     recorded {recorded_body!r}")
    return found


def _plain_header(name: str, value: str | None, host: str) -> str | None:
    if value is None:
        return None
    plain = value.replace(host, "HOST").replace("http://HOST", "https://HOST")
    if name == "Location":
        plain = re.sub(r"uploads/.*", "uploads/SESSION", plain)
    return plain


def plain_body(content: bytes, host: str) -> Any:
    """Return a body with everything that is different at every call made equal."""
    text = content.decode(errors="replace").replace(host, "HOST")
    if text.startswith("<"):
        return "HTML"
    try:
        return _plain(json.loads(text))
    except ValueError:
        return re.sub(r"-----BEGIN CERTIFICATE-----.*", "CERTIFICATE", text, flags=re.DOTALL)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        listed = [_plain(one) for one in value]
        unordered = bool(listed) and isinstance(listed[0], dict) and ("kind" in listed[0] or "action" in listed[0])
        return sorted(listed, key=str) if unordered else listed
    if isinstance(value, dict):
        plain = {name: _plain_field(name, one) for name, one in value.items() if name not in LEFT_OUT}
        if "artifact_count" in plain or "job_kind" in plain:
            plain.pop("id", None)
        return plain
    return value


def _plain_field(name: str, value: Any) -> Any:
    if name in TIMES:
        return "NEVER" if str(value).startswith("0001") else "TIME"
    if name in SECRETS and value:
        return "SECRET"
    if name in OF_THE_MACHINE:
        return "MACHINE"
    if name == "expires_at" and isinstance(value, int) and value > 0:
        return "EXPIRY"
    if name == "cve_allowlist":
        return {key: one for key, one in _plain(value).items() if key != "id"}
    return _plain(value)
