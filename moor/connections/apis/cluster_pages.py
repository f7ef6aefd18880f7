"""Long lists of a cluster, page by page, each parsed into the few fields that are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

from moor.connections.apis.cluster.transport import UNPARSED
from moor.connections.apis.kubernetes import DECODER_LOCK, code_of, raising_host_errors
from moor.errors import HostError

# See moor.connections.apis.kubernetes for when lightkube is imported.
if TYPE_CHECKING:
    from lightkube import Client

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PAGE_SIZE = 500  # that of kubectl
EXPIRED = 410  # the list has changed too much since its first page
TRIES = 3


class PageAnswer(Protocol[T]):
    """A page of a list, as msgspec parses it."""

    @property
    def entries(self) -> list[T]:
        """Return its objects."""

    @property
    def more(self) -> str:
        """Return where the list goes on; empty at its end."""


class Decoder(Protocol[T_co]):
    """A parser of answers, such as one of msgspec's."""

    def decode(self, body: bytes, /) -> T_co:
        """Parse an answer."""


class ListChanged(Exception):
    """The rest of a list is gone, since the cluster has forgotten its state at the first page; read it anew."""


def read_pages(
    client: Client, doing: str, path: str, decoder: Decoder[PageAnswer[T]], query: Mapping[str, str] | None = None
) -> Iterator[list[T]]:
    """Yield the objects of each page of a list.

    Args:
        doing: what the request is for; the beginning of error messages
        path: of the list, such as ``/api/v1/pods``
        query: parameters, such as another ``limit`` of a page

    Raises:
        HostError: the API refuses, does not answer, or not with a list
        ListChanged: the list has to be read anew
    """
    more = ""
    while True:
        asked = {"limit": str(PAGE_SIZE), **(query or {}), **({"continue": more} if more else {})}
        try:
            page: PageAnswer[T] = read_object(client, doing, path, decoder, asked)
        except HostError as error:
            if more and code_of(error) == EXPIRED:
                raise ListChanged from None
            raise
        yield page.entries
        more = page.more
        if not more:
            return


def read_object(
    client: Client, doing: str, path: str, decoder: Decoder[T], query: Mapping[str, str] | None = None
) -> T:
    """Return an object, or a page of a list, of which only the wanted fields are parsed.

    Raises:
        HostError: the API refuses, does not answer, or with an object of another shape
    """  # noqa: DOC501 - raising_host_errors makes a HostError
    from lightkube.core.exceptions import ApiError

    with raising_host_errors(doing):
        # lightkube's own client would parse every field of every object.
        answer = client._client._client.get(path, params=dict(query or {}), extensions={UNPARSED: True})
        if answer.status_code >= 300:
            raise ApiError(request=answer.request, response=answer)
        with DECODER_LOCK:
            return decoder.decode(answer.content)
