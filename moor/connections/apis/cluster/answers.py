"""Judging what answers at a cluster's address: an object, a refusal, or something that is no Kubernetes API."""

from __future__ import annotations

import json
import re
import ssl
from typing import Any

Tree = dict[str, Any]
OTHER = 421  # misdirected: the status of what is made of an answer that no Kubernetes API gives
PASSING = (429, 500, 502, 503, 504)  # a proxy in front of the API says so too, and keeps its status
# Lists of objects, by the part of an object in which they stand. Source: Kubernetes, api/core/v1 and meta/v1.
LISTS = {
    "metadata": ("ownerReferences", "managedFields"),
    "spec": ("containers", "initContainers", "imagePullSecrets"),
    "status": ("conditions", "addresses", "containerStatuses", "initContainerStatuses"),
}
NO_API = "what answers there is no Kubernetes API"


def judged(code: int, body: bytes) -> tuple[int, Tree]:
    """Return status and object of an answer; what is none of Kubernetes becomes a Status that says so in a sentence."""
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return _none(code, f"{NO_API}: {code}, {_page(body)}")
    if not isinstance(tree, dict) or not isinstance(tree.get("kind"), str):
        if code < 300:
            return _none(code, f"{NO_API}: JSON that is no object of Kubernetes")
        return _none(code, f"what answers there says {code}, and not as a Kubernetes API does: {_words(tree)}")
    if code >= 300 or (tree["kind"] == "Status" and tree.get("status") == "Failure"):
        return _refusal(code, tree)
    if tree["kind"].endswith("List") and "items" in tree:
        if not isinstance(tree["items"], list | None):
            return _none(code, f"{NO_API}: a list without a list in it")
        tree["items"] = [item for item in tree["items"] or [] if isinstance(item, dict)]
    for one in tree["items"] if tree["kind"].endswith("List") and "items" in tree else [tree]:
        if wrong := misshapen(one):
            return _none(code, f"{NO_API}: an object whose {wrong} is of another type than Kubernetes gives it")
    return code, tree


def misshapen(tree: Tree) -> str:
    """Name the part of an object that is of another type than every object of Kubernetes has it; null is absent."""
    for part, lists in LISTS.items():
        below = tree.get(part) or {}
        if not isinstance(below, dict):
            return "" if tree.get("kind") == "Status" else part
        for key in lists:
            entries = below.get(key) or []
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                return f"{part}.{key}"
    return ""


def _none(code: int, words: str) -> tuple[int, Tree]:
    code = code if code in PASSING else OTHER
    return code, status(code, words)


def status(code: int, words: str) -> Tree:
    """Return a Status as the API itself refuses with."""
    common = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**common, "message": words, "reason": "", "code": code}


def _refusal(code: int, tree: Tree) -> tuple[int, Tree]:
    """Return a Status that has code and message, whatever the API left out of it."""
    if tree["kind"] != "Status":
        return _none(code, f"what answers there says {code}, with an object of kind {tree['kind'][:80]}")
    said = tree.get("code")
    number = said if isinstance(said, int) and 300 <= said < 600 else code if code >= 300 else OTHER
    words = str(tree.get("message") or tree.get("reason") or "no reason given")
    details = tree.get("details") if isinstance(tree.get("details"), dict) else None
    return number, {**status(number, words), "reason": str(tree.get("reason") or ""), "details": details}


def _page(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>([^<]{1,200})", text, re.IGNORECASE)
    if title:
        return f"a page with the title {clean(title[1])!r}; is a gateway or a login page in front of it?"
    if text.lstrip()[:1] == "<":
        return "a page of HTML or XML; is a gateway or a login page in front of it?"
    return repr(clean(text)[:120]) if text.strip() else "and nothing more"


def _words(tree: Any) -> str:
    if isinstance(tree, dict):
        for key in ("message", "error_description", "error", "detail", "title"):
            if isinstance(tree.get(key), str) and tree[key]:
                return clean(tree[key])[:300]
    return clean(json.dumps(tree))[:200]


def clean(text: str) -> str:
    """Return a text in one line."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def unreachable(error: BaseException) -> str:
    """Say in one line why nothing answered, given what the HTTP library raised."""
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
    words = clean(str(error)) or type(error).__name__
    return "it is silent" if "timed out" in words.lower() or "Timeout" in type(error).__name__ else words


def _remedy(words: str) -> str:
    if "ostname" in words or "IP address" in words:
        return "reach it by a name that it has, or write one as tls-server-name into the kubeconfig"
    if "expired" in words:
        return "renew the API server's certificate (kubeadm certs renew apiserver)"
    return "give its CA as certificate-authority-data in the kubeconfig"
