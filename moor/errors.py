"""What moor raises.

MoorError           whatever a user should read as one message, without a traceback
├── InputError      wrong input: files, keys, options; nothing was contacted or changed
│   └── Unfit       what was given reads well and would not work; a drift check examines the rest all the same
└── HostError       one host, or an API behind it, did not do what was asked
    └── Refusal     an API said no to one thing, and would answer about others
"""

import errno

REMEDIES = {
    errno.ENOSPC: "make room on this machine",
    errno.EDQUOT: "the quota on this machine is used up",
    errno.EROFS: "mount it writable on this machine",
    errno.EACCES: "run moor as the user who owns it",
    errno.EPERM: "run moor as the user who owns it",
}


class MoorError(Exception):
    """Tells a user what is wrong and what to do, in one message."""


class InputError(MoorError):
    """Names file, key and remedy; several findings are several lines."""


class Unfit(InputError):
    """Says why what was given would not work, such as a certificate that clients refuse."""


class HostError(MoorError):
    """Names the resource, what it said, and what to do next."""


class Refusal(HostError):
    """Names what was asked for and the API's own words; the refusals of one plan are told together."""


def of_this_machine(error: OSError) -> str:
    """Say in one line what the controller's own file system refused; empty where it was something else."""
    remedy = REMEDIES.get(error.errno or 0)
    return f"{error.filename or 'a file of the site'}: {error.strerror}; {remedy}" if remedy else ""
