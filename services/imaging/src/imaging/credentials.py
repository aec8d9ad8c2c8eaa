"""Content Credentials (C2PA) of our own: the newsroom's certificate and key. The key stays here; the child asks for each signature.

Source: C2PA Technical Specification 2.2, section 13.2 (algorithms), 14.5 (certificates).
"""

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | Ed25519PrivateKey

CURVES: Final[dict[str, tuple[str, HashAlgorithm]]] = {
    "secp256r1": ("es256", SHA256()),
    "secp384r1": ("es384", SHA384()),
    "secp521r1": ("es512", SHA512()),
}
KEYS: Final = "EC P-256, P-384 or P-521, Ed25519, and RSA of 2048 bits and more are taken"


@dataclass(frozen=True)
class Credentials:
    """`certificates` in PEM, the signing one first; `algorithm` as C2PA names it: es256 … ps256, ed25519."""

    certificates: str
    algorithm: str
    key: Key

    def sign(self, data: bytes) -> bytes:
        """The signature as COSE wants it: for elliptic curves r and s, each as long as the curve."""
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(data)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size), SHA256())
        size = (self.key.curve.key_size + 7) // 8
        parts = decode_dss_signature(self.key.sign(data, ec.ECDSA(CURVES[self.key.curve.name][1])))
        return b"".join(part.to_bytes(size, "big") for part in parts)


def read_credentials(certificates: str, key: str) -> Credentials | None:
    """None where neither is given.

    Raises:
        ValueError: one is missing or is no PEM, or they do not belong together.

    """
    if not certificates and not key:
        return None
    if not certificates or not key:
        raise ValueError("certificate and key are given together, or neither is")
    try:
        chain = load_pem_x509_certificates(certificates.encode())
    except ValueError as error:
        raise ValueError(f"the certificates are no PEM: {error}") from None
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"the key is no PEM without a password: {error}") from None
    if private.public_key() != chain[0].public_key():
        raise ValueError(f"the key is not that of the first certificate, {chain[0].subject.rfc4514_string()}")
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in CURVES:
        return Credentials(certificates, CURVES[private.curve.name][0], private)
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= 2048:
        return Credentials(certificates, "ps256", private)
    if isinstance(private, Ed25519PrivateKey):
        return Credentials(certificates, "ed25519", private)
    raise ValueError(f"the key is of a kind that C2PA does not know; {KEYS}")
