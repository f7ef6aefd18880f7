"""HTTP between Harbor's parts: plain, inside a network of their own."""

import ssl

import httpx


def inner_client(base_url: str = "", timeout_s: float = 300) -> httpx.Client:
    """Return a client without certificates and without a proxy: it needs neither, and the image has no CAs."""
    return httpx.Client(
        base_url=base_url, timeout=timeout_s, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False
    )
