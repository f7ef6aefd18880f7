"""Harbor's database: programs that dump it, load it beside the present one, and count what it holds.

They run in the container of Harbor's own PostgreSQL, or, for an external database, in one of the same image. All that
they need comes on their standard input, so that no password is in an argv.

A dump and its counts come from one snapshot. It is loaded into a database of its own, which takes the place of
``registry`` by a rename once everything else is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from moor.errors import ErrorKind, HostError
from moor.formats.printf_escape import escape_for_printf
from moor.secrets.secret import Secret

CONTAINER = "harbor-db"
DATABASE = "registry"
LOADED, FORMER = "moor_restored", "moor_replaced"  # databases beside ``registry`` while one is put in its place
BEGIN = b"-- moor: the dump begins\n"
DUMP_END = b"-- PostgreSQL database dump complete"

# What is counted: a table of Harbor's, and the rows that do not count. A release that lacks a table is not asked.
TABLES = {
    "projects": ("project", "not deleted"),
    "repositories": ("repository", "true"),
    "artifacts": ("artifact", "true"),
    "robots": ("robot", "true"),
    "users": ("harbor_user", "not deleted"),
}
PSQL = "psql -XAtq -v ON_ERROR_STOP=1"
BEGIN_READING = "begin isolation level repeatable read read only;\n"
SAY_BEGIN = f"printf '%s\\n' '{BEGIN.decode().strip()}'"

FIND_IMAGE = "docker images --format '{{.Repository}}:{{.Tag}}' | grep -E '(^|/)harbor-db:' | head -n 1"

# sh reads one line and runs it; what follows on standard input is left for that, as not every sh would leave it that
# reads a program from there.
READ_PROGRAM = 'IFS= read -r c; eval "$c"'

# pg_dump must not be older than the server, and an image of Harbor's has programs of two releases.
OWN_PROGRAMS = """\
v=$(psql -XAtqc 'show server_version_num') || exit 1
for d in /usr/pgsql/$((v / 10000))/bin /usr/lib/postgresql/$((v / 10000))/bin; do
  [ ! -x "$d/pg_dump" ] || PATH=$d:$PATH
done
"""


@dataclass(frozen=True)
class Connection:
    """How a program reaches a database: in the container of Harbor's own, or by libpq's environment.

    Attributes:
        host: of an external database; empty for Harbor's own.
        container: where its programs run if it is not external.
    """

    host: str = ""
    port: str = "5432"
    user: str = "postgres"
    name: str = DATABASE
    password: Secret | None = None
    sslmode: str = ""
    container: str = CONTAINER

    @property
    def is_external(self) -> bool:
        return bool(self.host)

    @property
    def command(self) -> str:
        """Return the sh command that runs a program for this database, which it reads from its standard input."""
        if not self.is_external:
            return f"exec docker exec -i {self.container} sh -c {quote(READ_PROGRAM)}"
        run = "exec docker run --rm -i --network host --entrypoint sh"
        return f'i=$({FIND_IMAGE}); {run} "${{i:?no image of harbor-db}}" -c {quote(READ_PROGRAM)}'

    def program(self, text: str) -> bytes:
        """Return a program with the environment that it needs, as the line that ``command`` reads."""
        known = {"PGUSER": self.user, "PGDATABASE": self.name, "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C"}
        if self.is_external:
            known |= {"PGHOST": self.host, "PGPORT": self.port, "PGSSLMODE": self.sslmode or "prefer"}
            known |= {"PGPASSWORD": self.password.reveal()} if self.password else {}
        lines = "".join(f"{name}={quote(value)}; export {name}\n" for name, value in known.items())
        escaped = escape_for_printf(f"{lines}{OWN_PROGRAMS}{text}").replace("\n", "\\0012")
        return f"eval \"$(printf %b '{escaped}')\"\n".encode()


def connection_of(tree: Mapping[str, Any]) -> Connection:
    """Return the connection to the database of a harbor.yml."""
    found = tree.get("external_database")
    settings = found.get("harbor") if isinstance(found, Mapping) else None
    if not isinstance(settings, Mapping):
        return Connection()
    return Connection(
        host=str(settings.get("host")),
        port=str(settings.get("port") or 5432),
        user=str(settings.get("username") or "postgres"),
        name=str(settings.get("db_name") or DATABASE),
        password=Secret(str(settings["password"])) if settings.get("password") else None,
        sslmode=str(settings.get("ssl_mode") or ""),
    )


def dump_program() -> str:
    """Return the program that prints the counts, the digests of all artifacts, and then a dump, of one snapshot.

    Each part is printed by a process of its own, since not every psql writes out what it has before it runs a program.
    """
    sql = f"{BEGIN_READING}set transaction snapshot :'snapshot';\n{_content()}"
    return f"""\
