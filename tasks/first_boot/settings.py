"""What the inventory says of a machine's first boot alone."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator

from moor.formats.public_keys import type_of_key
from moor.settings import Section


def check_public_key(text: str) -> str:
    """Return a public key in OpenSSH's form, without white space around it; raise ValueError if it is none."""
    words = text.split()
    if "\n" in text.strip() or len(words) < 2 or type_of_key(words[1]) != words[0]:
        raise ValueError("not a public key; write one line as ssh-keygen makes it: ssh-ed25519 AAAA... NAME")
    return text.strip()


class FirstBoot(Section):
    """What a machine is given at its first boot alone: docs/new-nodes.md#right-at-the-first-boot.

    Attributes:
        authorized_keys: public SSH keys that may log in as the inventory's user, beside that of ``key_file``
    """

    section: ClassVar[str] = "first_boot"

    authorized_keys: tuple[Annotated[str, AfterValidator(check_public_key)], ...] = ()
