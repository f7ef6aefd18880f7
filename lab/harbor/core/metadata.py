"""Metadata of projects, one by one."""

from werkzeug.wrappers import Response

from lab.harbor.core.errors import conflict
from lab.harbor.core.service import API, Call, Route, done, reply


def list_metadata(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "metadata", "list")
    return reply(project.body["metadata"])


def get_metadata(call: Call, reference: str, name: str) -> Response:
    project = call.project(reference)
    call.need(project, "metadata", "read")
    return reply({key: value for key, value in project.body["metadata"].items() if key == name})


def add_metadata(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "metadata", "create")
    for name, value in call.body("metadata").items():
        if name in project.body["metadata"]:
            raise conflict(f"metadata {name} already exists for project {project.id}")
        project.body["metadata"][name] = value
    call.store.put(project)
    return done()


def put_metadata(call: Call, reference: str, name: str) -> Response:
    project = call.project(reference)
    call.need(project, "metadata", "update")
    project.body["metadata"][name] = call.body("metadata").get(name, "")
    call.store.put(project)
    return done()


def delete_metadata(call: Call, reference: str, name: str) -> Response:
    project = call.project(reference)
    call.need(project, "metadata", "delete")
    project.body["metadata"].pop(name, None)
    call.store.put(project)
    return done()


ALL = f"{API}/projects/<reference>/metadatas"
ROUTES: list[Route] = [
    ("GET", f"{ALL}/", list_metadata),
    ("POST", f"{ALL}/", add_metadata),
    ("GET", f"{ALL}/<name>", get_metadata),
    ("PUT", f"{ALL}/<name>", put_metadata),
    ("DELETE", f"{ALL}/<name>", delete_metadata),
]
