"""The programs for Harbor's database, on a real PostgreSQL and in every shell that may run them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import HostError
from moor.tasks.backup.database import (
    BEGIN,
    DUMP_END,
    LOADED,
    READ_PROGRAM,
    Connection,
    connection_of,
    count_program,
    dump_program,
    load_program,
    parse_content,
    swap_program,
)
from tests.harness.postgresql import postgresql, program
from tests.harness.shells import SHELLS

OWN = Connection()
SHA = "sha256:" + "a" * 64
TABLES = f"""
create table project (project_id int, name text, deleted boolean);
insert into project values (1, 'library', false), (2, 'gone', true), (3, 'it''s $HOME \\ é', false);
create table artifact (id int, digest text);
insert into artifact values (1, '{SHA}'), (2, '{SHA}');
create table harbor_user (user_id int, deleted boolean);
insert into harbor_user values (1, false), (2, true);
"""  # noqa: S608 - all are ours


@dataclass(frozen=True)
class Server:
    """A PostgreSQL with a database ``registry``, and the shell that runs programs for it."""

    place: Path
    shell: tuple[str, ...] = ("sh",)

    def __call__(self, text: str, stdin: bytes = b"", database: Connection = OWN) -> bytes:
        argv = [*self.shell, "-c", READ_PROGRAM]
        environment = {
            **os.environ,
            "PGHOST": str(self.place),
            "PATH": f"{Path(program('psql')).parent}:{os.environ['PATH']}",
        }
        line = database.program(text)
        assert line.count(b"\n") == 1
        done = subprocess.run(argv, input=line + stdin, capture_output=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sql(self, text: str, database: str = "registry") -> str:
        argv = [program("psql"), "-XAtqh", str(self.place), "-U", "postgres", "-d", database, "-c", text]
        return subprocess.check_output(argv, text=True).strip()


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with postgresql("db", "postgres") as socket:
        yield socket


@pytest.fixture(params=list(SHELLS.values()), ids=list(SHELLS))
def server(place: Path, request: pytest.FixtureRequest) -> Server:
    made = Server(place, tuple(request.param))
    made.sql("drop database if exists registry", "postgres")
    made.sql("create database registry", "postgres")
    made.sql(TABLES)
    return made


def test_a_dump_comes_with_the_counts_of_its_snapshot_and_is_put_in_place(server: Server) -> None:
    head, _, dump = server(dump_program()).partition(BEGIN)
    content = parse_content(head.decode().splitlines())
    assert content.counts == {"projects": 2, "artifacts": 2, "users": 1}
    assert content.artifacts == {"a" * 64}
    assert DUMP_END in dump[-500:]
    server.sql("insert into project values (4, 'newer', false)")
    server(load_program(), dump)
    assert parse_content(server(count_program(LOADED)).decode().splitlines()) == content
    assert parse_content(server(count_program("registry")).decode().splitlines()).counts["projects"] == 3
    with subprocess.Popen(
        [program("psql"), "-h", str(server.place), "-U", "postgres", "registry"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as used:  # as a client that nobody has stopped
        server(swap_program())
        used.communicate(b"select 1;\n")
    assert server.sql("select name from project where project_id = 3") == "it's $HOME \\ é"
    assert server.sql("select count(*) from project") == "3"
    server(swap_program())  # once more does no harm
    assert (
        server.sql("select string_agg(datname, ' ' order by datname) from pg_database")
        == "postgres registry template0 template1"
    )


def test_a_load_that_was_cut_changes_nothing_and_can_be_done_again(server: Server) -> None:
    dump = server(dump_program()).partition(BEGIN)[2]
    server(load_program(), dump[: len(dump) // 2].rpartition(b"\n")[0])
    assert server.sql("select count(*) from project") == "3"
    server(load_program(), dump)
    server(swap_program())
    assert server.sql("select count(*) from project") == "3"


def test_sql_that_fails_fails_the_program(place: Path) -> None:
    server = Server(place)
    with pytest.raises(AssertionError, match="does not exist"):
        server(load_program(), b"select nothing from nowhere;\n")
    with pytest.raises(AssertionError, match='database "missing" does not exist'):
        server(dump_program(), database=replace(Connection(), name="missing"))


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_a_password_of_any_characters_reaches_the_program_and_no_argv(word: str) -> None:
    from moor.secrets.secret import Secret

    database = Connection(host="db.test", password=Secret(word))
    assert not word.strip() or len(word) < 8 or word not in database.command
    line = database.program('printf %s "$PGPASSWORD"; exit 0').replace(b"psql -XAtqc", b": ")
    done = subprocess.run(["sh", "-c", READ_PROGRAM], input=line, capture_output=True, check=False)
    assert done.stdout.decode() == word


def test_the_connection_is_the_one_of_harbor_yml() -> None:
    assert connection_of({"external_database": None}) == Connection()
    found = connection_of(
        {
            "external_database": {
                "harbor": {"host": "db.test", "db_name": "r", "username": "h", "password": "x", "ssl_mode": "require"}
            }
        }
    )
    assert (found.host, found.port, found.name, found.user, found.sslmode) == ("db.test", "5432", "r", "h", "require")
    assert "x" not in repr(found.password)
    assert "--network host" in found.command
    assert "docker exec -i harbor-db" in Connection().command


@pytest.mark.parametrize("lines", [["projects 3"], ["postgresql 17", "nonsense"], []])
def test_an_answer_that_is_not_whole_is_refused(lines: list[str]) -> None:
    with pytest.raises(HostError, match="Harbor's database"):
        parse_content(lines)
