"""How a value of the inventory must be written into harbor.yml so that Harbor's parts get it unchanged.

Harbor's prepare puts values as they are into three kinds of files, each with a reader of its own:

- files of environment variables, where Compose replaces ``$NAME``, ends a value at `` #``, and takes quotes off;
- the registry's YAML (storage_service and the password of Redis);
- docker-compose.yml, where Compose replaces ``$NAME`` too, but the paths in it are also used as they are.

Source  make/photon/prepare of Harbor 2.8 to 2.15 (templates/*/env.jinja, utils/registry.py, utils/configs.py),
        src/common/dao/pgsql.go, make/photon/db/initdb.sh; Compose's dotenv, which the tests ask
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from moor.errors import InputError
from moor.secrets.secret import Secret

# Each is the whole of one environment variable, and is used nowhere else: quotes around it are Compose's to take off.
ENVIRONMENT_KEYS = re.compile(
    r"harbor_admin_password|database\.password|external_database\..*\.(password|username|host|db_name)"
    r"|trivy\.github_token|trace\.jaeger\.(username|password)|proxy\.https?_proxy"
)
# Harbor's core writes these into a DSN without quotes; the database's own start writes its password into SQL.
DSN_KEYS = re.compile(r"database\.password|external_database\..*\.(password|username|host|db_name)")
REGISTRY_KEYS = re.compile(r"storage_service\.(filesystem|s3|azure|gcs|swift|oss)\.[^.]+")
REDIS_KEYS = re.compile(r"external_redis\.(password|username)")
# What looks like a word to every reader of YAML, and is no word that means something else to one of them.
WORD = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+=-]*")
YAML_WORDS = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null")
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")


def encode_for_harbor(key: str, value: Any) -> Any:
    """Return what to write for a dotted key; raises InputError, which never says a secret, where nothing would do."""
    if isinstance(value, Secret):
        return Secret(_encode_text(key, value.reveal()))
    if isinstance(value, str):
        return _encode_text(key, value)
    if REGISTRY_KEYS.fullmatch(key) and value is not True and value == 1:
        return "1"  # a number 1 equals Python's True, and Harbor would write it as that
    return value


def _encode_text(key: str, text: str) -> str:
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs") for letter in text):
        raise InputError("holds a line's end or another control character; Harbor's files have one line a value")
    if DSN_KEYS.fullmatch(key) and re.search(r"[\s'\\]", text):
        raise InputError("holds a space, a ' or a \\, which Harbor's own files do not carry; choose another")
    if REDIS_KEYS.fullmatch(key):
        return _encode_redis(text)
    if REGISTRY_KEYS.fullmatch(key):
        return text if is_word(text) else "'" + text.replace("'", "''") + "'"
    if _is_plain(text):
        return text
    if not ENVIRONMENT_KEYS.fullmatch(key):
        raise InputError("holds a $, a # after a space, or a quote or space at its end, which Compose would change")
    if "'" in text or text.endswith("\\"):
        raise InputError("holds a $, a # after a space, or a quote, and also a ' or a \\ at its end; choose another")
    return f"'{text}'"


def _is_plain(text: str) -> bool:
    """Check whether Compose reads a value without quotes, in a file of variables or in its own, as it is."""
    return "$" not in text and " #" not in text and text == text.strip() and text[:1] not in ("'", '"', "#")


def _encode_redis(text: str) -> str:
    """Return the text, which becomes part of a URL and a scalar of the registry's YAML."""
    if text and not (UNRESERVED.fullmatch(text) and not YAML_WORDS.fullmatch(text) and text[0] not in "-.~"):
        raise InputError("may hold letters and digits, and . _ ~ - behind them: Harbor puts it into a URL as it is")
    return text


def is_word(text: str) -> bool:
    """Check whether a text without quotes is the same text to every reader of YAML, of version 1.1 or 1.2."""
    return bool(WORD.fullmatch(text)) and not YAML_WORDS.fullmatch(text)
