"""The keys of harbor.yml by level and release, and the right place of a misplaced one.

Source  harbor.yml.tmpl of Harbor 2.8 to 2.15, with the optional blocks in its comments; for the drivers of
        storage_service, which Harbor passes on unchanged, the storage drivers of the registry (distribution 2.8, 3.0)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from moor.settings.validation import unknown_name
from moor.suggestions import did_you_mean

FREE: dict[str, Any] = {}  # a mapping with any keys
Keys = Mapping[str, Any]  # from a key to the keys below it, or to None if it holds a value


def _keys(text: str) -> dict[str, Any]:
    return dict.fromkeys(text.split())


_NOTARY = _keys("host port db_name username password ssl_mode")
_INDEXES = "registry_db_index jobservice_db_index trivy_db_index harbor_db_index cache_layer_db_index"
_DRIVERS = {
    "filesystem": _keys("rootdirectory maxthreads"),
    "s3": _keys("""
        accesskey secretkey sessiontoken region regionendpoint bucket encrypt keyid secure skipverify v4auth chunksize
        multipartcopychunksize multipartcopymaxconcurrency multipartcopythresholdsize rootdirectory storageclass
        useragent objectacl accelerate usedualstack forcepathstyle loglevel"""),
    "azure": {
        **_keys("accountname accountkey container realm rootdirectory max_retries retry_delay"),
        "credentials": _keys("type clientid tenantid secret"),
    },
    "gcs": {**_keys("bucket keyfile rootdirectory chunksize maxconcurrency"), "credentials": FREE},
    "swift": _keys("""
        authurl username password region container tenant tenantid domain domainid trustid insecureskipverify chunksize
        prefix secretkey accesskey authversion endpointtype tempurlcontainerkey tempurlmethods tenantdomain
        tenantdomainid"""),
    "oss": _keys("""
        accesskeyid accesskeysecret region endpoint internal bucket encrypt encryptionkeyid secure chunksize
        rootdirectory"""),
}
_TREE: dict[str, Any] = {
    **_keys("hostname external_url harbor_admin_password data_volume _version"),
    "http": _keys("port"),
    "https": _keys("port certificate private_key strong_ssl_ciphers"),
    "ip_family": {"ipv4": _keys("enabled"), "ipv6": _keys("enabled")},
    "internal_tls": _keys("enabled dir strong_ssl_ciphers"),
    "database": _keys("password max_idle_conns max_open_conns conn_max_lifetime conn_max_idle_time"),
    "storage_service": {"ca_bundle": None, "redirect": _keys("disable"), **_DRIVERS},
    "trivy": _keys("""
        ignore_unfixed skip_update skip_java_db_update offline_scan security_check insecure timeout github_token
        db_repository java_db_repository"""),
    "jobservice": _keys("max_job_workers max_job_duration_hours job_loggers logger_sweeper_duration"),
    "notification": _keys("webhook_job_max_retry webhook_job_http_client_timeout"),
    "log": {
        "level": None,
        "local": _keys("rotate_count rotate_size location"),
        "external_endpoint": _keys("protocol host port"),
    },
    "external_database": {
        "harbor": {**_NOTARY, **_keys("max_idle_conns max_open_conns conn_max_lifetime conn_max_idle_time")},
        "notary_signer": _NOTARY,
        "notary_server": _NOTARY,
    },
    "redis": _keys(_INDEXES),
    "external_redis": {
        **_keys(f"host username password sentinel_master_set idle_timeout_seconds {_INDEXES}"),
        "tlsOptions": _keys("enable rootCA"),
    },
    "uaa": _keys("ca_file"),
    "proxy": _keys("http_proxy https_proxy no_proxy components"),
    "metric": _keys("enabled port path"),
    "trace": {
        **_keys("enabled sample_rate namespace"),
        "attributes": FREE,
        "jaeger": _keys("endpoint username password agent_host agent_port"),
        "otel": _keys("endpoint url_path compression insecure timeout"),
    },
    "upload_purging": _keys("enabled age interval dryrun"),
    "cache": _keys("enabled expire_hours"),
    "core": _keys("quota_update_provider"),
}
OLDEST, NEWEST = (2, 8), (2, 15)
Release = tuple[int, int]
SINCE: dict[str, Release] = {
    **dict.fromkeys(("https.strong_ssl_ciphers", "internal_tls.strong_ssl_ciphers"), (2, 9)),
    **dict.fromkeys(("redis", "core", "jobservice.job_loggers", "trivy.skip_java_db_update"), (2, 9)),
    **dict.fromkeys(("external_redis.harbor_db_index", "external_redis.cache_layer_db_index"), (2, 9)),
    **dict.fromkeys(("ip_family", "trivy.timeout"), (2, 11)),
    **dict.fromkeys(("jobservice.max_job_duration_hours", "external_redis.tlsOptions"), (2, 13)),
    **dict.fromkeys(("trivy.db_repository", "trivy.java_db_repository"), (2, 15)),
}
UNTIL: dict[str, Release] = dict.fromkeys(
    ("external_database.notary_signer", "external_database.notary_server"), (2, 8)
)

OWN_SETTINGS = {  # the keys that moor writes itself, and the setting that each comes from
    "hostname": "data.registry.name",
    "https.port": "data.registry.port",
    "https.certificate": "the certificate of data.pki",
    "https.private_key": "the certificate of data.pki",
    "harbor_admin_password": "data.harbor.admin_password",
    "database.password": "data.harbor.database_password",
    "data_volume": "data.harbor.data_volume",
}


def installer_release(installer: str) -> Release | None:
    """Return major and minor version in an installer's file name; None if there is none."""
    found = re.search(r"v(\d+)\.(\d+)\.\d+", installer)
    return (int(found[1]), int(found[2])) if found else None


