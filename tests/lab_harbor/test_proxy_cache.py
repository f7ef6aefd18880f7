"""A proxy cache project of the stand-in: what it lacks comes from its registry, and stays when that is gone."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.lab_harbor.contract import HELLO, MANIFEST
from tests.lab_harbor.standin import ADMIN_PASSWORD, Served, find_registry, run_open_registry, serve

API, LIBRARY = "/api/v2.0", "/v2/cache/library/hello"
ACCEPT = {"Accept": MANIFEST}


@dataclass
class Cached:
    """A stand-in with a public proxy cache of another registry.

    Attributes:
        upstream: closes that registry
    """

    served: Served
    api: httpx.Client
    nobody: httpx.Client
    upstream: ExitStack
    url: str

    def pull(self, path: str, method: str = "GET") -> httpx.Response:
        """Ask as a client without a login does: with a token that anybody gets."""
        scope = f"repository:cache/{path.partition('/v2/cache/')[2].rpartition('/')[0].rpartition('/')[0]}:pull"
        given = self.nobody.get("/service/token", params={"service": "harbor-registry", "scope": scope}).json()
        headers = {**ACCEPT, "Authorization": f"Bearer {given['token']}"}
        return self.nobody.request(method, path, headers=headers)

    def pulled_whole(self, reference: str) -> httpx.Response:
        """Pull the image, and wait until it is stored."""
        answer = self.pull(f"{LIBRARY}/manifests/{reference}")
        for content, digest in HELLO.blobs:
            assert self.pull(f"{LIBRARY}/blobs/{digest}").content == content
        self.served.core.jobs.wait()
        return answer


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Cached]:
    program = find_registry(tmp_path)
    for name in ("harbor", "hub"):
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        upstream = stack.enter_context(ExitStack())
        url = upstream.enter_context(run_open_registry(program, tmp_path / "hub"))
        served = stack.enter_context(serve(tmp_path / "harbor", program))
        api = stack.enter_context(httpx.Client(base_url=served.url, auth=("admin", ADMIN_PASSWORD)))
        nobody = stack.enter_context(httpx.Client(base_url=served.url))
        with httpx.Client(base_url=url) as hub:
            push(hub, "library/hello")
        made = httpx.post(
            f"{served.url}{API}/registries",
            auth=("admin", ADMIN_PASSWORD),
            json={"name": "hub", "type": "docker-registry", "url": url},
        )
        sent = {"project_name": "cache", "registry_id": 1, "metadata": {"public": "true"}}
        assert (made.status_code, api.post(f"{API}/projects", json=sent).status_code) == (201, 201)
        yield Cached(served, api, nobody, upstream, url)


def push(client: httpx.Client, repository: str) -> None:
    for blob, digest in HELLO.blobs:
        begun = client.post(f"/v2/{repository}/blobs/uploads/")
        place = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": digest})
        assert client.put(place, content=blob).status_code == 201
    kind = {"Content-Type": MANIFEST}
    assert client.put(f"/v2/{repository}/manifests/1.0", content=HELLO.manifest, headers=kind).status_code == 201


@pytest.mark.parametrize("reference", ["1.0", HELLO.digest])  # as podman does, as containerd and Docker do
def test_an_image_comes_through_and_is_there_when_its_registry_is_gone(cached: Cached, reference: str) -> None:
    head = cached.pull(f"{LIBRARY}/manifests/1.0", "HEAD")
    assert (head.status_code, head.headers["Docker-Content-Digest"]) == (200, HELLO.digest)
    first = cached.pulled_whole(reference)
    # As recorded of a real Harbor: no digest where a tag was asked for.
    digest = HELLO.digest if reference == HELLO.digest else ""
    assert (first.status_code, first.content, first.headers["Docker-Content-Digest"]) == (200, HELLO.manifest, digest)
    (stored,) = cached.api.get(f"{API}/projects/cache/repositories/library%252Fhello/artifacts").json()
    assert (stored["digest"], stored["tags"][0]["name"]) == (HELLO.digest, "1.0")

    cached.upstream.close()
    for asked in ("1.0", HELLO.digest):
        again = cached.pull(f"{LIBRARY}/manifests/{asked}")
        assert (again.status_code, again.content) == (200, HELLO.manifest)
        assert again.headers["Docker-Content-Digest"] == HELLO.digest
    assert cached.pull(f"{LIBRARY}/blobs/{HELLO.blobs[0][1]}").content == HELLO.blobs[0][0]
    lacking = cached.pull("/v2/cache/library/other/manifests/1.0")
    assert (lacking.status_code, lacking.json()["errors"][0]["code"]) == (404, "NOT_FOUND")
    assert cached.api.get(f"{API}/registries/1").json()["status"] == "unhealthy"


def test_what_its_registry_lacks_is_not_found_in_harbors_words(cached: Cached) -> None:
    lacking = cached.pull("/v2/cache/none/none/manifests/1.0")
    words = "resource not found: repo cache/none/none, tag 1.0 not found"
    assert (lacking.status_code, lacking.json()) == (404, {"errors": [{"code": "NOT_FOUND", "message": words}]})


def test_it_takes_no_push_and_reaches_no_registry_of_a_kind_that_the_stand_in_lacks(cached: Cached) -> None:
    pushed = cached.api.post("/v2/cache/app/blobs/uploads/")
    assert (pushed.status_code, pushed.json()["errors"][0]["code"]) == (403, "DENIED")
    upstream = cached.served.core.store.add("registry", "dockerhub", {"type": "docker-hub"})
    sent = {"project_name": "hub", "registry_id": upstream.id, "metadata": {"public": "true"}}
    assert cached.api.post(f"{API}/projects", json=sent).status_code == 403  # the client sends the session's cookie
    cached.api.cookies.clear()
    assert cached.api.post(f"{API}/projects", json=sent).status_code == 201
    assert cached.api.get("/v2/hub/app/manifests/1.0").status_code == 501
