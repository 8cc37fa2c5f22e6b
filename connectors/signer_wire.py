"""Spell what is asked of the signer and what it answers: a length of four bytes, then JSON, over a Unix socket.

Every request names a key by its reference and the mode it is for; no message holds a key. What a request may be is
closed: an unknown operation or field is refused before anything looks at it.
"""

import socket
from struct import Struct as Packed

import msgspec
from msgspec import Struct

from connectors.errors import EdgeError
from connectors.polymarket_signing import ClobOrder

FRAME_MAX = 1 << 20
_LENGTH = Packed(">I")


class SignerUnavailable(EdgeError):
    """The signer does not answer, or not in time; nothing was signed, and nothing was sent to a venue."""


class SignerRefused(EdgeError):
    """The signer answered that it will not; the message says why, and never holds a secret."""


class Asked(Struct, frozen=True, forbid_unknown_fields=True, tag_field="op"):
    """What every request says.

    key_ref  by what name the signer knows the key
    mode     the mode of the desk it is for: live or testnet_probe
    """

    key_ref: str
    mode: str


class About(Asked, frozen=True, tag="about"):
    """Ask for what is public about a key: kind, venue, account, address, id."""


class SignOrder(Asked, frozen=True, tag="order"):
    """Sign an order of Polymarket for the contract of its kind of market; `token_id` and amounts are decimal texts."""

    order: "WireOrder"
    neg_risk: bool


class WireOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """`ClobOrder` with its long numbers as texts: JSON readers cut integers of 256 bits."""

    salt: str
    maker: str
    signer: str
    token_id: str
    maker_amount: str
    taker_amount: str
    side: int
    signature_type: int
    timestamp_ms: str
    metadata: str
    builder: str


class SignLogin(Asked, frozen=True, tag="login"):
    """Sign the login of Polymarket that makes or finds an API key."""

    timestamp_s: int
    nonce: int = 0


class SignClob(Asked, frozen=True, tag="clob"):
    """Sign the headers of a call of Polymarket; `path` without host and query, `body` exactly as it is sent."""

    timestamp_s: int
    method: str
    path: str
    body: str = ""


class SignKalshi(Asked, frozen=True, tag="kalshi"):
    """Sign the headers of a call of Kalshi; the body is not signed there."""

    at_ms: int
    method: str
    url: str


class SignCcxt(Asked, frozen=True, tag="ccxt"):
    """Sign a request that ccxt has built: what its method `sign` takes.

    api      as ccxt names the part of the interface
    params   values as JSON
    skew_ms  our clock less the venue's
    """

    path: str
    api: list[str]
    method: str
    params: msgspec.Raw
    skew_ms: int = 0


class OpenChannel(Asked, frozen=True, tag="channel"):
    """Turn this connection into the user channel of Polymarket, whose first frame holds the secret.

    url      of the socket
    markets  condition ids; empty means all
    """

    url: str
    markets: tuple[str, ...] = ()


Request = About | SignOrder | SignLogin | SignClob | SignKalshi | SignCcxt | OpenChannel


class Answer(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the signer says; `error` is empty where it did what it was asked to.

    facts      what is public about the key
    headers    to be sent with the request
    digest, signature   of an order
    url, method, body   of a request of ccxt
    """

    error: str = ""
    facts: dict[str, str] = {}
    headers: dict[str, str] = {}
    digest: str = ""
    signature: str = ""
    url: str = ""
    method: str = ""
    body: str | None = None


encode = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(Request).decode
decode_answer = msgspec.json.Decoder(Answer).decode


def wired(order: ClobOrder) -> WireOrder:
    """Return an order as it travels to the signer."""
    return WireOrder(
        str(order.salt),
        order.maker,
        order.signer,
        str(order.token_id),
        str(order.maker_amount),
        str(order.taker_amount),
        order.side,
        order.signature_type,
        str(order.timestamp_ms),
        order.metadata,
        order.builder,
    )


def unwired(order: WireOrder) -> ClobOrder:
    """Return an order as it is hashed; raises ValueError for a text that is no plain number."""
    numbers = (order.salt, order.token_id, order.maker_amount, order.taker_amount, order.timestamp_ms)
    if not all(text.isascii() and text.isdigit() and len(text) <= 78 for text in numbers):
        raise ValueError("salt, token id, amounts, time; allowed: digits")
    salt, token, makes, takes, at_ms = map(int, numbers)
    return ClobOrder(
        salt,
        order.maker,
        order.signer,
        token,
        makes,
        takes,
        order.side,
        order.signature_type,
        at_ms,
        order.metadata,
        order.builder,
    )


def send(link: socket.socket, data: bytes) -> None:
    """Send one frame; raises OSError."""
    link.sendall(_LENGTH.pack(len(data)) + data)


def receive(link: socket.socket) -> bytes:
    """Return the next frame, empty at the end; raises OSError, and EOFError for a frame cut short or too long."""
    head = _exactly(link, _LENGTH.size, at_start=True)
    if not head:
        return b""
    size = _LENGTH.unpack(head)[0]
    if not 0 < size <= FRAME_MAX:
        raise EOFError(f"a frame of {size} bytes; allowed: 1 to {FRAME_MAX}")
    return _exactly(link, size)


def _exactly(link: socket.socket, size: int, *, at_start: bool = False) -> bytes:
    parts: list[bytes] = []
    missing = size
    while missing:
        part = link.recv(missing)
        if not part:
            if at_start and missing == size:
                return b""
            raise EOFError("the other side left inside a frame")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
