"""The file of a saved plan: JSON, with a hash that shows damage, and a signature that only its makers can write."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from moor.errors import InputError, controller_error_text
from moor.formats.nesting import parse_json
from moor.plans.saved import SavedPlan
from moor.secrets import private_files
from moor.secrets.secret import Secret, load_or_generate
from moor.settings import SiteSettings

SCHEMA = 1  # raised when a key of the file changes its meaning or goes
HASH, SIGNATURE = "sha256", "signature"
LARGEST = 1024 * 1024 * 1024  # bytes; what is larger is no plan
KEY_FILE = "plan.key"  # in the site's state
MODE = 0o644  # a plan is there to be read by colleagues
PLAN = TypeAdapter(SavedPlan)
AGAIN = "save the plan again by moor plan --out"


def signing_key(site: SiteSettings) -> Secret:
    """Return the key of a site's plans: the one that config.yaml names, else this controller's own, made if missing."""
    return site.plan_key.resolve() if site.plan_key else load_or_generate(site.state / KEY_FILE)


def existing_key(site: SiteSettings) -> Secret:
    """Return the key of a site's plans, as ``signing_key`` does, without making one.

    Raises:
        InputError: there is none, so that no plan was saved with this state.
    """
    if site.plan_key is None and not (site.state / KEY_FILE).exists():
        raise InputError(
            f"{site.state / KEY_FILE}: not there, so no plan was saved with this state; to apply where it was not "
            "saved, give both one key by user_defined.moor.plan_key in config.yaml"
        )
    return signing_key(site)


def fingerprint_key(key: Secret, plan: str) -> str:
    """Return the key of one plan's fingerprints, so that two plans do not show what has stayed the same."""
    return _keyed(key, f"fingerprints of {plan}")


def refuse_unwritable(path: Path) -> None:
    """Raise InputError if a plan can certainly not be written to ``path``, before hosts are asked for it."""
    if path.is_dir():
        raise InputError(f"--out {path}: a directory; name a file in it, such as {path / 'plan.json'}")
    there = next(place for place in path.absolute().parents if os.path.lexists(place))
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise InputError(f"--out {path}: nothing can be written in {there}; name another place")


def write_plan(path: Path, plan: SavedPlan, key: Secret) -> None:
    """Write the file of a plan, as a whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    content = {"schema": SCHEMA, **PLAN.dump_python(plan, mode="json")}
    digest = _hash(content)
    whole = {**content, HASH: digest, SIGNATURE: _keyed(key, digest)}
    try:
        private_files.write(path, (json.dumps(whole, indent=1) + "\n").encode(), MODE)
    except OSError as error:
        words = controller_error_text(error) or error.strerror or str(error)
        raise InputError(f"--out {path}: {words}; the plan is not saved, name another file") from error


def read_plan(path: Path, key: Secret | None = None) -> SavedPlan:
    """Read a saved plan.

    Args:
        path: its file.
        key: the site's key, by which the plan must be signed; None to read a plan of anybody.

    Raises:
        InputError: it cannot be read, is no plan, is damaged, was changed, or is signed by another key.
    """
    content = _content(path)
    digest, signature = content.pop(HASH, ""), content.pop(SIGNATURE, "")
    schema = content.pop("schema", None)
    if schema != SCHEMA or not isinstance(digest, str) or not isinstance(signature, str):
        raise InputError(f"{path}: {_other_schema(schema)}")
    if not hmac.compare_digest(digest.encode(), _hash({"schema": schema, **content}).encode()):
        raise InputError(f"{path}: it was changed or damaged since it was saved; {AGAIN}")
    if key and not hmac.compare_digest(signature.encode(), _keyed(key, digest).encode()):
        whose = f"{KEY_FILE} in its state, or plan_key of config.yaml"
        raise InputError(f"{path}: it was not saved with the key of this site ({whose}); {AGAIN}")
    try:
        return PLAN.validate_python(content)
    except ValidationError as error:
        raise InputError(f"{path}: no saved plan of this version of moor; {AGAIN}") from error


def _content(path: Path) -> dict[str, Any]:
    try:
        if os.stat(path).st_size > LARGEST:
            raise InputError(f"{path}: too large for a saved plan; {AGAIN}")
        content = parse_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; a plan is saved by moor plan --out {path}") from error
    except ValueError as error:
        raise InputError(f"{path}: not a whole saved plan: it is cut short or something else; {AGAIN}") from error
    if not isinstance(content, dict) or "schema" not in content:
        raise InputError(f"{path}: no saved plan; {AGAIN}")
    return content


def _other_schema(schema: object) -> str:
    if isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA:
        return f"saved by a newer moor (schema {schema}, this one reads {SCHEMA}); use that moor, or {AGAIN}"
    return f"no saved plan; {AGAIN}"


def _hash(content: dict[str, Any]) -> str:
    """Return a hash of everything in the file but its hash and signature, however it is spaced."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _keyed(key: Secret, text: str) -> str:
    return hmac.digest(key.reveal().encode("utf-8", "surrogateescape"), text.encode(), "sha256").hex()
