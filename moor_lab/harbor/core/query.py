"""Parameters of lists: page, page_size, q and sort, and the headers with the total."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from moor_lab.harbor.core.errors import bad_request, unprocessable

LARGEST_PAGE = 100


@dataclass(frozen=True)
class Query:
    """The parameters of a list; ``raw`` has them as received, for the Link header."""

    page: int = 1
    page_size: int = 10
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    raw: Mapping[str, str] = field(default_factory=dict)


def read_query(parameters: Mapping[str, str]) -> Query:
    """Parse the parameters; raise Refusal for an invalid number, a page that is too large, or a q without ``=``."""
    page = _number(parameters, "page", 1)
    size = _number(parameters, "page_size", 10)
    if size > LARGEST_PAGE:
        raise unprocessable(f"page_size in query should be less than or equal to {LARGEST_PAGE}")
    filters = read_filters(parameters.get("q", ""))
    return Query(page, size, filters, parameters.get("sort", ""), dict(parameters))


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, "")
    try:
        return int(text) if text else default
    except ValueError:
        raise unprocessable(f'{name} in query must be of type int64: "{text}"') from None


def read_filters(text: str) -> dict[str, str]:
    """Parse ``q``: key=value pairs with commas; the server decodes it twice, so a + must be sent as %2B."""
    filters = {}
    for part in unquote_plus(text).split(",") if text else []:
        key, _, value = part.partition("=")
        if not key or not value:
            raise bad_request('the query string must contain "=" and the key/value cannot be empty')
        filters[key.lower()] = value
    return filters


def matches(wanted: str | None, actual: str) -> bool:
    """Return whether ``actual`` matches a filter: ~part must be contained, None matches all, else it must be equal."""
    if wanted is None:
        return True
    return wanted[1:] in actual if wanted.startswith("~") else wanted == actual


def sort_by(
    entries: Iterable[dict[str, Any]], sort: str, default: Callable[[dict[str, Any]], Any]
) -> list[dict[str, Any]]:
    """Return the entries sorted by ``sort`` (a field, with - descending) if they have it, else by ``default``."""
    listed = sorted(entries, key=default)
    key = sort.removeprefix("-")
    if key and all(key in entry for entry in listed):
        return sorted(listed, key=lambda entry: entry[key], reverse=sort.startswith("-"))
    return listed


def cut(entries: list[Any], query: Query) -> list[Any]:
    """Return one page; with a page_size of 0 or less, all entries."""
    if query.page_size <= 0:
        return entries
    start = max(query.page - 1, 0) * query.page_size
    return entries[start : start + query.page_size]


def page_headers(path: str, total: int, query: Query) -> dict[str, str]:
    """Return the headers X-Total-Count, and Link if there is a previous or next page."""
    links = []
    if query.page > 1 and (query.page - 1) * query.page_size <= total:
        links.append(f'<{_address(path, query, query.page - 1)}>; rel="prev"')
    if query.page_size and query.page * query.page_size < total:
        links.append(f'<{_address(path, query, query.page + 1)}>; rel="next"')
    headers = {"X-Total-Count": str(total)}
    return headers | {"Link": " , ".join(links)} if links else headers


def _address(path: str, query: Query, page: int) -> str:
    parameters = {**query.raw, "page": str(page), "page_size": str(query.page_size)}
    return f"{path}?" + "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
