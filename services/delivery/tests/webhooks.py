"""A partner's site that can be told what to answer, and the steps of a webhook's way by name."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chassis.addresses import parse_networks
from chassis.vault import Vault
from contracts.catalogue import example
from contracts.event import Envelope
from delivery import handlers
from delivery.handlers import Drain
from delivery.sender import Sender
from delivery.settings import Settings

LOOPBACK = parse_networks("127.0.0.0/8")
VAULT = Vault("test:" + base64.urlsafe_b64encode(b"0123456789abcdef" * 2).decode())


def desk_settings(settings_for, **changes):
    keys = f"{VAULT.newest}:{VAULT._raw[VAULT.newest].decode()}"
    return Settings(**{**settings_for("delivery"), "allow_http": True, "secret_keys": keys, **changes})


class Site:
    """A partner's site whose answer can be changed; over TLS with a context."""

    @staticmethod
    def take(handler):
        handler.send_response(204)
        handler.end_headers()

    def __init__(self, context=None):
        self.answer = self.take
        self.got = []
        self.bodies = []
        """With those of handshakes."""
        self.confirms = True
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                site.bodies.append(body)
                if (challenge := json.loads(body)["data"].get("challenge")) and site.confirms:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(challenge.encode())
                    return
                site.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                site.answer(self)

            def log_message(self, *_):
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that hangs up is what these tests are about
        self.server.stopping = threading.Event()
        if context:
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.server.server_port}/hook"

    def close(self):
        self.server.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


def subscribe(client, site, **more):
    answer = client.post("/endpoints", json={"name": "Сайт", "url": site.url, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def fact(event, version=1, story_id=None):
    """The example of a fact, of another version or about another story."""
    message = example(event)
    data = {**message["data"], "version": version, "item": {**message["data"]["item"], "version": str(version)}}
    return Envelope.model_validate({**message, "data": {**data, **({"story_id": story_id} if story_id else {})}}).open()


def announce(database, *facts, links=None):
    for one in facts:
        handlers.announce(one, database.unit_of_work(), links)


def drain(database, timeout_s=1.0, at_once=500, batch=50):
    """Until nothing is due and nothing is under way."""
    sender = Sender(LOOPBACK, timeout_s, VAULT, at_once)
    try:
        Drain(database, sender, batch).run(most_s=30)
    finally:
        sender.close()


def make_due(database):
    with database.connection() as connection:
        connection.execute("UPDATE delivery SET due_at = now(), sent_until = NULL WHERE state = 'pending'")


def states(database):
    with database.connection() as connection:
        return connection.execute(
            "SELECT version, state, attempts, status_code FROM delivery WHERE story_id IS NOT NULL ORDER BY delivery_id"
        ).fetchall()