def find_misplaced(options: Mapping[str, Any], release: Release | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path of each option that harbor.yml does not have at that level, and its remedy.

    Args:
        release: None if it is unknown; a release newer than this table is not checked, since its template may have
            more keys
    """
    if release is None or OLDEST <= release <= NEWEST:
        yield from _find_misplaced(options, _TREE, (), release)


def _find_misplaced(
    options: Mapping[str, Any], keys: Keys, above: tuple[str, ...], release: Release | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in options.items():
        path = (*above, str(key))
        dotted = ".".join(path)
        below = keys.get(key)
        if key not in keys:
            yield path, _other_place(dotted, keys, release)
        elif wrong := _not_for_options(dotted) or _other_release(dotted, release):
            yield path, wrong
        elif below is FREE:
            continue
        elif isinstance(value, Mapping) and below is None:
            yield path, "holds a value, and no keys below it"
        elif isinstance(value, Mapping):
            yield from _find_misplaced(value, below or {}, path, release)
        elif below and value is not None:
            yield path, f"holds keys, and no value: {', '.join(below)}"


def _not_for_options(dotted: str) -> str:
    if dotted == "_version":
        return "is Harbor's own note of the release; leave it out"
    return f"moor writes it from {OWN_SETTINGS[dotted]}; set that, and leave this out" if dotted in OWN_SETTINGS else ""


def _other_release(dotted: str, release: Release | None) -> str:
    if release is None:
        return ""
    harbor = "Harbor {}.{}".format(*release)
    first, last = SINCE.get(dotted, OLDEST), UNTIL.get(dotted, NEWEST)
    if release < first:
        return f"{harbor} does not have it, it came with {first[0]}.{first[1]}; leave it out"
    return f"{harbor} does not have it, it was in {last[0]}.{last[1]} last; leave it out" if release > last else ""


def _other_place(dotted: str, keys: Keys, release: Release | None) -> str:
    """Return the remedy for a key that is unknown at its level: its right place, or a similar key."""
    *above, name = dotted.split(".")
    places = [place for place in all_keys() if place.rpartition(".")[2] == name and not _other_release(place, release)]
    here = ".".join(above)
    close = did_you_mean(name, keys)
    if places and not close:
        return f"not a key of {here or 'the top level'}; {_right_place(places)}"
    if not close and (near := did_you_mean(name, {place.rpartition(".")[2] for place in all_keys()})):
        meant = near.removeprefix("; did you mean ").rstrip("?")
        return f"no such key; did you mean {' or '.join(p for p in all_keys() if p.rpartition('.')[2] == meant)}?"
    return unknown_name(name, keys)


def _right_place(places: list[str]) -> str:
    if "." not in places[0]:
        return f"{places[0]} stands at the top level"
    listed = " or ".join(places[:3])
    owners = " or ".join(dict.fromkeys(place.rpartition(".")[0] for place in places[:3]))
    return f"it belongs to {owners}: write {listed}"


@cache
def all_keys() -> tuple[str, ...]:
    """Return all keys of all releases, dotted, in the template's order."""
    return tuple(_paths(_TREE, ""))


def _paths(keys: Keys, above: str) -> Iterator[str]:
    for key, below in keys.items():
        yield f"{above}{key}"
        if below:
            yield from _paths(below, f"{above}{key}.")


def is_known(dotted: str) -> bool:
    """Return whether any release has this dotted key; below a ``FREE`` mapping, every key is known."""
    keys: Any = _TREE
    for part in dotted.split("."):
        if keys is FREE:
            return True
        if not isinstance(keys, Mapping) or part not in keys:
            return False
        keys = keys[part]
    return True
