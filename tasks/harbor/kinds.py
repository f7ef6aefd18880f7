"""What the keys of harbor.yml hold: numbers, durations, sizes, words of a list; and which blocks must be whole.

Harbor's prepare copies most values as they are, so that a wrong one is noticed by a component that does not start, or
by nobody. What a block lacks ends prepare in a traceback, while Harbor is down.

Source  harbor.yml.tmpl of Harbor 2.8 to 2.15; make/photon/prepare (models.py, utils/configs.py); the parameters that
        the registry's storage drivers require (distribution 2.8)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Found = Iterator[tuple[tuple[str, ...], str]]


@dataclass(frozen=True)
class Kind:
    """What a value must be, in words, and the check of it."""

    words: str
    fits: Callable[[Any], bool]


def whole(least: int = 0, most: int = 2**31 - 1) -> Kind:
    """Return the kind of whole numbers within bounds."""
    bounds = f" from {least} to {most}" if most < 2**31 - 1 else f", {least} or more"
    return Kind(
        f"is a whole number{bounds}; write it without quotes",
        lambda value: type(value) is int and least <= value <= most,
    )


def one_of(*words: str) -> Kind:
    """Return the kind of words of a list."""
    return Kind(f"is one of {', '.join(words)}", lambda value: value in words)


def all_of(*words: str) -> Kind:
    """Return the kind of lists of some words."""
    return Kind(
        f"is a list of {', '.join(words)}",
        lambda value: isinstance(value, list | tuple) and all(one in words for one in value),
    )


def text(pattern: str, words: str) -> Kind:
    """Return the kind of texts of a pattern."""
    found = re.compile(pattern)
    return Kind(words, lambda value: isinstance(value, str) and found.fullmatch(value) is not None)


def either(one: Kind, other: Kind, words: str) -> Kind:
    """Return the kind of values that are of one of two kinds."""
    return Kind(words, lambda value: one.fits(value) or other.fits(value))


NUMBER, COUNT, PORT = whole(), whole(1), whole(1, 65535)
_SPAN = text(r"-?(\d+(\.\d+)?(ns|us|ms|s|m|h))+", "")
DURATION = either(_SPAN, whole(0, 0), "is a duration such as 5m, 90s or 1h30m")
SIZE = either(text(r"\d+[kMG]?", ""), whole(), "is a number of bytes, or one of kilobytes and so on: 500k, 200M, 1G")
HOURS = text(r"0*([2-9]|[1-9]\d+)h", "is a number of hours, 2 or more: 168h")
SHARE = Kind(
    "is a number from 0 to 1; write it without quotes",
    lambda value: type(value) in (int, float) and 0 <= value <= 1,
)
CONNECTIONS = Kind("is a whole number; write it without quotes", lambda value: type(value) is int)  # 0: no limit

KINDS: tuple[tuple[str, Kind], ...] = (
    (r"(http|metric|log\.external_endpoint|external_database\.\w+)\.port|trace\.jaeger\.agent_port", PORT),
    (r"(database|external_database\.harbor)\.max_(idle|open)_conns", CONNECTIONS),
    (r"(database|external_database\.harbor)\.conn_max_(lifetime|idle_time)|trivy\.timeout", DURATION),
    (r"external_database\.\w+\.ssl_mode", one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full")),
    (r"(external_)?redis\.\w+_db_index|external_redis\.idle_timeout_seconds", NUMBER),
    (r"jobservice\.(max_job_workers|max_job_duration_hours|logger_sweeper_duration)", COUNT),
    (r"jobservice\.job_loggers", all_of("STD_OUTPUT", "FILE", "DB")),
    (r"notification\.webhook_job_http_client_timeout|cache\.expire_hours", COUNT),
    (r"log\.level", one_of("debug", "info", "warning", "error", "fatal")),
    (r"notification\.webhook_job_max_retry|log\.local\.rotate_count", NUMBER),
    (r"log\.local\.rotate_size", SIZE),
    (r"log\.external_endpoint\.protocol", one_of("tcp", "udp")),
    (r"upload_purging\.(age|interval)", HOURS),
    (r"trace\.sample_rate", SHARE),
    (r"trace\.otel\.timeout", either(COUNT, _SPAN, "is a number of seconds, or a duration such as 10s")),
    (r"proxy\.components", all_of("core", "jobservice", "trivy")),
    (r"core\.quota_update_provider", one_of("db", "redis")),
    (r"storage_service\.(s3|gcs|swift|oss)\.(multipartcopy)?chunksize", COUNT),
    (r"storage_service\.s3\.multipartcopy(maxconcurrency|thresholdsize)", COUNT),
    (r"storage_service\.(filesystem\.maxthreads|gcs\.maxconcurrency|azure\.max_retries)", COUNT),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern), kind) for pattern, kind in KINDS)

DRIVERS = {  # with what each cannot do without
    "filesystem": (),
    "azure": ("accountname", "container"),
    "gcs": ("bucket",),
    "s3": ("region", "bucket"),
    "swift": ("authurl", "username", "password", "container"),
    "oss": ("accesskeyid", "accesskeysecret", "region", "bucket"),
}
WHOLE = {  # blocks that the template has in comments alone, with the keys that prepare reads without a default
    "external_database.harbor": ("host", "port", "db_name", "username", "password", "ssl_mode"),
    "external_redis": ("host",),
    "log.external_endpoint": ("protocol", "host", "port"),
    "metric": ("enabled", "port", "path"),
    **{f"storage_service.{driver}": keys for driver, keys in DRIVERS.items()},
}


def wrong_kind(dotted: str, value: Any) -> str:
    """Return what a value of the key must be if it is not; empty if it is. The words do not have the value."""
    kind = next((kind for pattern, kind in _PATTERNS if pattern.fullmatch(dotted)), None)
    return "" if kind is None or value is None or kind.fits(value) else kind.words


def wrong_text(dotted: str, value: str) -> str:
    """Return the same for a value that is text wherever it comes from, such as a variable of the environment."""
    return wrong_kind(dotted, int(value) if value.isascii() and value.isdigit() else value)


def find_incomplete(options: Mapping[str, Any]) -> Found:
    """Yield the path of each block that lacks what Harbor needs of it, or that Harbor would pass over."""
    for dotted, keys in WHOLE.items():
        path = tuple(dotted.split("."))
        block = _block(options, path)
        if isinstance(block, Mapping) and block and (missing := [key for key in keys if block.get(key) in (None, "")]):
            yield path, f"lacks {', '.join(missing)}"
    yield from _find_in_storage(_block(options, ("storage_service",)))
    if (tls := _block(options, ("internal_tls",))) and tls.get("enabled") is True and not tls.get("dir"):
        yield ("internal_tls",), "lacks dir, where its certificates are"
    trace = _block(options, ("trace",)) or {}
    if trace.get("enabled") is True and bool(trace.get("jaeger")) == bool(trace.get("otel")):
        yield ("trace",), "needs one of jaeger and otel, and not both"


def _find_in_storage(storage: Mapping[str, Any] | None) -> Found:
    given = [driver for driver in DRIVERS if driver in (storage or {})]
    if len(given) > 1:
        yield ("storage_service",), f"Harbor takes one driver; leave one of {', '.join(given)}"
    for driver in given:
        if driver != "filesystem" and not (storage or {})[driver]:
            yield ("storage_service", driver), "is empty, and Harbor would store on its own disk; leave it out"


def _block(options: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any] | None:
    found: Any = options
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None
