"""Subscribing sites: their address, filters, keys, the challenge they must answer."""

import hashlib
import json
import secrets
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from chassis.errors import Refusal
from chassis.ids import new_id
from chassis.unit_of_work import UnitOfWork
from chassis.vault import Vault
from delivery.domain.messages import encode
from delivery.domain.signing import new_key_pair, new_secret
from delivery.forms import EndpointChange, EndpointForm
from delivery.store import Deliveries, Endpoint, Endpoints, Keys

ROTATION_S: Final = 24 * 3600
"""So long an older key signs beside the newer one."""


class UrlRefused(Refusal):
    """An endpoint's address is not taken."""

    title = "This address is not taken"
    slug = "url-refused"


class CertificateRefused(Refusal):
    """A client certificate is not taken."""

    title = "This certificate is not taken"
    slug = "certificate-refused"


class Subscriptions:
    """What is done to endpoints and keys, inside the caller's transaction."""

    def __init__(self, vault: Vault, base_url: str, *, allow_http: bool) -> None:
        self._vault = vault
        self._allow_http = allow_http
        self._base = base_url.rstrip("/")

    def page_url(self, token: str) -> str:
        return f"{self._base}/partner/{token}"

    def add(self, form: EndpointForm, uow: UnitOfWork) -> tuple[UUID, str, str]:
        """(id, secret, the partner page's token)."""
        check_url(form.url, allow_http=self._allow_http)
        endpoint_id, token = new_id(), secrets.token_urlsafe(24)
        Endpoints(uow.connection).add(endpoint_id, {**self._columns(form), "page_hash": page_hash(token)})
        self.house_keys(uow)
        secret = self.rotate(endpoint_id, uow)
        self.challenge(endpoint_id, uow)
        return endpoint_id, secret, token

    def change(self, endpoint_id: UUID, form: EndpointChange, uow: UnitOfWork) -> None:
        if form.url is not None:
            check_url(form.url, allow_http=self._allow_http)
        columns = self._columns(form)
        if columns:
            Endpoints(uow.connection).change(endpoint_id, columns)
        if form.url is not None:
            Endpoints(uow.connection).disable(endpoint_id, "")
            self.challenge(endpoint_id, uow)

    def enable(self, one: Endpoint, uow: UnitOfWork) -> None:
        """What was held for it, at most 14 days, goes out; one that never confirmed is challenged again."""
        if one.challenge:
            self.challenge(one.endpoint_id, uow)
        else:
            Endpoints(uow.connection).activate(one.endpoint_id)

    def _columns(self, form: EndpointChange) -> dict[str, Any]:
        given = {name: value for name, value in form.model_dump(exclude_unset=True).items() if value is not None}
        columns: dict[str, Any] = {
            name: list(value) if isinstance(value, tuple) else value for name, value in given.items()
        }
        if "headers" in columns:
            columns["headers"] = self._vault.seal(json.dumps(columns["headers"])) if columns["headers"] else ""
        if columns.get("certificate"):
            check_certificate(str(columns["certificate"]))
            columns["certificate"] = self._vault.seal(str(columns["certificate"]))
        return columns

    def challenge(self, endpoint_id: UUID, uow: UnitOfWork) -> None:
        """Nobody is subscribed against their will: the site must answer with what it is sent."""
        challenge, message_id = secrets.token_urlsafe(24), f"msg_{new_id().hex}"
        Endpoints(uow.connection).change(endpoint_id, {"state": "unverified", "challenge": challenge, "reason": ""})
        body = encode("endpoint.verification", _now(uow), {"challenge": challenge})
        deliveries = Deliveries(uow.connection)
        deliveries.add_message(message_id, "endpoint.verification", None, None, body)
        deliveries.add([endpoint_id], message_id, "endpoint.verification", None, None)

    def ping(self, endpoint: Endpoint, uow: UnitOfWork) -> str:
        message_id = f"msg_{new_id().hex}"
        body = encode("endpoint.ping", _now(uow), {"endpoint": endpoint.name})
        deliveries = Deliveries(uow.connection)
        deliveries.add_message(message_id, "endpoint.ping", None, None, body)
        deliveries.add([endpoint.endpoint_id], message_id, "endpoint.ping", None, None)
        return message_id

    def rotate(self, endpoint_id: UUID | None, uow: UnitOfWork, *, revoke_now: bool = False) -> str:
        """A new key for an endpoint (its secret is returned) or for the house (its public key is)."""
        key_id, keys = new_id(), Keys(uow.connection)
        private, shown = new_key_pair() if endpoint_id is None else (secret := new_secret(), secret)
        keys.add(key_id, endpoint_id, self._vault.seal(private), shown if endpoint_id is None else "")
        keys.end_older(endpoint_id, key_id, 0 if revoke_now else ROTATION_S)
        return shown

    def house_keys(self, uow: UnitOfWork) -> list[tuple[Any, ...]]:
        """Those in use; the first is made when it is first wanted."""
        keys = Keys(uow.connection)
        if not keys.of_house():
            keys.lock_house()
            if not keys.of_house():
                self.rotate(None, uow)
        return list(keys.of_house())


def page_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _now(uow: UnitOfWork) -> datetime:
    row = uow.connection.execute("SELECT now()").fetchone()
    assert row is not None  # noqa: S101 - SELECT now() always gives one
    at: datetime = row[0]
    return at


def check_certificate(pem: str) -> None:
    """Raises CertificateRefused, which says what is missing and shows nothing of the key."""

    def refused(what: str) -> CertificateRefused:
        return CertificateRefused(f"certificate: {what}", fields=(("/certificate", what),))

    try:
        certificate = x509.load_pem_x509_certificates(pem.encode())[0]
    except ValueError:
        raise refused("must hold a certificate in PEM, -----BEGIN CERTIFICATE-----") from None
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise refused("must hold the certificate's private key in PEM, without a password") from None
    if certificate.public_key() != key.public_key():
        raise refused("the private key is not the certificate's")


def check_url(url: str, *, allow_http: bool) -> None:
    """Raises UrlRefused."""
    schemes = ("https", "http") if allow_http else ("https",)
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and bool(parts.hostname) and not parts.username and not parts.fragment
    except ValueError:
        is_good = False
    if not is_good:
        what = f"must be {' or '.join(schemes)}://host/…, without user name and fragment"
        raise UrlRefused(f"url: {what}, not {url[:200]!r}", fields=(("/url", what),))
