"""Paths of Harbor's API."""

from urllib.parse import quote


def repository_path(name: str) -> str:
    """Return the path of a repository below the API's root; Harbor decodes a repository's name twice.

    Args:
        name: with the project, as Harbor lists it
    """
    project, _, short = name.partition("/")
    return f"/projects/{project}/repositories/{quote(quote(short, safe=''), safe='')}"
