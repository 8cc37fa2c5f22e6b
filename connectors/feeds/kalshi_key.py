"""Sign the handshake of Kalshi's socket; the key is named by a reference, and never shown, compared or pickled.

    signature = RSA-PSS(SHA-256, MGF1-SHA-256, salt of 32 bytes) of  milliseconds + "GET" + path, in standard base64

Source: the venue's "Quick Start: Authenticated Requests" (facts on Kalshi, §2). The path has no query, and the host
does not enter. A reference is `env:NAME` or `file:PATH`; a file must be its owner's alone.
"""

import os
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.errors import FeedError
from connectors.secret_refs import Secret, held

KEY_ID, KEY = "env:KALSHI_KEY_ID", "env:KALSHI_PRIVATE_KEY"
SALT = 32
_MS = 1_000_000


def message_of(ms: int, method: str, url: str) -> str:
    """Return what is signed: time in milliseconds, method, path without query."""
    return f"{ms}{method}{urlsplit(url).path}"


class Signer(Secret):
    """Holds a private key for as long as the feed runs."""

    __slots__ = ("_id", "_key")

    def __init__(self, key_id: str, key: RSAPrivateKey) -> None:
        """Take the key's id and the key."""
        self._id, self._key = key_id, key

    def headers(self, url: str, at_ns: int, method: str = "GET") -> dict[str, str]:
        """Return the headers of a request, the handshake's too, made for this moment."""
        ms = at_ns // _MS
        signature = self._key.sign(message_of(ms, method, url).encode(), PSS(MGF1(SHA256()), SALT), SHA256())
        return {
            "KALSHI-ACCESS-KEY": self._id,
            "KALSHI-ACCESS-TIMESTAMP": str(ms),
            "KALSHI-ACCESS-SIGNATURE": b64encode(signature).decode(),
        }


def signer(key_id_ref: str = KEY_ID, key_ref: str = KEY, environ: Mapping[str, str] = os.environ) -> Signer:
    """Return what signs with a referenced key; raises FeedError naming the reference, and never what it holds."""
    key_id = held(key_id_ref, FeedError, environ).decode(errors="replace").strip()
    if not key_id or not key_id.isascii() or not key_id.isprintable() or "BEGIN" in key_id:
        raise FeedError(f"key id {key_id_ref}: holds no key id; allowed: the id that the venue gave to the key")
    try:
        key = load_pem_private_key(held(key_ref, FeedError, environ), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise FeedError(f"key {key_ref}: holds no RSA private key; allowed: PEM without a password")
    return Signer(key_id, key)
