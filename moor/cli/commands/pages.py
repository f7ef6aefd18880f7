"""The actions of report and serve: render history as an HTML page, without contacting hosts."""

from __future__ import annotations

import errno
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from moor.cli.commands.history import settings_for
from moor.cli.commands.screen import working
from moor.cli.options import Options
from moor.errors import HistoryError, InputError
from moor.history.database import connected
from moor.history.reading import History
from moor.output.pages.render import page, policy
from moor.output.pages.server import application, is_loopback
from moor.output.pages.view import read_view, utc_now
from moor.run.interruption import stop_instruction
from moor.secrets import private_files
from moor.secrets.secret import mask
from moor.settings.access import SiteSettings

if TYPE_CHECKING:
    from socket import socket

    from _typeshed.wsgi import WSGIApplication
    from waitress.server import BaseWSGIServer, MultiSocketServer

PLACE = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:\s]+):([0-9]{1,5})")
DEFAULT = "report.html"


def report(options: Options, out: Path | None, days: int) -> int:
    """Write the page to a file: 0 done, 1 error."""
    settings = settings_for(options)
    path = (out or settings.state / DEFAULT).expanduser().absolute()
    with working("read history and draw the page"):
        content = render_now(settings, days, live=False)
    try:
        if not path.parent.is_dir() and out:
            raise InputError(f"--out {path}: no such directory: {path.parent}; make it, or name another file")
        private_files.write(path, content.encode())
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}") from error
    print(path)
    return 0


def render_now(settings: SiteSettings, days: int, live: bool) -> str:
    """Render the current page; raise HistoryError if history cannot be read."""
    with connected(settings, writing=False) as connection:
        view = read_view(History(connection), utc_now(), days, settings.expires_within_days)
    return mask(page(view, settings.directory.name, live))


def serve(options: Options, listen: str, days: int) -> int:
    """Serve the page until interrupted."""
    settings = settings_for(options)
    address, port = parse_listen(listen)
    loopback = is_loopback(address)
    app = application(lambda: _live(settings, days), policy(), loopback)
    try:
        server = _listening(app, address, port)
    except OSError as error:
        raise InputError(f"--listen {listen}: {_why_not(error)}") from error
    except ValueError as error:  # waitress's error for any address that it cannot resolve
        raise InputError(
            f"--listen {listen}: {address} is no address or name of this machine; write one, as in 127.0.0.1:8080"
        ) from error
    if not loopback:
        print(f"moor: {address} is reached by others too, and there is no login", file=sys.stderr)
    shown = f"[{address}]" if ":" in address else address
    print(f"http://{shown}:{getattr(server, 'effective_port', port)}/ ({stop_instruction()})", flush=True)
    server.run()
    return 0


def _listening(app: WSGIApplication, address: str, port: int) -> BaseWSGIServer | MultiSocketServer:
    """Return a listening server; if it cannot listen, close the sockets that waitress leaves open."""
    from waitress import wasyncore
    from waitress.server import create_server

    opened: dict[int, socket] = {}  # the type that waitress's stubs declare
    try:
        return create_server(app, opened, host=address, port=port, threads=4, ident="moor")
    except OSError:
        wasyncore.close_all(opened)
        raise


def _why_not(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there; choose another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; write one of its own, or 0.0.0.0 for all of them"
    if error.errno == errno.EACCES:
        return "this user may not listen on that port; choose one from 1024 on"
    return str(error.strerror or error)


def _live(settings: SiteSettings, days: int) -> str:
    try:
        return render_now(settings, days, live=True)
    except HistoryError as error:
        return f"<!doctype html><title>moor</title><p>{mask(str(error)).replace('<', '&lt;')}</p>"


def parse_listen(listen: str) -> tuple[str, int]:
    """Parse ADDRESS:PORT; raise InputError if it is malformed."""
    found = PLACE.fullmatch(listen)
    if not found or int(found[2]) > 65535:
        raise InputError(f"--listen {listen}: write ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    return found[1].strip("[]"), int(found[2])
