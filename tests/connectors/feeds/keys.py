"""Make a key for tests, and prove what was signed with it."""

from base64 import b64decode
from collections.abc import Mapping
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.feeds.kalshi_key import Signer

KEY_ID = "11111111-1111-4111-8111-111111111111"


@cache
def key() -> RSAPrivateKey:
    """One key for the whole run of tests."""
    return generate_private_key(65537, 2048)


def pem() -> bytes:
    """The key as a file holds it."""
    return key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signer_of() -> Signer:
    """What signs with it."""
    return Signer(KEY_ID, key())


def proves(public: RSAPublicKey, signature: str, message: str) -> bool:
    """True when a signature is that of a message."""
    try:
        public.verify(b64decode(signature, validate=True), message.encode(), PSS(MGF1(SHA256()), 32), SHA256())
    except InvalidSignature:
        return False
    return True


def verified(headers: Mapping[str, str], path: str) -> bool:
    """True when the headers of a GET carry our key's id and its signature of time and path."""
    message = f"{headers['KALSHI-ACCESS-TIMESTAMP']}GET{path}"
    return headers["KALSHI-ACCESS-KEY"] == KEY_ID and proves(
        key().public_key(), headers["KALSHI-ACCESS-SIGNATURE"], message
    )
