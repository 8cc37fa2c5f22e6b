"""Sign control entries and orders with Ed25519, and verify who said them; a private key is never shown.

What is signed is spelled by contracts/signed.py. A key is known by its id, which follows from the public key: nobody
can put another key under a known id by a slip in a configuration. A verifier knows several keys, each for stated
purposes, so that a new key is known before the old one is put away (docs/adr/0020-signatures.md).

Source: RFC 8032. The signature is deterministic: the same content signed twice is the same bytes.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Collection, Mapping
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from msgspec.structs import replace

from connectors.errors import SigningError
from connectors.secret_refs import Secret, held
from contracts.base import Refused, read, write
from contracts.signed import CONTROL, PURPOSES, Signed, key_place, message_of

ALGORITHM = "ed25519"
ID_DIGITS = 16
UNSIGNED = "0" * 128
_SHOWN = 80


class PublicKey(NamedTuple):
    """What others may know of a key: its id, and the key as text, `ed25519:BASE64`."""

    key_id: str
    public: str


class SigningKey(Secret):
    """A private key, for as long as a program runs. It prints as ***, and is not pickled, copied or compared."""

    __slots__ = ("_key", "_public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Take the key."""
        self._key, self._public = key, public_of(key.public_key())

    @property
    def public(self) -> PublicKey:
        """What verifies."""
        return self._public

    def sign(self, purpose: str, scope: str, sequence: int, body: bytes) -> Signed:
        """Return a body under its signature; raises Refused for what the contract does not allow. About 26 µs."""
        unsigned = Signed(self._public.key_id, purpose, scope, sequence, body.decode(), UNSIGNED)
        if purpose not in PURPOSES:
            raise Refused(f"Signed.purpose: {purpose[:_SHOWN]!r}; allowed: {', '.join(PURPOSES)}")
        read(Signed, write(unsigned))  # what could not be read again is not signed
        return replace(unsigned, signature=self._key.sign(message_of(unsigned)).hex())


def signing_key(ref: str) -> SigningKey:
    """Return the key of a reference, `file:PATH`: PKCS #8 in PEM, its owner's alone; raises SigningError.

    The error names the reference, never what it holds.
    """
    try:
        key = load_pem_private_key(held(ref, SigningError), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"key {ref}: holds no Ed25519 private key; allowed: PKCS #8 in PEM without a password")
    return SigningKey(key)


def make_key(path: Path) -> PublicKey:
    """Make a new key in a new file (mode 0600, one fsync); return what others may know of it. Raises SigningError."""
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as err:
        raise SigningError(f"key {path}: {err.strerror or err}; allowed: a new file that can be written") from None
    return public_of(key.public_key())


def public_of(key: Ed25519PublicKey) -> PublicKey:
    """Return id and text of a public key; the id is the beginning of the SHA-256 of its 32 bytes."""
    raw = key.public_bytes_raw()
    return PublicKey(sha256(raw).hexdigest()[:ID_DIGITS], f"{ALGORITHM}:{b64encode(raw).decode()}")


class Verifier:
    """Knows public keys, and which of them may speak for which purpose.

    What a desk of its own may sign is told by the scope of each check, and by giving its reader only its keys.
    """

    def __init__(self, keys: Mapping[str, str], allowed: Mapping[str, Collection[str]]) -> None:
        """Take key id -> public key, and purpose -> key ids; raises SigningError naming the first that is wrong."""
        self._keys = {key_id: _loaded(key_id, text) for key_id, text in keys.items()}
        for purpose, ids in allowed.items():
            if purpose not in PURPOSES:
                raise SigningError(f"purpose {purpose[:_SHOWN]!r}; allowed: {', '.join(PURPOSES)}")
            if unknown := sorted(set(ids) - keys.keys()):
                raise SigningError(f"{purpose}: key {unknown[0]!r} has no public key; allowed: {_named(keys)}")
        self._allowed = {purpose: frozenset(ids) for purpose, ids in allowed.items()}
        enters = sorted(self._allowed.get(CONTROL, ()))
        for one, other in pairwise(enters):
            if key_place(one) == key_place(other):
                raise SigningError(f"{CONTROL}: keys {one} and {other} begin alike; make another in place of one")

    def check(self, signed: Signed, purpose: str, scope: str) -> str:
        """Return why something was not said by who may say it, for this purpose and scope; empty: it was. About 65 µs.

        It never raises, whatever the fields hold; what it tells of them is cut.
        """
        key = self._keys.get(signed.key_id)
        may = self._allowed.get(purpose, frozenset())
        if key is None or signed.key_id not in may:
            what = "is unknown" if key is None else f"may not sign for {purpose}"
            return f"key {signed.key_id[:_SHOWN]!r} {what}; allowed: {_named(may)}"
        for name, found, wanted in (("purpose", signed.purpose, purpose), ("scope", signed.scope, scope)):
            if found != wanted:
                return f"{name} {found[:_SHOWN]!r}; allowed: {wanted}"
        try:
            key.verify(bytes.fromhex(signed.signature), message_of(signed))
        except (InvalidSignature, ValueError):
            return f"signature is not that of key {signed.key_id} over sequence {signed.sequence} and this body"
        return ""


def _loaded(key_id: str, text: str) -> Ed25519PublicKey:
    kind, _, spelled = text.partition(":")
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(spelled, validate=True))
    except (ValueError, NotBase64, UnsupportedAlgorithm):
        key = None
    if kind != ALGORITHM or key is None or public_of(key).public != text:
        raise SigningError(f"key {key_id[:_SHOWN]!r}: holds no public key; allowed: {ALGORITHM}:BASE64 of 32 bytes")
    if public_of(key).key_id != key_id:
        raise SigningError(f"key {key_id[:_SHOWN]!r}: is another key's id; allowed: {public_of(key).key_id}")
    return key


def _named(ids: Collection[str]) -> str:
    return ", ".join(sorted(ids)[:5]) or "none"
