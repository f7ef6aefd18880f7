"""Other registries, as replication reaches them over their API."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from moor_lab.harbor.core.errors import Refusal, bad_request, not_in_the_stand_in
from moor_lab.harbor.core.service import API, Core

HARBOR, DISTRIBUTION = "harbor", "docker-registry"
SERVED_TYPES = (HARBOR, DISTRIBUTION)
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
TIMEOUT_S = 30.0


def unhealthy() -> Refusal:
    return bad_request("the registry is unhealthy")


@contextmanager
def connect(core: Core, registry: Mapping[str, Any]) -> Iterator[httpx.Client]:
    """Yield a client of the registry, with its login; the certificate is checked unless it is ``insecure``."""
    if registry["type"] not in SERVED_TYPES:
        raise not_in_the_stand_in(f"registries of the type {registry['type']}")
    login = registry.get("credential") or {}
    with httpx.Client(
        base_url=registry["url"],
        auth=(login["access_key"], login["access_secret"]) if login.get("access_key") else None,
        verify=trust_of(core, registry),
        timeout=TIMEOUT_S,
        trust_env=False,
    ) as client:
        yield client


def trust_of(core: Core, registry: Mapping[str, Any]) -> ssl.SSLContext:
    """Return whom a connection trusts: the registry's own CA, else those that harbor.yml's ca_bundle brought."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if registry.get("insecure"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    given = registry.get("ca_certificate")
    for text in [given] if given else [path.read_text() for path in core.trusted()]:
        context.load_verify_locations(cadata=text)
    return context


def check_health(core: Core, registry: Mapping[str, Any]) -> None:
    """Raise Refusal unless the registry answers, and accepts the login."""
    try:
        with connect(core, registry) as client:
            client.get("/v2/").raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise unhealthy() from error


def ensure_project(client: httpx.Client, name: str, public: str) -> None:
    """Make a project in another Harbor unless it is there, as replication does before it pushes."""
    found = client.get(f"{API}/projects", params={"q": f"name={name}"}).raise_for_status().json()
    if not found:
        made = client.post(f"{API}/projects", json={"project_name": name, "metadata": {"public": public}})
        if made.status_code != 409:
            made.raise_for_status()


def fetch_manifest(client: httpx.Client, repository: str, reference: str) -> tuple[bytes, str]:
    """Return a manifest and its media type."""
    answer = client.get(f"/v2/{repository}/manifests/{reference}", headers={"Accept": MANIFESTS}).raise_for_status()
    return answer.content, answer.headers["Content-Type"]


def has_manifest(client: httpx.Client, repository: str, reference: str, digest: str) -> bool:
    answer = client.head(f"/v2/{repository}/manifests/{reference}", headers={"Accept": MANIFESTS})
    return answer.status_code == 200 and answer.headers.get("Docker-Content-Digest") == digest


def push_blob(client: httpx.Client, repository: str, digest: str, content: Iterator[bytes]) -> None:
    """Push a blob unless it is there."""
    if client.head(f"/v2/{repository}/blobs/{digest}").status_code == 200:
        return
    begun = client.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
    place = httpx.URL(begun.headers["Location"])
    # the place names the registry's own name, which need not lead there from here
    query = f"{place.query.decode()}&digest={digest}" if place.query else f"digest={digest}"
    client.put(f"{place.path}?{query}", content=content).raise_for_status()


def push_manifest(client: httpx.Client, repository: str, reference: str, manifest: tuple[bytes, str]) -> None:
    content, kind = manifest
    path = f"/v2/{repository}/manifests/{reference}"
    client.put(path, content=content, headers={"Content-Type": kind}).raise_for_status()
