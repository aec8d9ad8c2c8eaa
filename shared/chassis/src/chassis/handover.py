"""What a supervisor hands to a process that it starts: a socket that listens already, and a pipe to say «ready» into.

Both are file descriptors named by a variable, as in systemd's socket activation and notification; without them a process does without.
"""

import os
import socket
from typing import Final

LISTEN: Final = "DEPESHA_LISTEN_FD"
READY: Final = "DEPESHA_READY_FD"


def listening_socket() -> socket.socket | None:
    """The socket that was handed over; it outlives this process, so that connections wait for the next one.

    Raises:
        SystemExit: the variable names no listening socket.

    """
    given = os.environ.pop(LISTEN, "")
    if not given:
        return None
    try:
        handed = socket.socket(fileno=int(given))
        is_listening = handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except (ValueError, OSError) as error:
        raise SystemExit(
            f"setting {LISTEN}: {error} (got {given!r}) — the number of an open, listening socket"
        ) from None
    if not is_listening:
        handed.close()
        raise SystemExit(
            f"setting {LISTEN}: it does not listen (got {given!r}) — the number of an open, listening socket"
        )
    handed.set_inheritable(False)
    return handed


def tell_ready() -> None:
    """Tell whoever started this process and waits for it, once; nobody else hears it."""
    given = os.environ.pop(READY, "")
    if given:
        with os.fdopen(int(given), "wb") as pipe:
            pipe.write(b"ready\n")
