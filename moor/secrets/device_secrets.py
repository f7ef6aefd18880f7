"""Secrets in the configurations of network devices, struck out by rules that know how vendors write them.

A rule strikes out too much rather than too little: the value of whatever is called a password, secret, key or
community, and whatever has the form of a hash or of an encrypted password, wherever it stands.

References:
    The forms are those of the vendors' documentation: Cisco IOS, IOS XE, NX-OS and IOS XR, Arista EOS, Junos
    (``$9$``, ``$8$``, ``## SECRET-DATA``) and VyOS; types 0 and 7 can be read by anybody, the others be guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from moor.secrets.redaction import STARS, redact

# Words before a secret, whole or as the last part of a longer one, such as authentication-key and chap-secret.
LEADING = r"""(?<![A-Za-z0-9])(?:
      password | passwd | secret | passphrase | passcode | psksecret
    | key-(?:octet-)?string
    | psk (?! \s+ \S+ \s+ (?:id|secret|dhcp-interface)\b )
    | (?<!public-)(?<!ssh-)(?<!host-) key
        (?! \s+ (?:chain|generate|zeroize|pubkey-chain|\S+ \s+ (?:secret|start-time|algorithm|options)) \b )
    | pmk | cak | token | cisco-authentication | authenticator
)(?=["']?\s)["']?"""
HARMLESS = r"(?!\s+(?:strength-check|minimum\S*|maximum\S*|policy|expiry|change-type|format|profile|\d+\s+type)\b)"
# What stands between such a word and the secret: its number, its algorithm, how it is encrypted.
KIND = r"""\s+(?:\d{1,3}|level\s+\d+|md5|sha[\d-]*|hmac-(?:md5|sha[\d-]*)|encrypted|clear|cleartext|cipher|hash(?:ed)?
    |simple|plaintext|ENC|ascii(?:-text)?|hex|hexadecimal(?:-text)?|value)"""
HASHED = r"\s+(?:[3-9]|1[0-9]|8a|sha512|encrypted)"  # after these the secret is one word, and what follows it is none
ALGORITHM = r"(?:md5|sha[\d-]*|hmac-\S+|encrypted|clear|\d{1,2})"
WORD = r"""(?:"[^"]*"|'[^']*'|\S+)"""
BY_WORD = re.compile(
    rf"""(?ix) (?P<before> {LEADING} {HARMLESS} ) (?:
        (?P<kind> (?:{KIND})*? {HASHED} ) \s+ (?! {ALGORITHM} \s ) {WORD}
        | (?P<rest> (?:{KIND})* ) \s+ \S.* $
    )"""
)
WORDS = re.compile(r"pass(?:word|wd|phrase|code)|psksecret|secret|key|psk|pmk|cak|token|cisco-auth|authenticator")
# Rules of their own, by a word that each line of theirs has: the secret is the group ``value``.
BY_PLACE = tuple(
    (word, re.compile(rf"(?i){pattern}"))
    for word, pattern in (
        ("isakmp", rf"^\s*(?:set\s+)?crypto\s+isakmp\s+key(?:\s+\d)?\s+(?P<value>{WORD})(?=\s+(?:address|hostname)\b)"),
        (
            "community",
            rf"\bsnmp\S*\s+(?:mib\s+)?community(?:-map)?(?:\s+(?:clear|encrypted|\d))?\s+(?P<value>{WORD})",
        ),
        ("snmp-agent", r"\bsnmp-agent\s+community\s+(?P<value>.+)$"),
        ("community", rf"^\s*community(?:\s+(?:clear|encrypted))?\s+(?P<value>{WORD})"),
        ("community-name", rf"\bcommunity-name\s+(?P<value>{WORD})"),
        ("trap-target", rf"\btrap-target\s+\S+\s+community\s+(?P<value>{WORD})"),
        ("trap-group", rf"\bsnmp\s+trap-group\s+(?P<value>{WORD})"),
        (
            "snmp-server",
            r"\bsnmp-server\s+host\s+\S+(?:\s+vrf\s+\S+)?(?:\s+(?:traps?|informs?))?"
            r"(?:\s+version\s+(?:1|2c|3(?:\s+(?:auth|noauth|priv))?))?(?:\s+(?:clear|encrypted))?"
            r"\s+(?!use-vrf|source-interface|filter-vrf|(?:traps?|informs?|version|vrf)\s)(?P<value>\S.*)$",
        ),
        (
            "snmp",
            r"\b(?:auth|priv)\s+(?:md5|sha\S*|3?des\S*|aes\S*(?:\s+(?:128|192|256))?)(?:\s+(?:clear|encrypted|\d))?"
            rf"\s+(?P<value>{WORD})",
        ),
        (
            "authentication",
            r"\b(?:standby|glbp|vrrp)\s+\d+\s+authentication\s+(?!md5\s+key-|text\s)(?P<value>\S.*)$",
        ),
        ("authentication", r"\bauthentication\s+text\s+(?P<value>\S.*)$"),
        ("nhrp", r"\bnhrp\s+authentication\s+(?P<value>\S.*)$"),
        ("hmac", r"\bauthentication\s+mode\s+hmac-\S+\s+(?P<value>\S.*)$"),
        ("spi ", r"\bspi\s+\d+\s+(?P<value>\S.*)$"),
        ("session-key", r"\bsession-key\s+(?P<value>\S.*)$"),
        ("environment", r"\benvironment\s+\S+\s+value\s+(?P<value>\S.*)$"),
        ("pin ", r"^\s*pin\s+(?P<value>\S+)\s*$"),
        ("auth=", r"\b\S*auth=(?P<value>\S+)"),  # the options of Arista's TerminAttr
        ("://", r"://[^\s/@:]*:(?P<value>[^\s@]+)(?=@)"),
        ("secret-data", r"(?P<value>(?:\"[^\"]*\"|\S+))(?=;\s*##\s*SECRET-DATA)"),
    )
)
# Values that are known by their form: hashes, Junos' $9$ and $8$, type 7, and what IOS XR, NX-OS and SNMP encrypt.
HEX = r"(?:[0-9A-Fa-f]{2})"
BY_FORM = (
    ("$", re.compile(r"(?P<value>\$(?:\d{1,2}|2[abxy]|y|gy|sha\d+|apr1|md5)\$[^\s\"';]+)")),
    (" 7 ", re.compile(rf"\s7\s+(?P<value>\"?{HEX}{{5,}}\"?)(?![\w.:/-])")),
    ("encrypted", re.compile(rf"(?i:encrypted)\s+(?P<value>\"?{HEX}{{4,}}\"?)(?![\w.:/-])")),
    ("0x", re.compile(r"\b(?P<value>0x[0-9A-Fa-f]{16,})\b")),
)
TAIL = re.compile(r"(?P<before>-----BEGIN [A-Z ]*PRIVATE KEY-----).+?(?=-----END|$)")
BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
END = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
# A line without any of these, in small letters, has no secret, and most lines have none.
SUSPECT = (
    *("pass", "key", "secret", "communit", "auth", "snmp", "psk", "priv", "spi ", "pmk", "cak", "token", "environment"),
    *("://", "$", "0x", "encrypted", " 7 ", "pin "),
)
KEY_NUMBER = re.compile(r"\s+key \d+\s*$")  # of a key chain; elsewhere it may be a secret of digits
KEY_CHAIN = re.compile(r"^key[ -]?chain ", re.MULTILINE)


def strike_secrets(configuration: str) -> str:
    """Return a device's configuration with ``***`` in place of its secrets; the number of lines stays."""
    lines = configuration.splitlines()
    struck = list(map(_struck, lines))
    for at in _key_numbers(lines) if KEY_CHAIN.search(configuration) else ():
        struck[at] = lines[at]
    for at in _within_keys(lines) if "PRIVATE KEY" in configuration else ():
        struck[at] = STARS
    return "\n".join(struck)


def _key_numbers(lines: list[str]) -> Iterator[int]:
    """Yield where a key chain numbers a key, which is no secret."""
    head = ""
    for at, line in enumerate(lines):
        if line[:1] != " ":
            head = line
        if KEY_CHAIN.match(head) and KEY_NUMBER.match(line):
            yield at


def _within_keys(lines: list[str]) -> Iterator[int]:
    """Yield where a private key of several lines stands; the lines that begin and end it are kept."""
    within = False
    for at, line in enumerate(lines):
        if within:
            within = END.search(line) is None
            if not END.fullmatch(line.strip()):
                yield at
        else:
            within = BEGIN.search(line) is not None and END.search(line) is None


@lru_cache(maxsize=50_000)  # devices of one fleet have mostly the same lines, and each check reads the same again
def _struck(line: str) -> str:
    small = line.lower()
    if not any(map(small.__contains__, SUSPECT)):
        return line
    if "private key" in small:
        line = TAIL.sub(rf"\g<before>{STARS}", line)
    for word, rule in BY_PLACE:
        if word in small:
            line = rule.sub(_without_value, line)
    line = _without_words(line)
    for word, rule in BY_FORM:
        if word in small:
            line = rule.sub(_without_value, line)
    return next(redact([line])) if ":" in line or "=" in line or "bearer" in small or "basic" in small else line


def _without_words(line: str) -> str:
    """Return a line without what stands behind words such as password; where these are is found by a fast pattern."""
    small, kept, at = line.lower(), list[str](), 0
    if len(small) != len(line):  # outside of ASCII, a letter may have another length when it is small
        return BY_WORD.sub(_without_secret, line)
    for word in WORDS.finditer(small):
        if word.start() >= at and (found := BY_WORD.match(line, word.start())):
            kept += [line[at : found.start()], _without_secret(found)]
            at = found.end()
    return "".join([*kept, line[at:]])


def _without_value(found: re.Match[str]) -> str:
    begin, end = (at - found.start() for at in found.span("value"))
    return f"{found[0][:begin]}{STARS}{found[0][end:]}"


def _without_secret(found: re.Match[str]) -> str:
    return f"{found['before']}{found['kind'] or found['rest'] or ''} {STARS}"
