"""Documents of Talos' machine configuration, with or without the secrets in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from moor.secrets.secret import Secret

Document = Mapping[str, object]


def open_documents(documents: Iterable[Document], with_secrets: bool) -> tuple[list[Document], list[str]]:
    """Return the documents with their secrets revealed, and the kinds of those that are left out for a secret."""
    found, withheld = list[Document](), list[str]()
    for document in documents:
        if _has_secret(document) and not with_secrets:
            withheld.append(str(document["kind"]))
        else:
            found.append({key: _revealed(value) for key, value in document.items()})
    return found, withheld


def _has_secret(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_secret, value.values()))
    return any(map(_has_secret, value)) if isinstance(value, list) else isinstance(value, Secret)


def _revealed(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _revealed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_revealed(one) for one in value]
    return value.reveal() if isinstance(value, Secret) else value
