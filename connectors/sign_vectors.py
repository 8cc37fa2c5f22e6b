"""Check a file of signing vectors against what the signer's own functions make of its inputs, case by case.

Two shapes are known: Polymarket's (orders, deposit-wallet orders, login, call headers, amounts, book hashes) and
Kalshi's (requests). A deterministic case is `equal` when every stated value is made again, bit for bit; a random
signature is `verified` with the file's public key over the message that we would sign. Anything else `differs`.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from hashlib import sha1
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from eth_account import Account
from eth_account.signers.local import LocalAccount
from msgspec import Struct, field

from connectors.feeds.kalshi_key import SALT, message_of
from connectors.polymarket_signing import (
    ClobOrder,
    Where,
    hashed,
    prehash,
    sign_call,
    sign_login,
    sign_order,
    where_of,
)
from contracts.base import Refused
from contracts.payloads import limit_amounts, spend_amounts
from contracts.polymarket import BUY, SELL

EQUAL, VERIFIED, DIFFERS = "equal", "verified", "differs"
MILLION = 1_000_000
_SHOWN = 80


class Verdict(NamedTuple):
    """What came of a case; `detail` names the first value that differs."""

    name: str
    result: str
    detail: str = ""


class _Order(Struct):
    """Inputs of an order: Polymarket states price and size, or, for a deposit wallet, the amounts."""

    side: str
    maker: str
    signer: str
    token_id: str
    salt: int
    timestamp_ms: str
    signature_type: int
    metadata: str
    builder: str
    neg_risk: bool
    chain_id: int
    kind: str = "limit"
    order_type: str = "GTC"
    post_only: bool = False
    tick_size: str = ""
    price: str = ""
    size_shares: str = ""
    amount_usd: str = ""
    expiration: str = "0"
    maker_amount: str = ""
    taker_amount: str = ""
    verifying_contract: str = ""


class _OrderCase(Struct):
    id: str
    input: _Order
    expected: dict[str, object]
    wire_body: dict[str, object] = {}


class _Login(Struct):
    address: str
    timestamp: str
    nonce: int
    chain_id: int


class _LoginCase(Struct):
    id: str
    input: _Login
    expected: dict[str, str]


class _Call(Struct):
    secret: str
    timestamp: str
    method: str
    request_path: str
    body: str | None


class _CallCase(Struct):
    id: str
    input: _Call
    expected: dict[str, str]


class _Amounts(Struct):
    kind: str
    side: str
    tick_size: str
    price: str
    quantity: str
    maker_amount: str
    taker_amount: str


class _Book(Struct):
    payload: dict[str, object]
    sha1_hex: str


class _Request(Struct):
    timestamp_ms: str
    method: str
    url: str


class _RequestCase(Struct):
    id: str
    input: _Request
    expected: dict[str, str]
    example_signature_base64: str


class _Wallets(Struct):
    vectors: list[_OrderCase] = []


class _Calls(Struct):
    vectors: list[_CallCase] = []


class _Roundings(Struct):
    cases: list[_Amounts] = []


class _Books(Struct):
    cases: list[_Book] = []


class _Key(Struct):
    private_key: str = ""


class _Meta(Struct):
    key: _Key = field(default_factory=_Key)
    public_key_pem: str = ""


class _File(Struct):
    meta: _Meta
    orders: list[_OrderCase] = []
    poly_1271_orders: _Wallets = field(default_factory=_Wallets)
    l1_auth: list[_LoginCase] = []
    l2_hmac: _Calls = field(default_factory=_Calls)
    amount_rounding_cases: _Roundings = field(default_factory=_Roundings)
    book_hash_cases: _Books = field(default_factory=_Books)
    cases: list[_RequestCase] = []


def check(path: Path) -> list[Verdict]:
    """Return the verdict on every case of a file; raises Refused for a file that is none, or that names no case."""
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as err:
        raise Refused(f"--vectors {path}: {err.strerror or err}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Refused(f"--vectors {path}: {err}; allowed: a file of signing vectors") from None
    try:
        key: LocalAccount | None = Account.from_key(file.meta.key.private_key) if file.meta.key.private_key else None
    except Exception:  # the library's words may repeat the key
        raise Refused(f"--vectors {path}: meta.key.private_key is no key") from None
    public = _public_key(path, file.meta.public_key_pem)
    found = list(_verdicts(path, file, key, public))
    if not found:
        raise Refused(f"--vectors {path}: names no case; allowed: a file of signing vectors")
    return found


def _verdicts(path: Path, file: _File, key: LocalAccount | None, public: RSAPublicKey | None) -> Iterator[Verdict]:
    orders = [*file.orders, *file.poly_1271_orders.vectors]
    if key is None and (orders or file.l1_auth):
        raise Refused(f"--vectors {path}: meta.key.private_key is missing; orders are signed with it")
    if public is None and file.cases:
        raise Refused(f"--vectors {path}: meta.public_key_pem is missing; requests are verified with it")
    if key is not None:
        for order in orders:
            yield _equal(order.id, order.expected, partial(_order, order, key), _wire(order))
        for login in file.l1_auth:
            yield _equal(login.id, login.expected, partial(_login, login, key))
    for call in file.l2_hmac.vectors:
        yield _equal(call.id, call.expected, partial(_call, call))
    for number, amounts in enumerate(file.amount_rounding_cases.cases, 1):
        stated = {"maker_amount": amounts.maker_amount, "taker_amount": amounts.taker_amount}
        yield _equal(f"amount-{number:02d}", stated, partial(_rounded, amounts))
    for number, book in enumerate(file.book_hash_cases.cases, 1):
        yield _equal(f"book-{number:02d}", {"sha1": book.sha1_hex}, partial(_book, book))
    if public is not None:
        for request in file.cases:
            yield _verified(request, public)


def _equal(
    name: str,
    stated: Mapping[str, object],
    make: Callable[[], Mapping[str, object]],
    wire: Callable[[Mapping[str, object]], str] | None = None,
) -> Verdict:
    """Compare every stated value with the one made; a case that cannot be made differs."""
    try:
        made = make()
    except (ValueError, ArithmeticError, Refused, NotBase64) as err:
        return Verdict(name, DIFFERS, f"cannot be made ({type(err).__name__})")
    for field_name, value in stated.items():
        if field_name not in made:
            return Verdict(name, DIFFERS, f"{field_name[:_SHOWN]}: is not made here")
        if made[field_name] != value:
            return Verdict(
                name, DIFFERS, f"{field_name}: {str(value)[:_SHOWN]} stated, {str(made[field_name])[:_SHOWN]}"
            )
    wrong = wire(made) if wire is not None else ""
    return Verdict(name, DIFFERS, wrong) if wrong else Verdict(name, EQUAL)


def _order(case: _OrderCase, key: LocalAccount) -> dict[str, object]:
    """Make an order's amounts, hashes and signature from its inputs."""
    told = case.input
    side = {"BUY": BUY, "SELL": SELL}[told.side] if told.side in ("BUY", "SELL") else -1
    if told.maker_amount:
        maker, taker = int(told.maker_amount), int(told.taker_amount)
    else:
        quantity = told.amount_usd or told.size_shares
        maker, taker = _amounts(told.kind, told.side, told.tick_size, told.price, quantity)
    where = Where(told.chain_id, told.verifying_contract or where_of(told.neg_risk).contract)
    order = ClobOrder(
        told.salt,
        told.maker,
        told.signer,
        int(told.token_id),
        maker,
        taker,
        side,
        told.signature_type,
        int(told.timestamp_ms),
        told.metadata,
        told.builder,
    )
    hashes, signature = hashed(order, where), sign_order(order, where, key)
    return {
        "maker_amount": str(maker),
        "taker_amount": str(taker),
        "verifying_contract": where.contract,
        "domain_separator": "0x" + hashes.domain.hex(),
        "struct_hash": "0x" + hashes.order.hex(),
        "digest": "0x" + hashes.digest.hex(),
        "signature": signature,
        "signature_bytes": len(signature) // 2 - 1,
    }


