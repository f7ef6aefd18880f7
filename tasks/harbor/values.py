"""How values are encoded in harbor.yml, so that Harbor's components read them unchanged.

Harbor's prepare copies values without escaping into three kinds of files, each with a parser of its own:

- environment files, where Compose replaces ``$NAME``, ends a value at `` #``, and removes quotes;
- the registry's YAML (storage_service and the password of Redis);
- docker-compose.yml, where Compose replaces ``$NAME`` too, while prepare itself uses its paths unchanged.

Source  make/photon/prepare of Harbor 2.8 to 2.15 (templates/*/env.jinja, utils/registry.py, utils/configs.py),
        src/common/dao/pgsql.go, make/photon/db/initdb.sh; Compose's dotenv, which the tests ask
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from moor.errors import InputError
from moor.secrets.secret import Secret

# Each is the whole value of one environment variable and used nowhere else, so it may be quoted for Compose.
ENVIRONMENT_KEYS = re.compile(
    r"harbor_admin_password|database\.password|external_database\..*\.(password|username|host|db_name)"
    r"|trivy\.github_token|trace\.jaeger\.(username|password)|proxy\.https?_proxy"
)
# Harbor's core writes these into a DSN without quotes; the database container writes its password into SQL.
DSN_KEYS = re.compile(r"database\.password|external_database\..*\.(password|username|host|db_name)")
REGISTRY_KEYS = re.compile(r"storage_service\.(filesystem|s3|azure|gcs|swift|oss)\.[^.]+")
# prepare writes a mapping in Python's own notation, which the registry reads as YAML.
NESTED_KEYS = re.compile(r"storage_service\.(azure|gcs)\.credentials\..+")
REDIS_KEYS = re.compile(r"external_redis\.(password|username)")
# A plain scalar of YAML, and the words that some YAML parsers read as something other than a string.
WORD = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+=-]*")
YAML_WORDS = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null")
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")


def encode_for_harbor(key: str, value: Any) -> Any:
    """Return the value to write for a dotted key; raise InputError, without the value, if no encoding exists."""
    if isinstance(value, Secret):
        return Secret(_encode_text(key, value.reveal()))
    if isinstance(value, str):
        return _encode_text(key, value)
    if REGISTRY_KEYS.fullmatch(key) and value is not True and value == 1:
        return "1"  # prepare compares with True, which 1 equals, and would write true
    return value


def _encode_text(key: str, text: str) -> str:
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs") for letter in text):
        raise InputError(
            "holds a line break or another control character, which Harbor's files cannot hold; choose another"
        )
    if DSN_KEYS.fullmatch(key) and re.search(r"[\s'\\]", text):
        raise InputError("holds a space, a ' or a \\, which Harbor's own files do not carry; choose another")
    if REDIS_KEYS.fullmatch(key):
        return _encode_redis(text)
    if REGISTRY_KEYS.fullmatch(key):
        return text if is_word(text) else "'" + text.replace("'", "''") + "'"
    if NESTED_KEYS.fullmatch(key):
        if repr(text)[1:-1] != text:
            raise InputError("holds a \\, both kinds of quotes, or an unprintable character; choose another")
        return text
    if _is_plain(text):
        return text
    if not ENVIRONMENT_KEYS.fullmatch(key):
        raise InputError(
            "holds a $, a # after a space, or a quote or space at an end, which Compose would change; choose another"
        )
    if "'" in text or text.endswith("\\"):
        raise InputError("holds a $, a # after a space, or a quote, and also a ' or a \\ at its end; choose another")
    return f"'{text}'"


def _is_plain(text: str) -> bool:
    """Return whether Compose reads the text without quotes unchanged, in environment files and its own file."""
    return "$" not in text and " #" not in text and text == text.strip() and text[:1] not in ("'", '"', "#")


def _encode_redis(text: str) -> str:
    """Return the text if it is unchanged both in a URL and as a scalar in the registry's YAML."""
    if text and not (UNRESERVED.fullmatch(text) and not YAML_WORDS.fullmatch(text) and text[0] not in "-.~"):
        raise InputError(
            "may hold only letters, digits and . _ ~ -, and must start with a letter or digit; choose another"
        )
    return text


def is_word(text: str) -> bool:
    """Return whether every YAML parser, of version 1.1 or 1.2, reads the text without quotes unchanged."""
    return bool(WORD.fullmatch(text)) and not YAML_WORDS.fullmatch(text)
