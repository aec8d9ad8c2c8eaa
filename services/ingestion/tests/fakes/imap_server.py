"""A small IMAP server (RFC 3501, IDLE of RFC 2177) on loopback, for one user and one mailbox."""

import re
import socketserver
import threading

from .serving import Serving

USER, PASSWORD = "press@orsk.example", "correct horse"


class ImapServer(Serving):
    """`deliver(message)` puts a message in, and tells those who wait in IDLE."""

    def __init__(self) -> None:
        self.messages: dict[int, bytes] = {}
        self.sizes: dict[int, int] = {}
        self.validity = 7
        self.fetched: list[tuple[int, str]] = []
        self.news = threading.Condition()
        super().__init__(socketserver.ThreadingTCPServer, _Session)

    def deliver(self, message: bytes) -> int:
        with self.news:
            uid = max(self.messages, default=0) + 1
            self.messages[uid] = message
            self.news.notify_all()
        return uid


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("* OK ready")
        while line := self.rfile.readline():
            tag, _, command = line.decode().strip().partition(" ")
            if command.upper() == "LOGOUT":
                self._say("* BYE")
                self._say(f"{tag} OK done")
                return
            self._say(f"{tag} {self._do(command)}")

    def _do(self, command: str) -> str:
        home = self.server.home
        word = command.upper()
        if word.startswith("LOGIN"):
            return "OK in" if f'"{PASSWORD}"' in command and USER in command else "NO [AUTHENTICATIONFAILED] who?"
        if word == "CAPABILITY":
            self._say("* CAPABILITY IMAP4rev1 IDLE")
        elif word.startswith(("SELECT", "EXAMINE")):
            self._say(f"* {len(home.messages)} EXISTS")
            self._say(f"* OK [UIDVALIDITY {home.validity}] so")
        elif word.startswith("STATUS"):
            self._say(f'* STATUS "INBOX" (UIDVALIDITY {home.validity})')
        elif word.startswith("UID SEARCH"):
            first = int(re.search(r"UID (\d+):\*", command)[1])
            newest = max(home.messages, default=0)
            found = [uid for uid in home.messages if uid >= first or uid == newest]  # n:* always names the newest
            self._say(f"* SEARCH {' '.join(map(str, found))}")
        elif word.startswith("UID FETCH"):
            return self._fetch(command)
        elif word == "IDLE":
            return self._idle()
        elif word not in ("NOOP", "CLOSE"):
            return f"BAD {command.split(maxsplit=1)[0]} is not known here"
        return "OK done"

    def _fetch(self, command: str) -> str:
        home = self.server.home
        _, _, uid, what = command.split(" ", 3)
        message = home.messages[int(uid)]
        home.fetched.append((int(uid), what))
        if "RFC822.SIZE" in what:
            self._say(f"* {uid} FETCH (UID {uid} RFC822.SIZE {home.sizes.get(int(uid), len(message))})")
            return "OK done"
        body = message.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if "HEADER" in what else message
        section = "HEADER" if "HEADER" in what else ""
        self.wfile.write(f"* {uid} FETCH (UID {uid} BODY[{section}] {{{len(body)}}}\r\n".encode() + body + b")\r\n")
        return "OK done"

    def _idle(self) -> str:
        home = self.server.home
        known = len(home.messages)
        self._say("+ idling")
        done = threading.Event()

        def tell() -> None:
            with home.news:
                home.news.wait_for(lambda: len(home.messages) > known or done.is_set(), timeout=30)
            if not done.is_set():
                self._say(f"* {len(home.messages)} EXISTS")

        waiting = threading.Thread(target=tell, daemon=True)
        waiting.start()
        self.rfile.readline()  # DONE
        done.set()
        with home.news:
            home.news.notify_all()
        waiting.join(5)
        return "OK no more idling"

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