def _wire(case: _OrderCase) -> Callable[[Mapping[str, object]], str] | None:
    """Return what compares the body of POST /order, where the case states one; its owner belongs to the account."""
    if not case.wire_body:
        return None
    told = case.input

    def wrong(made: Mapping[str, object]) -> str:
        order = {
            "salt": told.salt,
            "maker": told.maker,
            "signer": told.signer,
            "tokenId": told.token_id,
            "makerAmount": made["maker_amount"],
            "takerAmount": made["taker_amount"],
            "side": told.side,
            "expiration": told.expiration,
            "signatureType": told.signature_type,
            "timestamp": told.timestamp_ms,
            "metadata": told.metadata,
            "builder": told.builder,
            "signature": made["signature"],
        }
        flags = {"orderType": told.order_type, "deferExec": False, "postOnly": told.post_only}
        body = {"order": order, "owner": case.wire_body.get("owner")} | flags
        same = msgspec.json.encode(body) == msgspec.json.encode(case.wire_body)
        return "" if same else "wire_body: differs"

    return wrong


def _amounts(kind: str, side: str, tick: str, price: str, quantity: str) -> tuple[int, int]:
    """Return (maker, taker) of a limit order, or of one that takes at once: its buyer states dollars."""
    if kind == "market" and side == "BUY":
        return spend_amounts(_micros(price), _micros(quantity), _micros(tick))
    return limit_amounts(side == "BUY", _micros(price), _micros(quantity))


