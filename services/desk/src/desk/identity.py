"""Sign-in by the company's identity provider: OpenID Connect, code flow with PKCE. Authlib judges the ID token's claims."""

import secrets
import time
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.errors import Refusal
from desk.neighbours import NeighbourDown
from desk.settings import Settings

SIGNED_BY: Final = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""Never `none`, and no shared secrets: the keys are the provider's own."""

LEEWAY_S: Final = 60
METADATA_KEPT_S: Final = 3600.0
TIMEOUT: Final = httpx2.Timeout(10, connect=3)


class IdentityRefused(Refusal):
    """The provider sent somebody back whom we do not let in, or an answer that is not its own."""

    status = 401
    title = "The identity provider's answer does not hold"
    slug = "identity-refused"


@dataclass(frozen=True)
class Beginning:
    """A way to the provider and back: `state` stays in the browser, `nonce` and `verifier` with us."""

    url: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Identity:
    """Who somebody is to the provider. `proved_at`: when they showed it there, epoch seconds; 0: it does not say."""

    issuer: str
    subject: str
    email: str
    is_email_verified: bool
    name: str
    proved_at: float


class IdentityProvider:
    """One provider, known by its issuer; its metadata and keys are fetched when they are needed first."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.oidc_name
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._redirect_uri = f"{settings.desk_url.rstrip('/')}/sign-in/oidc/back"
        self._client = httpx2.Client(timeout=TIMEOUT, trust_env=False)
        self._lock = Lock()
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._known_at = -METADATA_KEPT_S

    def close(self) -> None:
        self._client.close()

    def begin(self, *, again: bool) -> Beginning:
        """Where to send the browser. `again`: the provider shall ask for the password, though it knows them."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
            **({"prompt": "login", "max_age": "0"} if again else {}),
        }
        endpoint = self._get_metadata()["authorization_endpoint"]
        return Beginning(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", state, nonce, verifier)

    def finish(self, code: str, nonce: str, verifier: str) -> Identity:
        """Who came back with this code.

        Raises:
            IdentityRefused: the provider does not know the code, or its token is not for us, now, and this sign-in.
            NeighbourDown: the provider does not answer.

        """
        tokens = self._redeem(code, verifier)
        claims = self._judge(str(tokens.get("id_token", "")), nonce, str(tokens.get("access_token", "")))
        if "email" not in claims:
            claims = {**self._user_info(str(tokens.get("access_token", "")), claims["sub"]), **claims}
        return Identity(
            issuer=claims["iss"],
            subject=str(claims["sub"]),
            email=str(claims.get("email", "")),
            is_email_verified=claims.get("email_verified") is True,
            name=str(claims.get("name") or claims.get("preferred_username") or claims.get("email", ""))[:100],
            proved_at=float(claims.get("auth_time") or 0),
        )

    def _redeem(self, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        way = self._get_metadata().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        auth = (self._client_id, self._secret) if "client_secret_basic" in way else None
        if auth is None:
            form |= {"client_id": self._client_id, "client_secret": self._secret}
        answer = self._ask("POST", self._get_metadata()["token_endpoint"], data=form, auth=auth)
        if answer.status_code != 200:
            raise IdentityRefused(f"the provider does not take the code: {answer.status_code}")
        return dict(answer.json())

    def _judge(self, id_token: str, nonce: str, access_token: str) -> dict[str, Any]:
        params = {"nonce": nonce, "client_id": self._client_id, "access_token": access_token}
        options: Any = {
            "iss": {"essential": True, "value": self._get_metadata()["issuer"]},
            "aud": {"essential": True, "value": self._client_id},
        }
        try:
            token = self._decode(id_token)
            claims = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, KeyError) as error:
            raise IdentityRefused(f"the provider's ID token does not hold: {error}") from None
        except Exception as error:
            if type(error).__module__.startswith("authlib."):
                raise IdentityRefused(f"the provider's ID token does not hold: {error}") from None
            raise
        return dict(claims)

    def _decode(self, id_token: str) -> jwt.Token:
        """With the keys that we know, else with those that the provider has now: it may have made new ones."""
        try:
            return jwt.decode(id_token, self._get_keys(), algorithms=SIGNED_BY)
        except (JoseError, ValueError):
            self._known_at = -METADATA_KEPT_S
            return jwt.decode(id_token, self._get_keys(), algorithms=SIGNED_BY)

    def _user_info(self, access_token: str, subject: str) -> dict[str, Any]:
        endpoint = self._get_metadata().get("userinfo_endpoint")
        if not endpoint:
            return {}
        answer = self._ask("GET", endpoint, headers={"authorization": f"Bearer {access_token}"})
        found = dict(answer.json()) if answer.status_code == 200 else {}
        if found.get("sub") != subject:
            raise IdentityRefused("the provider tells of somebody else at its userinfo endpoint")
        return found

    def _get_metadata(self) -> dict[str, Any]:
        self._refresh()
        return self._metadata

    def _get_keys(self) -> KeySet:
        self._refresh()
        assert self._keys is not None  # noqa: S101 - refreshed just now
        return self._keys

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() - self._known_at < METADATA_KEPT_S:
                return
            metadata = self._ask("GET", f"{self._issuer}/.well-known/openid-configuration").json()
            if metadata.get("issuer", "").rstrip("/") != self._issuer:
                raise IdentityRefused(f"the provider calls itself {metadata.get('issuer')!r}, not {self._issuer!r}")
            self._keys = KeySet.import_key_set(self._ask("GET", metadata["jwks_uri"]).json())
            self._metadata = metadata
            self._known_at = time.monotonic()

    def _ask(self, method: str, url: str, **more: Any) -> httpx2.Response:  # noqa: ANN401 - httpx's own arguments
        try:
            answer = self._client.request(method, url, **more)
        except httpx2.HTTPError as error:
            raise NeighbourDown(f"the identity provider: {type(error).__name__}") from error
        if answer.status_code >= 500:
            raise NeighbourDown(f"the identity provider answers {answer.status_code}")
        return answer
