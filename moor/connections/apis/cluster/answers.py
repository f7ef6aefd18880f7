"""The check of every answer from a cluster's address: an object, a refusal, or no answer of a Kubernetes API."""

from __future__ import annotations

import json
import re
from typing import Any

from moor.formats.nesting import parse_json
from moor.lazy_imports import ssl

Tree = dict[str, Any]
MISDIRECTED = 421  # the HTTP status that replaces the one of an answer that is no Kubernetes API's
KEPT_STATUSES = (429, 500, 502, 503, 504)  # statuses that are kept, since a proxy in front of the API has them too
# The lists of objects in each part of an object. Source: Kubernetes, api/core/v1 and meta/v1.
LISTS = {
    "metadata": ("ownerReferences", "managedFields"),
    "spec": ("containers", "initContainers", "imagePullSecrets"),
    "status": ("conditions", "addresses", "containerStatuses", "initContainerStatuses"),
}
STRANGER = "what answers there "  # how the message of a Status begins that no Kubernetes API sent
NO_API = "what answers there is no Kubernetes API"


def judge_answer(code: int, body: bytes) -> tuple[int, Tree]:
    """Return the HTTP status and the object of an answer; one that no Kubernetes API sent becomes a Status."""
    try:
        tree = parse_json(body)
    except ValueError:
        return _not_an_api(code, f"{NO_API}: {code}, {_page(body)}")
    if not isinstance(tree, dict) or not isinstance(tree.get("kind"), str):
        if code < 300:
            return _not_an_api(code, f"{NO_API}: JSON that is no object of Kubernetes")
        return _not_an_api(code, f"{STRANGER}says {code}, and not as a Kubernetes API does: {_message_of(tree)}")
    if code >= 300 or (tree["kind"] == "Status" and tree.get("status") == "Failure"):
        return _refusal(code, tree)
    if tree["kind"].endswith("List") and "items" in tree:
        if not isinstance(tree["items"], list | None):
            return _not_an_api(code, f"{NO_API}: a list without a list in it")
        tree["items"] = [item for item in tree["items"] or [] if isinstance(item, dict)]
    for one in tree["items"] if tree["kind"].endswith("List") and "items" in tree else [tree]:
        if wrong := find_wrong_type(one):
            return _not_an_api(code, f"{NO_API}: an object whose {wrong} is of another type than Kubernetes gives it")
    return code, tree


def find_wrong_type(tree: Tree) -> str:
    """Return the part of an object whose type is wrong for every kind of Kubernetes; empty if all are right."""
    for part, lists in LISTS.items():
        below = tree.get(part) or {}
        if not isinstance(below, dict):
            return "" if tree.get("kind") == "Status" else part
        for key in lists:
            entries = below.get(key) or []
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                return f"{part}.{key}"
    return ""


def _not_an_api(code: int, words: str) -> tuple[int, Tree]:
    code = code if code in KEPT_STATUSES else MISDIRECTED
    return code, make_status(code, words)


def make_status(code: int, words: str) -> Tree:
    """Build a Status object, as the API returns one when it refuses a request."""
    common = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**common, "message": words, "reason": "", "code": code}


def _refusal(code: int, tree: Tree) -> tuple[int, Tree]:
    """Return a refusal as a Status with code and message, even if the API left them out."""
    if tree["kind"] != "Status":
        return _not_an_api(code, f"{STRANGER}says {code}, with an object of kind {tree['kind'][:80]}")
    own = tree.get("code")
    number = own if isinstance(own, int) and 300 <= own < 600 else code if code >= 300 else MISDIRECTED
    words = str(tree.get("message") or tree.get("reason") or "no reason given")
    details = tree.get("details") if isinstance(tree.get("details"), dict) else None
    return number, {**make_status(number, words), "reason": str(tree.get("reason") or ""), "details": details}


def _page(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>([^<]{1,200})", text, re.IGNORECASE)
    if title:
        return f"a page with the title {to_one_line(title[1])!r}; is a gateway or a login page in front of it?"
    if text.lstrip()[:1] == "<":
        return "a page of HTML or XML; is a gateway or a login page in front of it?"
    return repr(to_one_line(text)[:120]) if text.strip() else "and nothing more"


def _message_of(tree: Any) -> str:
    if isinstance(tree, dict):
        for key in ("message", "error_description", "error", "detail", "title"):
            if isinstance(tree.get(key), str) and tree[key]:
                return to_one_line(tree[key])[:300]
    return to_one_line(json.dumps(tree))[:200]


def to_one_line(text: str) -> str:
    """Return a text in one line, without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def explain_no_answer(error: BaseException) -> str:
    """Return in one line why there is no answer, given the HTTP library's exception."""
    causes = [error]
    while (deeper := causes[-1].__cause__ or causes[-1].__context__) and deeper not in causes:
        causes.append(deeper)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            found = cause.verify_message or "CERTIFICATE_VERIFY_FAILED"
            return f"its certificate is not trusted: {found.rstrip('.')}; {_remedy(found)}"
        if isinstance(cause, ssl.SSLError) and cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
            return "what listens there does not speak TLS; is it the API's port?"
        if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
            return f"it ended the TLS handshake: {cause.reason}"
    words = to_one_line(str(error)) or type(error).__name__
    return "it is silent" if "timed out" in words.lower() or "Timeout" in type(error).__name__ else words


def _remedy(words: str) -> str:
    if "ostname" in words or "IP address" in words:
        return "reach it by a name that it has, or write one as tls-server-name into the kubeconfig"
    if "expired" in words:
        return "renew the API server's certificate (kubeadm certs renew apiserver)"
    return "give its CA as certificate-authority-data in the kubeconfig"