def _rounded(case: _Amounts) -> dict[str, object]:
    maker, taker = _amounts(case.kind, case.side, case.tick_size, case.price, case.quantity)
    return {"maker_amount": str(maker), "taker_amount": str(taker)}


def _book(case: _Book) -> dict[str, object]:
    """Hash a book as the venue's client does: SHA-1 of compact JSON with an empty hash."""
    return {"sha1": sha1(msgspec.json.encode(case.payload | {"hash": ""})).hexdigest()}  # noqa: S324


def _micros(text: str) -> int:
    return int(Decimal(text) * MILLION)


def _login(case: _LoginCase, key: LocalAccount) -> dict[str, object]:
    told = case.input
    return {"signature": sign_login(told.address, int(told.timestamp), told.nonce, told.chain_id, key)}


def _call(case: _CallCase) -> dict[str, object]:
    told = case.input
    message = prehash(int(told.timestamp), told.method, told.request_path, told.body or "")
    return {"prehash": message, "poly_signature": sign_call(told.secret, message)}


def _verified(case: _RequestCase, key: RSAPublicKey) -> Verdict:
    told = case.input
    if not told.timestamp_ms.isdecimal():
        return Verdict(case.id, DIFFERS, "timestamp_ms: is no number")
    message = message_of(int(told.timestamp_ms), told.method, told.url)
    made = {"signed_path": urlsplit(told.url).path, "message": message}
    compared = _equal(case.id, case.expected, lambda: made)
    if compared.result == DIFFERS:
        return compared
    try:
        signature = b64decode(case.example_signature_base64, validate=True)
        key.verify(signature, message.encode(), PSS(MGF1(SHA256()), SALT), SHA256())
    except (InvalidSignature, ValueError, NotBase64):
        return Verdict(case.id, DIFFERS, "example_signature_base64: does not verify")
    return Verdict(case.id, VERIFIED)


def _public_key(path: Path, pem: str) -> RSAPublicKey | None:
    if not pem:
        return None
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        key = None
    if not isinstance(key, RSAPublicKey):
        raise Refused(f"--vectors {path}: meta.public_key_pem: holds no RSA public key")
    return key
