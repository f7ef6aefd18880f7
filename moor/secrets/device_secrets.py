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
LEADING = r"""(?<![\w-])(?:
      (?:[\w-]*[-_])? (?:password|passwd|secret|passphrase|passcode)
    | psksecret
    | (?!public-|ssh-|host-|peer-public-) [\w-]+-key
    | (?:[\w-]+-)?key-(?:octet-)?string
    | (?:[\w-]+-)? psk (?! \s+ \S+ \s+ (?:id|secret|dhcp-interface)\b )
    | key (?! \s+ (?:chain|generate|zeroize|pubkey-chain|\S+ \s+ (?:secret|start-time|algorithm|options)) \b )
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
# Rules of their own: where the secret is the group ``value``, or begins, up to the end of the line, with it.
BY_PLACE = tuple(
    re.compile(rf"(?i){pattern}")
    for pattern in (
        rf"^\s*(?:set\s+)?crypto\s+isakmp\s+key(?:\s+\d)?\s+(?P<value>{WORD})(?=\s+(?:address|hostname)\b)",
        rf"\bsnmp\S*\s+(?:mib\s+)?community(?:-map)?(?:\s+(?:clear|encrypted|\d))?\s+(?P<value>{WORD})",
        r"\bsnmp-agent\s+community\s+(?P<value>.+)$",
        rf"^\s*community(?:\s+(?:clear|encrypted))?\s+(?P<value>{WORD})",
        rf"\bcommunity-name\s+(?P<value>{WORD})",
        rf"\btrap-target\s+\S+\s+community\s+(?P<value>{WORD})",
        rf"\bsnmp\s+trap-group\s+(?P<value>{WORD})",
        r"\bsnmp-server\s+host\s+\S+(?:\s+vrf\s+\S+)?(?:\s+(?:traps?|informs?))?"
        r"(?:\s+version\s+(?:1|2c|3(?:\s+(?:auth|noauth|priv))?))?(?:\s+(?:clear|encrypted))?"
        r"\s+(?!use-vrf|source-interface|filter-vrf|(?:traps?|informs?|version|vrf)\s)(?P<value>\S.*)$",
        r"\b(?:auth|priv)\s+(?:md5|sha\S*|3?des\S*|aes\S*(?:\s+(?:128|192|256))?)(?:\s+(?:clear|encrypted|\d))?"
        rf"\s+(?P<value>{WORD})",
        r"\b(?:standby|glbp|vrrp)\s+\d+\s+authentication\s+(?!md5\s+key-|text\s)(?P<value>\S.*)$",
        r"\bauthentication\s+text\s+(?P<value>\S.*)$",
        r"\bnhrp\s+authentication\s+(?P<value>\S.*)$",
        r"\bauthentication\s+mode\s+hmac-\S+\s+(?P<value>\S.*)$",
        r"\bspi\s+\d+\s+(?P<value>\S.*)$",
        r"\bsession-key\s+(?P<value>\S.*)$",
        r"\benvironment\s+\S+\s+value\s+(?P<value>\S.*)$",
        r"^\s*pin\s+(?P<value>\S+)\s*$",
        r"\b\S*auth=(?P<value>\S+)",  # the options of Arista's TerminAttr
        r"://[^\s/@:]*:(?P<value>[^\s@]+)(?=@)",
        r"(?P<value>(?:\"[^\"]*\"|\S+))(?=;\s*##\s*SECRET-DATA)",
    )
)
# Values that are known by their form: hashes, Junos' $9$ and $8$, type 7, and what IOS XR, NX-OS and SNMP encrypt.
BY_FORM = re.compile(
    r"\$(?:\d{1,2}|2[abxy]|y|gy|sha\d+|apr1|md5)\$[^\s\"';]+"
    r"|(?<=\s7\s)\"?(?:[0-9A-Fa-f]{2}){5,}\"?(?![\w.:/-])"
    r"|(?i:(?<=encrypted\s))\"?(?:[0-9A-Fa-f]{2}){4,}\"?(?![\w.:/-])"
    r"|\b0x[0-9A-Fa-f]{16,}\b"
)
TAIL = re.compile(r"(?P<before>-----BEGIN [A-Z ]*PRIVATE KEY-----).+")
BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
END = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
# A line without any of these has no secret, and most lines have none.
SUSPECT = re.compile(
    r"(?i)pass|secret|key|communit|psk|auth|priv|spi |pmk|cak|token|snmp|environment|://|\$\w+\$|0x|encrypted|\s7\s"
    r"|pin "
)
KEY_NUMBER = re.compile(r"\s+key \d+\s*$")  # of a key chain; elsewhere it may be a secret of digits
KEY_CHAIN = re.compile(r"key[ -]?chain ")


def strike_secrets(configuration: str) -> str:
    """Return a device's configuration with ``***`` in place of its secrets; the number of lines stays."""
    return "\n".join(_struck_lines(configuration.splitlines()))


def _struck_lines(lines: list[str]) -> Iterator[str]:
    head, within_key = "", False
    for line in lines:
        if within_key:
            within_key = END.search(line) is None
            yield line if END.fullmatch(line.strip()) else STARS
            continue
        if line[:1] != " ":
            head = line
        if "PRIVATE KEY" in line:
            within_key = BEGIN.search(line) is not None and END.search(line) is None
        yield line if KEY_CHAIN.match(head) and KEY_NUMBER.match(line) else _struck(line)


@lru_cache(maxsize=50_000)  # devices of one fleet have mostly the same lines, and each check reads the same again
def _struck(line: str) -> str:
    if SUSPECT.search(line) is None:
        return line
    struck = TAIL.sub(rf"\g<before>{STARS}", line)
    for rule in BY_PLACE:
        struck = rule.sub(_without_value, struck)
    struck = BY_FORM.sub(STARS, BY_WORD.sub(_without_secret, struck))
    return next(redact([struck]))


def _without_value(found: re.Match[str]) -> str:
    begin, end = (at - found.start() for at in found.span("value"))
    return f"{found[0][:begin]}{STARS}{found[0][end:]}"


def _without_secret(found: re.Match[str]) -> str:
    return f"{found['before']}{found['kind'] or found['rest'] or ''} {STARS}"
