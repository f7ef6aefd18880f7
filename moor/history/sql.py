"""Statements of SQL, made of the names of tables and columns, which are never a user's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any


def columns_of(kind: type[Any]) -> tuple[str, ...]:
    """Return the columns of a class of rows: the names of its fields."""
    return tuple(field.name for field in fields(kind))


def select(kind: type[Any], table: str, rest: str = "", more: Sequence[str] = ()) -> str:
    """Return a query for the columns of ``kind``, then those of ``more``; ``rest`` is what follows the table."""
    return " ".join(["SELECT", ", ".join((*columns_of(kind), *more)), "FROM", table, rest])


def insert(table: str, columns: Iterable[str]) -> str:
    """Return a statement that inserts a row; each parameter has its column's name."""
    names = list(columns)
    return " ".join(["INSERT INTO", table, f"({', '.join(names)})", "VALUES", f"({', '.join(map(parameter, names))})"])


def update(table: str, columns: Iterable[str], key: str) -> str:
    """Return a statement that updates the row with a key; each parameter has its column's name."""
    changed = ", ".join(f"{name} = {parameter(name)}" for name in columns)
    return " ".join(["UPDATE", table, "SET", changed, "WHERE", key, "=", parameter(key)])


def parameter(name: str) -> str:
    """Return a parameter as a statement has it."""
    return f":{name}"


def among(values: Iterable[Any], name: str) -> tuple[str, dict[str, Any]]:
    """Return a list of parameters for ``IN``, and their values; a list of none matches nothing."""
    numbered = {f"{name}{number}": value for number, value in enumerate(values)}
    return f"({', '.join(map(parameter, numbered)) or 'NULL'})", numbered
