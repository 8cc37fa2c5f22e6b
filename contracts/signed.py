"""Say what is signed: an entry for a desk's journal or an order, its purpose, and the one desk and mode that it is for.

Whoever may write to a topic is not yet allowed to say what stands in it: the broker knows programs, a signature knows
who decided. The bytes that are signed are spelled here, so that signer and reader cannot mean different ones; the
arithmetic of Ed25519 is the edge's (connectors/signing.py).

    message   MARK, then purpose, scope, key_id, sequence (decimal) and SHA-256(body), each behind its length
    length    of the part in bytes, 4 bytes, big-endian
    text      in UTF-8

No part can run into the next, and no signature made for another purpose, desk, mode or program means anything here.
"""

from hashlib import sha256

from contracts.base import Refused, Wire
from contracts.units import Count, Id, KeyId, LongText, Signature

MARK = b"polytraders/signed/1\n"
CONTROL, ORDER = "control", "order"
PURPOSES = (CONTROL, ORDER)


class Signed(Wire):
    """Something that takes effect only if the right key says it.

    key_id     first 16 hexadecimal digits of the SHA-256 of the public key
    purpose    control (an entry for a desk's journal) or order (an authorised order)
    scope      mode and desk that it is for, as in paper/lab
    sequence   grows with each entry of a key; 0 where the body itself says which one it is
    body       what is said, as canonical JSON
    signature  Ed25519 over all of the above, in hexadecimal: one signature has one spelling
    """

    key_id: KeyId
    purpose: Id
    scope: Id
    sequence: Count
    body: LongText
    signature: Signature


def scope_of(mode: str, desk_id: str) -> str:
    """Return whom an entry or an order is for, as in `paper/lab`; raises Refused for a part that would be read as two.

    A refeed has the scope of its mode: what was signed for a desk of paper is heard again by its replay in paper.
    """
    if not mode or not desk_id or "/" in mode + desk_id:
        raise Refused(f"scope: mode {mode!r}, desk {desk_id!r}; allowed: two names without a slash")
    return f"{mode}/{desk_id}"


def message_of(signed: Signed) -> bytes:
    """Return the bytes that are signed; the signature is not among them. About 2 µs."""
    parts = [text.encode() for text in (signed.purpose, signed.scope, signed.key_id, str(signed.sequence))]
    parts.append(sha256(signed.body.encode()).digest())
    return MARK + b"".join(len(part).to_bytes(4) + part for part in parts)


def key_place(key_id: str) -> int:
    """Return the first 12 bits of a key's id: they stand in the id of what it enters, so no two keys may share them."""
    return int(key_id[:3], 16)
