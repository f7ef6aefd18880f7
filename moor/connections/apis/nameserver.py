"""Name servers: their authoritative records, and updates by RFC 2136 with TSIG, from the controller.

Every exchange is one TCP connection, so there is nothing to open or close, and no answer is truncated. dnspython is
imported at the first exchange, since its import takes longer than a whole plan without DNS.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moor.connections.ssh.failures import Failure
from moor.errors import ErrorKind, HostError, InputError, StaleUpdate
from moor.secrets.secret import Secret

if TYPE_CHECKING:
    import dns.message
    import dns.rrset
    import dns.tsig

TIMEOUT_S = 5.0


@dataclass(frozen=True)
class TsigKey:
    """A TSIG key; its secret is checked when the key is made, raising InputError."""

    name: str
    algorithm: str
    secret: Secret

    def __post_init__(self) -> None:
        self.raw()

    def raw(self) -> bytes:
        """Return the secret's bytes."""
        try:
            return base64.b64decode("".join(self.secret.reveal().split()), validate=True)
        except (binascii.Error, ValueError):
            raise InputError(
                f"the secret of the key {self.name} is not base64; write what tsig-keygen prints"
            ) from None


@dataclass(frozen=True)
class ZoneRecords:
    """The records of one name and type: their values in order, or the name that a CNAME points to."""

    values: tuple[str, ...] = ()
    ttl: int = 0
    alias: str = ""


@dataclass(frozen=True)
class NameServer:
    """The primary of one zone."""

    zone: str
    address: str
    port: int = 53
    key: TsigKey | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        return f"{self.address} port {self.port} (zone {self.zone})"

    def serial(self) -> int:
        """Return the zone's serial; raises HostError unless the server is authoritative for the zone."""
        return int(self._rrset(self._query(self.zone, "SOA"), self.zone, "SOA")[0].serial)

    def records(self, name: str, kind: str) -> ZoneRecords:
        """Return the server's authoritative records of a name and type; raises HostError."""
        answer = self._query(name, kind)
        found, alias = self._rrset(answer, name, kind), self._rrset(answer, name, "CNAME")
        ttl = int(found.ttl) if found else 0
        return ZoneRecords(tuple(sorted(r.to_text() for r in found)), ttl, str(alias[0].target) if alias else "")

    def replace(self, name: str, kind: str, before: ZoneRecords, values: tuple[str, ...], ttl: int) -> None:
        """Replace the records ``before`` by ``values``; raise StaleUpdate if the server no longer holds ``before``."""
        import dns.update

        update, owner = dns.update.UpdateMessage(f"{self.zone}."), f"{name}."
        if before.values:
            update.present(owner, kind, *before.values)
            update.delete(owner, kind)
        else:
            update.absent(owner, kind)
        if before.alias:
            update.present(owner, "CNAME", before.alias)
            update.delete(owner, "CNAME")
        if values:
            update.add(owner, ttl, kind, *values)
        self.exchange(update, f"{name} {kind}")

    def _query(self, name: str, kind: str) -> dns.message.Message:
        import dns.flags
        import dns.message

        answer = self.exchange(dns.message.make_query(f"{name}.", kind, flags=0), name)
        if not answer.flags & dns.flags.AA:
            raise HostError(
                f"{self.place} does not answer for {name} with authority; name the primary", ErrorKind.REFUSED
            )
        return answer

    def _rrset(self, answer: dns.message.Message, name: str, kind: str) -> dns.rrset.RRset:
        import dns.name
        import dns.rdataclass
        import dns.rdatatype
        import dns.rrset

        owner, rdtype = dns.name.from_text(name), dns.rdatatype.from_text(kind)
        found = answer.get_rrset(answer.answer, owner, dns.rdataclass.IN, rdtype)
        return found if found is not None else dns.rrset.RRset(owner, dns.rdataclass.IN, rdtype)

    def exchange(self, message: dns.message.Message, about: str) -> dns.message.Message:
        """Send a message and return the answer; raises HostError if there is none, or if it is a refusal."""
        import dns.exception
        import dns.query
        import dns.rcode

        if self.key:
            message.use_tsig(self._tsig(self.key))
        try:
            answer = dns.query.tcp(message, self.address, TIMEOUT_S, self.port)
        except dns.exception.DNSException as error:
            raise self._failure_of(error).at(self.place) from None
        except (OSError, EOFError) as error:
            words = getattr(error, "strerror", None) or "it closed the connection"
            words = f"{self.place}: {words}; does the server run, and take TCP from here?"
            raise HostError(words, ErrorKind.UNREACHABLE) from None
        code = answer.rcode()
        if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise self._refused(dns.rcode.to_text(code), about)
        return answer

    def _tsig(self, key: TsigKey) -> dns.tsig.Key:
        import dns.tsig

        return dns.tsig.Key(key.name, key.raw(), key.algorithm)

    def _failure_of(self, error: Exception) -> Failure:
        import dns.exception
        import dns.tsig

        name = self.key.name if self.key else ""
        if isinstance(error, dns.exception.Timeout):
            words = f"no answer in {TIMEOUT_S:.0f} s; is the server up, and does a firewall let TCP through?"
            return Failure(ErrorKind.UNREACHABLE, words)
        if isinstance(error, dns.tsig.PeerBadKey):
            words = f"it knows no key {name} of this algorithm (BADKEY); compare key and algorithm with the server's"
            return Failure(ErrorKind.AUTHENTICATION, words)
        if isinstance(error, dns.tsig.PeerBadSignature | dns.tsig.BadSignature):
            return Failure(ErrorKind.AUTHENTICATION, f"the secret of the key {name} is not the server's (BADSIG)")
        if isinstance(error, dns.tsig.PeerBadTime | dns.tsig.BadTime):
            words = f"its clock and this machine's differ too much for the key {name} (BADTIME); set both by NTP"
            return Failure(ErrorKind.AUTHENTICATION, words)
        if self.key and isinstance(error, dns.exception.FormError):
            return Failure(ErrorKind.AUTHENTICATION, self._unsigned(name))
        return Failure(ErrorKind.ANSWER, f"its answer cannot be read: {type(error).__name__}")

    def _unsigned(self, key: str) -> str:
        """Return why an answer had no signature, as Knot refuses; dnspython then does not show the answer itself."""
        try:
            NameServer(self.zone, self.address, self.port).serial()
        except HostError:
            return f"it refuses the zone, without a signature; does it hold the zone, and know the key {key}?"
        return f"it refuses the key {key}, without a signature; does it know the key, and do its rules allow this?"

    def _refused(self, code: str, about: str) -> HostError:
        if code in ("NXRRSET", "YXRRSET", "YXDOMAIN"):
            return StaleUpdate(
                f"{about}: it changed on {self.place} after it was read, nothing was overwritten; run again"
            )
        signed = f"the key {self.key.name}" if self.key else "an unsigned request"
        words = {
            "REFUSED": f"it refuses {signed} (REFUSED); what do its rules allow?",
            "NOTAUTH": f"it is not the primary, or refuses {signed} (NOTAUTH)",
            "NOTIMP": "it takes no updates (NOTIMP)",
            "SERVFAIL": "it fails at this zone (SERVFAIL); its log says why",
        }
        subject = "" if about == self.zone else f"{about}: "
        kind = ErrorKind.UNHEALTHY if code == "SERVFAIL" else ErrorKind.REFUSED
        return HostError(f"{self.place}: {subject}{words.get(code, f'it answers {code}')}", kind)
