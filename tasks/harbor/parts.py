"""What only Harbor's installation holds: its prepared files, the password of its database, its containers."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Scripted, State, literal
from moor.resources.file import File
from moor.secrets.secret import Secret
from moor.tasks.harbor.yml import COMPOSE, FLAGS

INSTALL_S = 1800
LOST_PROCESS = "running, but Docker has lost its process"
REFUSED_LOGIN = "password authentication failed"


@dataclass(frozen=True)
class PreparedFiles(Scripted):
    """Hold what Harbor's prepare makes of harbor.yml, newer than everything that it reads.

    install.sh runs once, when nothing was prepared yet; later changes go through prepare, which renews Harbor's
    internal secrets, so that all containers are made anew.
    """

    directory: str
    flags: tuple[str, ...]
    newer_than: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"prepared:{self.directory}"

    @property
    def bound_s(self) -> float:
        return INSTALL_S

    @property
    def compose(self) -> str:
        return f"{self.directory}/{COMPOSE}"

    def desired(self, actual: State | None) -> State:
        return {"stale": "no", "flags": " ".join(self.flags)}

    def follows(self, paths: frozenset[str]) -> PreparedFiles | None:
        return None if paths.isdisjoint(self.newer_than) else self

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        newer = [path for path in self.newer_than if path in paths]
        return {**actual, "stale": f"older than {' '.join(newer)}"} if actual and newer else actual

    def probe(self) -> str:
        return f"""\
c={quote(self.compose)}; [ -e "$c" ] || exit 0
cat {quote(self.directory)}/{FLAGS} 2>/dev/null || echo '(its installation did not come to its end)'
for f in {" ".join(map(quote, self.newer_than))}; do
  [ ! -e "$f" ] || [ -z "$(find "$f" -newer "$c")" ] || printf '%s\\n' "$f"
done"""

    def actual(self, output: str) -> State | None:
        if not output:
            return None
        flags, *newer = output.splitlines()
        return {"flags": flags, "stale": f"older than {' '.join(newer)}" if newer else "no"}

    def mend(self, actual: State | None) -> str:
        flags = " ".join(map(quote, self.flags))
        # The flags are part of the prepared state: prepare without those of the installation would drop components.
        again = f"docker compose down >&2; ./prepare {flags} >&2 && docker compose up -d >&2"
        doing = again if actual else f"TERM=dumb ./install.sh {flags} >&2"
        return f"""\
cd {quote(self.directory)} || exit 1
{{ {doing}; }} || moor_fail {quote(f"{'prepare' if actual else 'install.sh'} failed")}
printf '%s\\n' {quote(" ".join(self.flags))} > {FLAGS}"""


@dataclass(frozen=True)
class DatabasePassword(Scripted):
    """Hold a password that Harbor's own PostgreSQL accepts over its network, as Harbor's core logs in.

    PostgreSQL takes the one of harbor.yml when the database is made, and never again; a later one is told to it here,
    before prepare gives it to the others. Before that first start, and while PostgreSQL is down, there is nothing to
    hold.
    """

    directory: str
    password: Secret

    @property
    def id(self) -> str:
        return f"database-password:{self.directory}"

    @property
    def bound_s(self) -> float:
        return 120

    def desired(self, actual: State | None) -> State | None:
        return {"login": "accepted"} if actual else None

    def probe(self) -> str:
        # The names of containers are Harbor's; by service:postgresql it listens to others, who need the password.
        program = (
            "IFS= read -r PGPASSWORD; export PGPASSWORD PGCONNECT_TIMEOUT=5 LC_ALL=C; "
            "exec psql -w -h postgresql -U postgres -d registry -Atc 'select 1'"
        )
        return f"""\
[ -e {quote(f"{self.directory}/{COMPOSE}")} ] && command -v docker >/dev/null || exit 0
moor_word() {{ {literal(self.password.reveal() + chr(10))}; }}
moor_word | timeout 20 docker exec -i harbor-db sh -c {quote(program)} 2>&1 || :"""

    def actual(self, output: str) -> State | None:
        if output.strip() == "1":
            return {"login": "accepted"}
        return {"login": "refused"} if REFUSED_LOGIN in output else None

    def mend(self, actual: State | None) -> str:
        word = self.password.reveal().replace("'", "''")
        # what PostgreSQL logs of a statement would hold the password
        quiet = (
            "SET log_statement = 'none'; SET log_min_error_statement = 'panic'; SET log_min_duration_statement = -1;"
        )
        sql = f"{quiet} SET standard_conforming_strings = on; ALTER USER postgres WITH PASSWORD '{word}';\n"
        return f"""\
{{ {literal(sql)}; }} | docker exec -i harbor-db psql -q -v ON_ERROR_STOP=1 -U postgres -d registry >&2"""


class UnitFile(File):
    """Hold a unit of systemd, which systemd knows as it is now without a restart of what it runs."""

    def mend(self, actual: State | None) -> str:
        return f"{super().mend(actual)}\n[ ! -d /run/systemd/system ] || systemctl daemon-reload"


@dataclass(frozen=True)
class ComposeContainers(Scripted):
    """Hold every service of a compose project running, with a process that Docker knows.

    After a crash of dockerd, Docker may list a container as running whose process it has lost; it then restarts none
    of them, Compose believes the list, and they have no network any more.
    """

    directory: str

    @property
    def id(self) -> str:
        return f"containers:{self.directory}"

    @property
    def bound_s(self) -> float:
        return 300

    def desired(self, actual: State | None) -> State:
        return {service: "running" for service in actual or {"all": ""}}

    def probe(self) -> str:
        ask = '{{.Id}} {{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}}'
        return f"""\
cd {quote(self.directory)} 2>/dev/null && [ -e {COMPOSE} ] || exit 0
timeout 30 docker compose config --services 2>/dev/null | sed 's/$/ absent/'
all=$(timeout 30 docker compose ps -aq 2>/dev/null) && [ -n "$all" ] || exit 0
timeout 30 docker inspect -f {quote(ask)} $all 2>/dev/null | {{
  while read -r id service status; do
    if [ "$status" = running ]; then
      {{ timeout 30 docker top "$id" -o pid >/dev/null 2>&1 || status='{LOST_PROCESS}'; echo "$service $status"; }} &
    else
      echo "$service $status"
    fi
  done
  wait
}}
:"""

    def actual(self, output: str) -> State | None:
        # The services that should be there come first, what is known of them overrides that.
        return dict(line.split(" ", 1) for line in output.splitlines() if " " in line) or None

    def mend(self, actual: State | None) -> str:
        lost = " ".join(quote(service) for service, status in (actual or {}).items() if status == LOST_PROCESS)
        again = f"""\
for service in {lost}; do
  c=$(docker compose ps -q "$service") && [ -n "$c" ] && docker restart -t 0 "$c" >&2 &
done
wait
"""
        return f"""\
cd {quote(self.directory)} || exit 1
{again if lost else ""}docker compose up -d --remove-orphans >&2"""
