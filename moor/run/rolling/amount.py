"""A number of hosts, or a share of them: ``3``, ``10%``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from moor.errors import InputError

WORDS = re.compile(r"([0-9]{1,6})(%?)")


@dataclass(frozen=True)
class Amount:
    """A number of hosts, or with ``is_share`` that many of a hundred."""

    number: int
    is_share: bool = False

    def of(self, total: int) -> int:
        """Return how many of ``total`` hosts that is, a share rounded down."""
        return self.number * total // 100 if self.is_share else self.number

    def __str__(self) -> str:
        return f"{self.number}{'%' if self.is_share else ''}"


def read_amount(option: str, word: str, least: int) -> Amount:
    """Read the value of an option.

    Args:
        option: its name, for the error.
        word: such as ``3`` or ``10%``.
        least: the smallest number.

    Raises:
        InputError: it is no amount, too small, or more than all.
    """
    found = WORDS.fullmatch(word.strip())
    if not found:
        raise InputError(f"{option} {word}: write a number of hosts such as 3, or a share such as 10%")
    amount = Amount(int(found[1]), bool(found[2]))
    if amount.number < least:
        raise InputError(f"{option} {word}: it is {least} or more")
    if amount.is_share and amount.number > 100:
        raise InputError(f"{option} {word}: a share is 100% or less")
    return amount
