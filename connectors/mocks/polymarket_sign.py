"""Verify what Polymarket verifies: EIP-712 orders of all four signature types, the L1 login, the L2 HMAC.

Written from the documents alone; nothing here can sign. The order's digest is its id.
"""

import base64
import hashlib
import hmac
from typing import NamedTuple

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.crypto import keccak

from connectors.mocks.core import Denied
from connectors.mocks.wire import Body

CHAIN_ID = 137
STANDARD = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK = "0xe2222d279d744050d28e00520010520000310F59"
EOA, PROXY, SAFE, DEPOSIT = 0, 1, 2, 3
ZERO_32 = "0x" + 64 * "0"
LOGIN = "This message attests that I control the given wallet"
V1_ONLY = {"nonce", "feeRateBps", "taker"}

_DOMAIN = [("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address")]
_ORDER = [
    ("salt", "uint256"),
    ("maker", "address"),
    ("signer", "address"),
    ("tokenId", "uint256"),
    ("makerAmount", "uint256"),
    ("takerAmount", "uint256"),
    ("side", "uint8"),
    ("signatureType", "uint8"),
    ("timestamp", "uint256"),
    ("metadata", "bytes32"),
    ("builder", "bytes32"),
]
_WALLET = [
    ("contents", "Order"),
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
]
_CLOB_AUTH = [("address", "address"), ("timestamp", "string"), ("nonce", "uint256"), ("message", "string")]
ORDER_TYPE = "Order(" + ",".join(f"{kind} {name}" for name, kind in _ORDER) + ")"
TEXTS = {"tokenId", "makerAmount", "takerAmount", "timestamp", "expiration"}
NUMBERS = {"salt", "signatureType"}


class Signed(NamedTuple):
    """An order whose signature was looked at: its digest, who signed (None: nobody we can name)."""

    digest: str
    signer: str | None


def order_values(order: Body) -> Body:
    """Read the signed fields of a wire order. Raises Denied 400 where one is missing or of the wrong kind."""
    if V1_ONLY & order.keys():
        raise Denied(400, "order_version_mismatch")
    values: Body = {}
    for name, kind in _ORDER:
        value = order.get(name)
        if name == "side":
            if value not in ("BUY", "SELL"):
                raise Denied(400, "payload", "Invalid order payload: side")
            values[name] = 0 if value == "BUY" else 1
        elif name in NUMBERS:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
                raise Denied(400, "payload", f"Invalid order payload: {name}")
            values[name] = value
        elif not isinstance(value, str) or (name in TEXTS and not value.isdecimal()):
            raise Denied(400, "payload", f"Invalid order payload: {name}")
        elif kind == "bytes32":
            values[name] = _hex(value, 32, name)
        else:
            values[name] = int(value) if kind == "uint256" else value
    return values


def order_signer(values: Body, signature: object, *, neg_risk: bool) -> Signed:
    """Return the digest of an order, and the address that signed it."""
    contract = NEG_RISK if neg_risk else STANDARD
    domain = {"name": "Polymarket CTF Exchange", "version": "2", "chainId": CHAIN_ID, "verifyingContract": contract}
    types = {"EIP712Domain": _fields(_DOMAIN), "Order": _fields(_ORDER)}
    plain = encode_typed_data(
        full_message={"types": types, "primaryType": "Order", "domain": domain, "message": values}
    )
    digest = "0x" + _digest(plain).hex()
    if values["signatureType"] != DEPOSIT:
        return Signed(digest, _recovered(plain, _bytes(signature)))
    wallet = {"contents": values, "name": "DepositWallet", "version": "1", "chainId": CHAIN_ID,
              "verifyingContract": values["maker"], "salt": bytes(32)}  # fmt: skip
    types["TypedDataSign"] = _fields(_WALLET)
    wrapped = encode_typed_data(
        full_message={"types": types, "primaryType": "TypedDataSign", "domain": domain, "message": wallet}
    )
    raw = _bytes(signature)
    tail = plain.header + plain.body + ORDER_TYPE.encode() + len(ORDER_TYPE).to_bytes(2, "big")
    if raw[65:] != tail:
        return Signed(digest, None)
    return Signed(digest, _recovered(wrapped, raw[:65]))


def login_signer(address: str, timestamp: str, nonce: int, signature: object) -> str | None:
    """Return who signed an L1 login."""
    domain = {"name": "ClobAuthDomain", "version": "1", "chainId": CHAIN_ID}
    types = {"EIP712Domain": _fields(_DOMAIN[:3]), "ClobAuth": _fields(_CLOB_AUTH)}
    message = {"address": address, "timestamp": timestamp, "nonce": nonce, "message": LOGIN}
    full = {"types": types, "primaryType": "ClobAuth", "domain": domain, "message": message}
    return _recovered(encode_typed_data(full_message=full), _bytes(signature))


def l2_signature(secret: str, timestamp: str, method: str, path: str, body: bytes) -> str:
    """Return what POLY_SIGNATURE must be: path without query, body as sent."""
    key = base64.urlsafe_b64decode(secret)
    text = f"{timestamp}{method}{path}".encode() + body
    return base64.urlsafe_b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def _fields(rows: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in rows]


def _digest(message: SignableMessage) -> bytes:
    return keccak(b"\x19" + message.version + message.header + message.body)


def _recovered(message: SignableMessage, signature: bytes) -> str | None:
    """Return the address, or None for a signature that is none."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    try:
        return str(Account.recover_message(message, signature=signature))
    except ValueError:
        return None
    except Exception as err:  # the curve's own library has errors of its own
        if type(err).__name__ in ("BadSignature", "ValidationError"):
            return None
        raise


def _hex(value: str, size: int, name: str) -> bytes:
    try:
        raw = bytes.fromhex(value.removeprefix("0x"))
    except ValueError as err:
        raise Denied(400, "payload", f"Invalid order payload: {name}") from err
    if len(raw) != size:
        raise Denied(400, "payload", f"Invalid order payload: {name}")
    return raw


def _bytes(value: object) -> bytes:
    try:
        return bytes.fromhex(str(value).removeprefix("0x"))
    except ValueError:
        return b""
