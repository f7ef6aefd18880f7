"""The settings of harbor.yml that the stand-in uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REFUSED_NAMES = ("127.0.0.1", "localhost", "reg.mydomain.com")


class Refused(Exception):
    """An error in harbor.yml; the message has the reason."""


@dataclass(frozen=True)
class Settings:
    """The values for the files that prepare writes."""

    hostname: str
    external_url: str
    http_port: int
    https_port: int | None
    certificate: str
    private_key: str
    admin_password: str
    database_password: str
    data_volume: str
    log_location: str
    log_level: str
    ca_bundle: str


def read_settings(document: Mapping[str, Any]) -> Settings:
    """Parse harbor.yml; raise Refused without a usable hostname, or for HTTPS without certificate or key."""
    hostname = str(document.get("hostname") or "")
    if not hostname:
        raise Refused("Please specify hostname")
    if hostname in REFUSED_NAMES:
        raise Refused(f"{hostname} can not be the hostname")
    https = document.get("https") or {}
    certificate, private_key = str(https.get("certificate") or ""), str(https.get("private_key") or "")
    if https and not certificate:
        raise Refused("The protocol is https but attribute ssl_cert is not set")
    if https and not private_key:
        raise Refused("The protocol is https but attribute ssl_cert_key is not set")
    log = document.get("log") or {}
    http_port = int((document.get("http") or {}).get("port") or 80)
    https_port = int(https.get("port") or 443) if https else None
    return Settings(
        hostname=hostname,
        external_url=str(document.get("external_url") or own_url(hostname, http_port, https_port)),
        http_port=http_port,
        https_port=https_port,
        certificate=certificate,
        private_key=private_key,
        admin_password=str(document.get("harbor_admin_password") or ""),
        database_password=str((document.get("database") or {}).get("password") or "root123"),
        data_volume=str(document.get("data_volume") or "/data"),
        log_location=str((log.get("local") or {}).get("location") or "/var/log/harbor"),
        log_level=str(log.get("level") or "info"),
        ca_bundle=str((document.get("storage_service") or {}).get("ca_bundle") or ""),
    )


def own_url(hostname: str, http_port: int, https_port: int | None) -> str:
    """Return the URL for clients, without a default port."""
    scheme, port, usual = ("https", https_port, 443) if https_port else ("http", http_port, 80)
    return f"{scheme}://{hostname}" if port == usual else f"{scheme}://{hostname}:{port}"
