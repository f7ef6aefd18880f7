"""The API for the system: ping, health, system information, configuration."""

from collections.abc import Callable, Mapping

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import now
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.settings import (
    check_configurations,
    configurations,
    defaults,
    minor_release,
    setting,
    write_configurations,
)


def ping(call: Call) -> Response:
    return Response("Pong", content_type="text/plain")


ping.produces = "text/plain"  # type: ignore[attr-defined]  # read by the application


def health(call: Call) -> Response:
    """Return the state of all components; the status is 200 even if one is unhealthy."""
    found = [check_component(name, check) for name, check in sorted(call.core.components.items())]
    sick = any(one["status"] != "healthy" for one in found)
    return reply({"components": found, "status": "unhealthy" if sick else "healthy"})


def check_component(name: str, check: Callable[[], object]) -> Mapping[str, str]:
    try:
        check()
    except Exception as error:  # any error of a component is its reported state
        return {"error": f"failed to check health: {error}", "name": name, "status": "unhealthy"}
    return {"name": name, "status": "healthy"}


def system_info(call: Call) -> Response:
    """Return system information; less without a login."""
    store = call.store
    shown: dict[str, object] = {
        "auth_mode": setting(store, "auth_mode"),
        "harbor_version": call.core.version,
        "primary_auth_mode": setting(store, "primary_auth_mode"),
        "self_registration": setting(store, "self_registration"),
    }
    if "banner_message" in defaults(call.core.version):
        shown["banner_message"] = setting(store, "banner_message")
    if call.who.known:
        shown |= {
            "current_time": now(),
            "external_url": call.core.external_url,
            "has_ca_root": call.core.ca is not None and call.core.ca.exists(),
            "notification_enable": setting(store, "notification_enable"),
            "project_creation_restriction": setting(store, "project_creation_restriction"),
            "read_only": setting(store, "read_only"),
            "registry_storage_provider_name": "filesystem",
            "registry_url": call.core.registry_url,
        }
        shown |= {} if minor_release(call.core.version) > (2, 8) else {"with_notary": False}
    return reply(shown)


def get_configurations(call: Call) -> Response:
    call.need_system("configuration", "read")
    return reply(configurations(call.store, call.core.version))


def update_configurations(call: Call) -> Response:
    """Change the configuration; ignore unknown keys and answer 200."""
    call.need_system("configuration", "update")
    wanted = call.body("configurations")
    check_configurations(call.store, wanted, call.core.version)
    write_configurations(call.store, wanted, call.core.version)
    return done()


ROUTES: list[Route] = [
    ("GET", f"{API}/ping", ping),
    ("GET", f"{API}/health", health),
    ("GET", f"{API}/systeminfo", system_info),
    ("GET", f"{API}/configurations", get_configurations),
    ("PUT", f"{API}/configurations", update_configurations),
]
