"""HTTP client for requests between Harbor's parts, inside their own network."""

import ssl

import httpx


def inner_client(base_url: str = "", timeout_s: float = 300) -> httpx.Client:
    """Return a client that loads no CAs, which the image lacks, and uses no proxy."""
    return httpx.Client(
        base_url=base_url, timeout=timeout_s, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False
    )
