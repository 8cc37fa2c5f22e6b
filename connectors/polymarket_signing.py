"""Hash and sign what Polymarket accepts: orders of CLOB V2, the login, and the headers of every trading call.

    digest    = keccak256(0x1901 || domain separator || hash of the order's eleven fields); it names the order
    types 0-2 = r || s || v over the digest (65 bytes, deterministic)
    type 3    = r || s || v over TypedDataSign(order, wallet), then domain separator, order hash, type string, its
                length in two bytes (317 bytes); the key's owner signs for a deposit wallet (ERC-7739)
    headers   = URL-safe base64 of HMAC-SHA256(decoded secret, seconds + METHOD + path + body)

Source: the venue's "Migrating to CLOB V2", "Authentication" and "Deposit Wallets"; EIP-712; tests/vectors. Hashing and
packing are eth-account's. Everything here is a pure function; keys stay with `connectors/signer_keys.py`.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.address import is_address
from eth_utils.crypto import keccak
from msgspec import Struct

from contracts import polymarket as venue

UINT256 = 1 << 256
_BYTES32 = 66


class ClobOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """The eleven fields of an order that are signed; `expiration` travels beside them and is not.

    salt, token_id, maker_amount, taker_amount   integers; amounts in base units of six decimals
    maker, signer   addresses; one and the same for a deposit wallet
    side            0 buy, 1 sell
    signature_type  0 EOA, 1 proxy, 2 Safe, 3 deposit wallet
    timestamp_ms    creation time
    metadata, builder   32 bytes, as 0x and 64 digits
    """

    salt: int
    maker: str
    signer: str
    token_id: int
    maker_amount: int
    taker_amount: int
    side: int
    signature_type: int
    timestamp_ms: int
    metadata: str
    builder: str


class Hashed(NamedTuple):
    """The three hashes of an order; `digest` is what the libraries call the order hash, and names it."""

    domain: bytes
    order: bytes
    digest: bytes


class Where(NamedTuple):
    """Chain and contract that an order is signed for."""

    chain_id: int
    contract: str


def where_of(neg_risk: bool) -> Where:
    """Return chain and exchange contract of a market, from the committed table."""
    row = venue.order_signed_for(neg_risk)
    return Where(row.chain_id, row.address)


def flaw(order: ClobOrder) -> str:
    """Return what makes an order one that is never signed; empty for a good one."""
    numbers = (order.salt, order.token_id, order.maker_amount, order.taker_amount, order.timestamp_ms)
    if any(not 0 <= number < UINT256 for number in numbers):
        return "a number is out of bounds; allowed: 0 to 2^256 - 1"
    if order.side not in (venue.BUY, venue.SELL) or order.signature_type not in range(4):
        return "side or signature type; allowed: 0 and 1, 0 to 3"
    if not is_address(order.maker) or not is_address(order.signer):
        return "maker or signer is no address"
    if not _is_bytes32(order.metadata) or not _is_bytes32(order.builder):
        return "metadata or builder; allowed: 0x and 64 hexadecimal digits"
    return ""


def hashed(order: ClobOrder, where: Where) -> Hashed:
    """Return an order's hashes. About 0.1 ms; raises ValueError for what `flaw` names."""
    if wrong := flaw(order):
        raise ValueError(wrong)
    told = encode_typed_data(full_message=_typed("Order", {"Order": venue.ORDER_FIELDS}, where, _message(order)))
    return Hashed(told.header, told.body, _digest(told))


def sign_order(order: ClobOrder, where: Where, key: LocalAccount) -> str:
    """Return an order's signature in hexadecimal, by its signature type; raises ValueError for what `flaw` names."""
    plain = hashed(order, where)
    if order.signature_type != venue.POLY_1271:
        told = SignableMessage(b"\x01", plain.domain, plain.order)
        return _hex(key.sign_message(told).signature)
    wrapped = {
        "contents": _message(order),
        "name": venue.WALLET_DOMAIN_NAME,
        "version": venue.WALLET_DOMAIN_VERSION,
        "chainId": where.chain_id,
        "verifyingContract": order.signer,
        "salt": bytes(32),
    }
    types = {"Order": venue.ORDER_FIELDS, "TypedDataSign": _WRAPPED}
    told = encode_typed_data(full_message=_typed("TypedDataSign", types, where, wrapped))
    signature = bytes(key.sign_message(told).signature)
    return _hex(signature + plain.domain + plain.order + _TYPE + len(_TYPE).to_bytes(2))


def sign_login(address: str, timestamp_s: int, nonce: int, chain_id: int, key: LocalAccount) -> str:
    """Return the signature of the login that makes or finds an API key."""
    domain = {"name": venue.AUTH_DOMAIN_NAME, "version": venue.AUTH_DOMAIN_VERSION, "chainId": chain_id}
    message = {"address": address, "timestamp": str(timestamp_s), "nonce": nonce, "message": venue.AUTH_MESSAGE}
    types = {"EIP712Domain": _named(venue.AUTH_DOMAIN_FIELDS), "ClobAuth": _named(venue.AUTH_FIELDS)}
    whole = {"types": types, "primaryType": "ClobAuth", "domain": domain, "message": message}
    return _hex(key.sign_message(encode_typed_data(full_message=whole)).signature)


def prehash(timestamp_s: int, method: str, path: str, body: str) -> str:
    """Return what the headers of a call sign: no host, no query, and the body exactly as it is sent."""
    return f"{timestamp_s}{method}{path}{body}"


def sign_call(secret: str, message: str) -> str:
    """Return the HMAC of a prehash; the secret's alphabet is that of URLs. Raises ValueError for no such secret."""
    return urlsafe_b64encode(hmac.new(urlsafe_b64decode(secret), message.encode(), sha256).digest()).decode()


_TYPE = f"Order({','.join(f'{kind} {name}' for name, kind in venue.ORDER_FIELDS)})".encode()
_WRAPPED = (("contents", "Order"), ("name", "string"), *venue.DOMAIN_FIELDS[1:], ("salt", "bytes32"))


def _typed(
    primary: str, types: Mapping[str, Sequence[tuple[str, str]]], where: Where, message: Mapping[str, object]
) -> dict[str, object]:
    """Return EIP-712's full message under the exchange's domain."""
    domain = {
        "name": venue.ORDER_DOMAIN_NAME,
        "version": venue.ORDER_DOMAIN_VERSION,
        "chainId": where.chain_id,
        "verifyingContract": where.contract,
    }
    named = {name: _named(fields) for name, fields in (("EIP712Domain", venue.DOMAIN_FIELDS), *types.items())}
    return {"types": named, "primaryType": primary, "domain": domain, "message": message}


def _named(fields: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in fields]


def _message(order: ClobOrder) -> dict[str, object]:
    values = (
        order.salt,
        order.maker,
        order.signer,
        order.token_id,
        order.maker_amount,
        order.taker_amount,
        order.side,
        order.signature_type,
        order.timestamp_ms,
        bytes.fromhex(order.metadata[2:]),
        bytes.fromhex(order.builder[2:]),
    )
    return {name: value for (name, _), value in zip(venue.ORDER_FIELDS, values, strict=True)}


def _digest(told: SignableMessage) -> bytes:
    return bytes(keccak(b"\x19\x01" + told.header + told.body))


def _is_bytes32(text: str) -> bool:
    digits = text[2:].lower()
    return len(text) == _BYTES32 and text.startswith("0x") and not digits.strip("0123456789abcdef")


def _hex(data: bytes) -> str:
    return "0x" + bytes(data).hex()
