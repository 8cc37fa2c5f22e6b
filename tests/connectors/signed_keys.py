"""Make keys for tests, the same every time, and what verifies them."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.signing import SigningKey, Verifier
from contracts.signed import CONTROL, ORDER

SCOPE = "paper/lab"


def seeded(number: int) -> SigningKey:
    """Return a key that follows from a number."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(f"test key {number}".encode()).digest()))


KEY, DESK, OTHER = seeded(1), seeded(2), seeded(3)
"""The control plane's key; the desk's; one that is known and may nothing."""


def verifier() -> Verifier:
    """Return what knows three keys: KEY may sign both, DESK orders, OTHER nothing."""
    keys = dict(key.public for key in (KEY, DESK, OTHER))
    allowed = {CONTROL: [KEY.public.key_id], ORDER: [KEY.public.key_id, DESK.public.key_id]}
    return Verifier(keys, allowed)
