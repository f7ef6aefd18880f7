"""Resources of a Harbor installation: its prepared files, its database's password, its unit and its containers."""

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
    """The files that Harbor's prepare generates, newer than every file that it reads.

    install.sh runs once, when no files were generated yet. After later changes, prepare runs; it renews Harbor's
    internal secrets, so all containers are made again.
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
        if actual and self.compose in paths:
            return {**actual, **self.desired(actual)}  # an upgrade in the plan prepares them
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
        # Without the flags of the installation, prepare would drop components.
        again = f"docker compose down >&2; ./prepare {flags} >&2 && docker compose up -d >&2"
        doing = again if actual else f"TERM=dumb ./install.sh {flags} >&2"
        return f"""\
cd {quote(self.directory)} || exit 1
{{ {doing}; }} || moor_fail {quote(f"{'prepare' if actual else 'install.sh'} failed")}
printf '%s\\n' {quote(" ".join(self.flags))} > {FLAGS}"""


@dataclass(frozen=True)
class DatabasePassword(Scripted):
    """The password with which Harbor's core logs in to Harbor's own PostgreSQL over the network.

    PostgreSQL reads the password from harbor.yml only when the database is created. A later one is set here, before
    prepare writes it for the other components. Before the first start, and while PostgreSQL is down, nothing is
    desired.
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
        # The container's name is Harbor's. Only logins over the network, by -h postgresql, need the password.
        program = (
            "IFS= read -r PGPASSWORD; export PGPASSWORD PGCONNECT_TIMEOUT=5 LC_ALL=C; "
            "exec psql -w -h postgresql -U postgres -d registry -Atc 'select 1'"
        )
        return f"""\
[ -e {quote(f"{self.directory}/{COMPOSE}")} ] && command -v docker >/dev/null || exit 0
moor_password() {{ {literal(self.password.reveal() + chr(10))}; }}
moor_password | timeout 20 docker exec -i harbor-db sh -c {quote(program)} 2>&1 || :"""

    def actual(self, output: str) -> State | None:
        if output.strip() == "1":
            return {"login": "accepted"}
        return {"login": "refused"} if REFUSED_LOGIN in output else None

    def mend(self, actual: State | None) -> str:
        word = self.password.reveal().replace("'", "''")
        # PostgreSQL would log the statement, with the password in it
        quiet = (
            "SET log_statement = 'none'; SET log_min_error_statement = 'panic'; SET log_min_duration_statement = -1;"
        )
        sql = f"{quiet} SET standard_conforming_strings = on; ALTER USER postgres WITH PASSWORD '{word}';\n"
        return f"""\
{{ {literal(sql)}; }} | docker exec -i harbor-db psql -q -v ON_ERROR_STOP=1 -U postgres -d registry >&2"""


class UnitFile(File):
    """A systemd unit file, followed by a daemon-reload and not by a restart of the unit."""

    def mend(self, actual: State | None) -> str:
        return f"{super().mend(actual)}\n[ ! -d /run/systemd/system ] || systemctl daemon-reload"


@dataclass(frozen=True)
class ComposeContainers(Scripted):
    """Every service of Harbor's Compose project running, in a container whose process Docker still knows.

    After a crash, dockerd may list a container as running although it lost track of the process. Docker and Compose
    then do not restart it, and it has no network.
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
        # The desired services come first, as absent; the state of an existing container overrides that.
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
