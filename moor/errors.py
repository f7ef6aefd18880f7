"""What moor raises.

MoorError           whatever a user should read as one message, without a traceback
├── InputError      wrong input: files, keys, options; nothing was contacted or changed
└── HostError       one host, or an API behind it, did not do what was asked
"""


class MoorError(Exception):
    """Tells a user what is wrong and what to do, in one message."""


class InputError(MoorError):
    """Names file, key and remedy; several findings are several lines."""


class HostError(MoorError):
    """Names the resource, what it said, and what to do next."""
