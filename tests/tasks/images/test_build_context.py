"""Build contexts: the files that Docker gets, and the changes that alter their hash."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from moor.tasks.images.build_context import context_hash, context_tar, ignore_filter


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    for name in ("Dockerfile", "src/app.py", "src/run", ".env"):
        (tmp_path / name).write_text(f"{name}\n")
    (tmp_path / "src" / "run").chmod(0o755)
    (tmp_path / "latest").symlink_to("src")
    return tmp_path


def entries(context: Path) -> dict[str, int]:
    with context_tar(context) as source, tarfile.open(fileobj=source) as tar:
        return {entry.name: entry.mode for entry in tar}


def test_executables_and_links_stay_what_they_are(context: Path) -> None:
    found = entries(context)
    assert set(found) == {"Dockerfile", "src", "src/app.py", "src/run", ".env", "latest"}
    assert (found["src/run"], found["src/app.py"]) == (0o755, 0o644)


def test_a_checkout_under_another_umask_is_the_same_context(context: Path) -> None:
    before = context_hash(context)
    (context / "src" / "app.py").chmod(0o664)
    (context / "src").chmod(0o775)
    assert context_hash(context) == before
    (context / "src" / "app.py").chmod(0o755)
    assert context_hash(context) != before


def test_ignored_files_are_not_sent_and_do_not_change_the_hash(context: Path) -> None:
    (context / ".dockerignore").write_text("# secrets\n.env\n.git\n")
    before = context_hash(context)
    assert ".env" not in entries(context)
    (context / ".git").mkdir()
    (context / ".git" / "HEAD").write_text("another\n")
    (context / ".env").write_text("PASSWORD=another\n")
    assert context_hash(context) == before


def test_files_outside_the_context_are_not_sent(context: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("correct-horse")
    (context / "folder").symlink_to(outside)
    (context / "file").symlink_to(outside / "secret")
    (context / "loop").symlink_to("loop")
    os.mkfifo(context / "pipe")  # which nobody must wait for
    with context_tar(context) as source:
        assert b"correct-horse" not in source.read()
    assert not [name for name in entries(context) if name.startswith("folder/")]


@pytest.mark.parametrize(
    ("lines", "kept", "left_out"),
    [
        (["*.md"], ["src/a.md", "a.mdx"], ["a.md"]),
        (["**/*.md", "!README.md"], ["README.md"], ["a.md", "src/deep/a.md"]),
        (["/src"], ["other/src"], ["src", "src/app.py"]),
        (["src/"], ["srcs"], ["src", "src/app.py"]),
        (["*", "!src/**"], ["src/app.py", "Dockerfile"], ["other", "deep/er"]),
        (["a?c", "x[0-9]"], ["ac", "a/c", "xy"], ["abc", "x7"]),
        (["**/node_modules"], ["node_modules2"], ["node_modules/x", "a/b/node_modules/x"]),
        (["src/**/test"], ["test"], ["src/test", "src/a/b/test"]),
        (["Dockerfile", ".dockerignore"], ["Dockerfile", ".dockerignore"], []),
        (["", "!", "#*", "./a.b"], ["x", "aXb"], ["a.b"]),
        (["!a", "a"], [], ["a"]),
    ],
)
def test_dockerignore_is_read_by_dockers_rules(lines: list[str], kept: list[str], left_out: list[str]) -> None:
    is_kept = ignore_filter(lines)
    assert [name for name in (*kept, *left_out) if is_kept(name)] == kept


def test_a_contexts_hash_follows_content_names_and_modes_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "app").write_text("1")
    first = context_hash(tmp_path)
    (tmp_path / "app").touch()
    assert context_hash(tmp_path) == first
    (tmp_path / "app").chmod(0o755)
    second = context_hash(tmp_path)
    (tmp_path / "app").write_text("2")
    third = context_hash(tmp_path)
    (tmp_path / "app").rename(tmp_path / "other")
    assert len({first, second, third, context_hash(tmp_path)}) == 4
