"""Run prepare in its container: read /input/harbor.yml; write /config, /compose_location and /data; or migrate.

The machine itself is at /hostfs, for the certificate and the key that harbor.yml names are paths there.
"""

import os
import shutil
import sys
from pathlib import Path

from ruamel.yaml import YAML

from moor_lab.harbor.prepare.files import internal_secrets, render
from moor_lab.harbor.prepare.keys import certificate_of, key_pem, new_key, new_secret
from moor_lab.harbor.prepare.migrate import migrate_file
from moor_lab.harbor.prepare.settings import Refused, Settings, read_settings

HARBOR_USER = 10000  # who Harbor's own parts run as
DATABASE_USER = 999


def main() -> int:
    try:
        if sys.argv[1:2] == ["migrate"]:
            migrate_file(sys.argv[2:], Path("/hostfs"))
            return 0
        prepare(Path("/input/harbor.yml"), Path("/compose_location"), Path("/data"), Path("/hostfs"))
    except Refused as refused:
        print(f"Error happened in config validation...\nERROR:root:Error: {refused}", file=sys.stderr)
        return 1
    print("Successfully prepared. Files in the compose_location may be used with docker compose.")
    return 0


def prepare(document: Path, place: Path, data: Path, machine: Path) -> None:
    """Write all files; raise Refused if harbor.yml cannot be used or a file that it names is missing."""
    settings = read_settings(YAML(typ="safe").load(document))
    if settings.https_port:
        copy_certificate(settings, data, machine)
    keep_keys(data)
    make_directories(data, machine / settings.log_location.lstrip("/"))
    shutil.rmtree(place / "common/config", ignore_errors=True)
    copy_trusted(settings, place / "common/config/shared/trust-certificates", machine)
    for path, content in render(settings, internal_secrets()).items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(0o640 if path.endswith("env") else 0o644)
        print(f"Generated configuration file: /{path}")


def copy_certificate(settings: Settings, data: Path, machine: Path) -> None:
    """Write nginx's certificate and key; a new certificate on the host is not served before this runs."""
    target = data / "secret/cert"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, source in (("server.crt", settings.certificate), ("server.key", settings.private_key)):
        found = machine / source.lstrip("/")
        if not found.is_file():
            raise Refused(f"The file {source} does not exist")
        shutil.copyfile(found, target / name)
        os.chown(target / name, HARBOR_USER, HARBOR_USER)
        (target / name).chmod(0o600)


def copy_trusted(settings: Settings, target: Path, machine: Path) -> None:
    """Write the CAs that the parts trust beside those of the system; like Harbor's, skip a file that is missing."""
    target.mkdir(parents=True, exist_ok=True)
    found = machine / settings.ca_bundle.lstrip("/")
    if settings.ca_bundle and found.is_file():
        shutil.copyfile(found, target / "custom-ca-bundle.crt")


def keep_keys(data: Path) -> None:
    """Create the secretkey for stored secrets and the key that signs tokens, unless they exist."""
    secret = data / "secret/keys/secretkey"
    if not secret.exists():
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text(new_secret())
        secret.chmod(0o600)
    private, public = data / "secret/core/private_key.pem", data / "secret/registry/root.crt"
    if not private.exists() or not public.exists():
        key = new_key()
        for path, content in ((private, key_pem(key)), (public, certificate_of(key))):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o600)


def make_directories(data: Path, logs: Path) -> None:
    for name in ("ca_download", "database", "job_logs", "redis", "registry"):
        (data / name).mkdir(parents=True, exist_ok=True)
    os.chown(data / "database", DATABASE_USER, DATABASE_USER)
    logs.mkdir(parents=True, exist_ok=True)


if __name__ == "__main__":
    sys.exit(main())
