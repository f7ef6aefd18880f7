"""Image pulls with ctr that keep credentials out of process lists."""

import os
import pty
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .containerd import CTR
from .images import Credentials, cause

PULL_S = 600.0
POLL_S = 0.5


class PullError(Exception):
    """A failed pull; the message is the cause as a kubelet reports it."""


class Cancelled(Exception):
    """A pull was cancelled, since its pod is gone."""


def pull(
    reference: str,
    known: Credentials | None,
    hosts: str,
    environment: dict[str, str],
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Pull an image; type the password on a terminal for ctr, so that no process list shows it.

    Args:
        hosts: containerd's config_path.
        environment: which CAs ctr trusts.

    Raises:
        PullError: ctr failed; the error has its cause.
        Cancelled: ``cancelled`` returned true.
    """
    options = [*(["--hosts-dir", hosts] if hosts else []), *(["--user", known.user] if known else [])]
    argv = [*CTR, "images", "pull", *options, reference]
    with _terminal(known.password if known else None) as stdin:
        process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        error = _outcome(process, cancelled)
    if process.returncode:
        raise PullError(cause(error, reference))


def _outcome(process: "subprocess.Popen[str]", cancelled: Callable[[], bool]) -> str:
    waited = 0.0
    while True:
        try:
            return process.communicate(timeout=POLL_S)[1]
        except subprocess.TimeoutExpired:
            waited += POLL_S
            if cancelled() or waited > PULL_S:
                process.kill()
                process.communicate()
                if cancelled():
                    raise Cancelled from None
                return "ctr: context deadline exceeded"


@contextmanager
def _terminal(password: str | None) -> Iterator[int]:
    """Yield a terminal that has ``password`` as its input; /dev/null without a password."""
    if password is None:
        with open(os.devnull) as nothing:
            yield nothing.fileno()
        return
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{password}\n".encode())
        drain = threading.Thread(target=_drain, args=(ours,), daemon=True)
        drain.start()
        yield theirs
    finally:
        os.close(theirs)
        drain.join(1)
        os.close(ours)


def _drain(terminal: int) -> None:
    """Discard what ctr prints on its terminal, so that it does not block."""
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:
        return
