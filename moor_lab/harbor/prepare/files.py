"""The files that prepare writes to the installation directory."""

from collections.abc import Mapping
from dataclasses import asdict

from jinja2 import Environment, PackageLoader, StrictUndefined

from moor_lab.harbor.core.tokens import ISSUER, SERVICE
from moor_lab.harbor.prepare.keys import new_secret
from moor_lab.harbor.prepare.settings import Settings
from moor_lab.harbor.release import NOTICE, SHOWN_VERSION

TEMPLATES = {  # path below the installation to template
    "docker-compose.yml": "docker-compose.yml.jinja",
    "common/config/core/env": "core.env.jinja",
    "common/config/db/env": "db.env.jinja",
    "common/config/jobservice/env": "jobservice.env.jinja",
    "common/config/log/rsyslog_docker.conf": "rsyslog.conf.jinja",
    "common/config/nginx/nginx.conf": "nginx.conf.jinja",
    "common/config/portal/index.html": "index.html.jinja",
    "common/config/portal/nginx.conf": "portal.conf.jinja",
    "common/config/redis/redis.conf": "redis.conf.jinja",
    "common/config/registry/config.yml": "registry.yml.jinja",
    "common/config/registryctl/env": "registryctl.env.jinja",
}
SECRETS = ("core_secret", "csrf_key", "jobservice_secret", "registry_http_secret", "registry_password")


def internal_secrets() -> dict[str, str]:
    """Return new secrets for the parts; like Harbor's, they change at every run."""
    return {name: new_secret(32 if name == "csrf_key" else 16) for name in SECRETS}


def render(settings: Settings, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the content of all files by path."""
    environment = Environment(  # noqa: S701  # configuration files: there is no HTML in what users write
        loader=PackageLoader("moor_lab.harbor.prepare"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    values = asdict(settings) | {"version": SHOWN_VERSION, "notice": NOTICE, "issuer": ISSUER, "service": SERVICE}
    return {path: environment.get_template(template).render(values, **secrets) for path, template in TEMPLATES.items()}