MOOR_SQL={quote(sql)}; export MOOR_SQL
{PSQL} <<'SQL'
{BEGIN_READING}select pg_export_snapshot() as snapshot \\gset
\\setenv MOOR_SNAPSHOT :snapshot
\\! printf '%s' "$MOOR_SQL" | {PSQL} -v snapshot="$MOOR_SNAPSHOT" && {SAY_BEGIN} && pg_dump --snapshot="$MOOR_SNAPSHOT"
commit;
SQL
"""


def count_program(database: str) -> str:
    """Return the program that prints the counts and the digests of all artifacts of a database."""
    return f"{PSQL} -d {quote(database)} <<'SQL'\n{BEGIN_READING}{_content()}SQL\n"


def _content() -> str:
    return f"select 'postgresql ' || current_setting('server_version');\n{_counting()}{_digests()}commit;\n"


def _counting() -> str:
    return "".join(
        _if_there(table, f"select '{name} ' || count(*) from {table} where {counted};")  # noqa: S608 - all are ours
        for name, (table, counted) in TABLES.items()
    )


def _digests() -> str:
    return _if_there("artifact", "select distinct 'artifact ' || digest from artifact;")


def _if_there(table: str, sql: str) -> str:
    return f"select to_regclass('{table}') is not null as is_there \\gset\n\\if :is_there\n{sql}\n\\endif\n"


@dataclass(frozen=True)
class Content:
    """What a database held.

    Attributes:
        counts: by what is counted.
        artifacts: the digests of all artifacts, without the algorithm.
    """

    postgresql: str
    counts: dict[str, int]
    artifacts: frozenset[str]


def parse_content(lines: Iterable[str]) -> Content:
    """Parse what ``dump_program`` prints before the dump, or ``count_program``; raise HostError if it is not that."""
    counts, artifacts, version = dict[str, int](), set[str](), ""
    for line in lines:
        name, _, value = line.strip().partition(" ")
        if name == "postgresql":
            version = value
        elif name == "artifact" and value.startswith("sha256:"):
            artifacts.add(value.removeprefix("sha256:"))
        elif name in TABLES and value.isdigit():
            counts[name] = int(value)
        elif name and name != "artifact":
            raise HostError(f"Harbor's database: cannot read its answer: {line[:200]!r}", ErrorKind.ANSWER)
    if not version:
        raise HostError("Harbor's database: its answer is incomplete; run again", ErrorKind.ANSWER)
    return Content(version, counts, frozenset(artifacts))


def roles_program() -> str:
    """Return the program that prints the roles of the server, with their passwords' hashes."""
    return "pg_dumpall --roles-only"


def load_program() -> str:
    """Return the program that makes an empty database beside the present one, and loads the dump that follows."""
    admin = f"{PSQL} -d postgres"
    return f"""\
{admin} -c 'drop database if exists {LOADED}' -c 'create database {LOADED} template template0' || exit 1
exec psql -Xq -v ON_ERROR_STOP=1 -d {LOADED} -o /dev/null
"""


def swap_program() -> str:
    """Return the program that has the loaded database take the place of the present one.

    Nobody may be connected to either; whoever is, is cut off. It can be run again wherever it was stopped.
    """
    return f"""\
{PSQL} -v name="$PGDATABASE" -d postgres <<'SQL'
select exists (select from pg_database where datname = '{LOADED}') as is_loaded \\gset
select exists (select from pg_database where datname = :'name') as is_there \\gset
\\if :is_loaded
drop database if exists {FORMER};
select pg_terminate_backend(pid) from pg_stat_activity
  where datname in (:'name', '{LOADED}') and pid <> pg_backend_pid() \\g /dev/null
begin;
\\if :is_there
alter database :"name" rename to {FORMER};
\\endif
alter database {LOADED} rename to :"name";
commit;
\\endif
drop database if exists {FORMER};
SQL
"""  # noqa: S608 - all are ours
