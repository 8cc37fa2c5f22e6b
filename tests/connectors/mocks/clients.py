"""Speak to mock venues as their documents say, request by request: nothing of the connectors is used here."""

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.venues import VenueControl

KALSHI = "/trade-api/v2"
KALSHI_ORDERS = f"{KALSHI}/portfolio/events/orders"
TICKER = "KXHIGHNY-26NOV20-T45"
TOKEN = "67248733773426515003995316186829125729512840798697771987895352658851592189403"
ZERO_32 = "0x" + "0" * 64
ORDER_TYPES = [
    {"name": name, "type": kind}
    for name, kind in (
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
    )
]


@dataclass(frozen=True)
class Said:
    """An answer: status, JSON (or text), headers in lower case."""

    status: int
    body: Any
    headers: dict[str, str]


def send(method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float = 5.0) -> Said:
    """Send a request; an HTTP error is an answer like any other."""
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            status, raw, head = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as err:
        status, raw, head = err.code, err.read(), err.headers
    try:
        value = json.loads(raw)
    except ValueError:
        value = raw.decode()
    return Said(status, value, {name.lower(): text for name, text in head.items()})


class KalshiClient:
    """A Kalshi account."""

    def __init__(self, venue: VenueControl, account: str = "main") -> None:
        """Take the account's key."""
        self.base, self.keys = venue.base_url, venue.credentials(account)
        loaded = serialization.load_pem_private_key(self.keys["private_key_pem"].encode(), None)
        assert isinstance(loaded, RSAPrivateKey)
        self._key = loaded

    def headers(self, method: str, path: str, at_ms: int | None = None) -> dict[str, str]:
        """Sign timestamp, method and path without query."""
        stamp = str(time.time_ns() // 1_000_000 if at_ms is None else at_ms)
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        signed = self._key.sign(f"{stamp}{method}{path.partition('?')[0]}".encode(), pss, hashes.SHA256())
        return {
            "KALSHI-ACCESS-KEY": self.keys["key_id"],
            "KALSHI-ACCESS-TIMESTAMP": stamp,
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signed).decode(),
        }

    def call(self, method: str, path: str, body: object = None, timeout: float = 5.0) -> Said:
        """Send a signed request; `path` is below the interface's root, unless it has it."""
        whole = path if path.startswith(KALSHI) else KALSHI + path
        raw = None if body is None else json.dumps(body).encode()
        return send(method, self.base + whole, raw, self.headers(method, whole), timeout)

    def order(self, client_id: str, timeout: float = 5.0, **more: Any) -> Said:
        """Place an order: buy 10 YES at 0.40, unless said otherwise."""
        wish = {
            "ticker": TICKER,
            "client_order_id": client_id,
            "side": "bid",
            "count": "10.00",
            "price": "0.4000",
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
            **more,
        }
        return self.call("POST", KALSHI_ORDERS, {name: v for name, v in wish.items() if v is not None}, timeout)


class PolymarketClient:
    """A Polymarket account: its wallet key signs orders, its API key signs requests."""

    def __init__(self, venue: VenueControl, account: str = "main") -> None:
        """Take the account's keys."""
        self.base, self.keys = venue.base_url, venue.credentials(account)

    def headers(self, method: str, path: str, body: str) -> dict[str, str]:
        """Sign timestamp, method, path without query, and body."""
        stamp = str(int(time.time()))
        key = base64.urlsafe_b64decode(self.keys["secret"])
        text = f"{stamp}{method}{path.partition('?')[0]}{body}".encode()
        return {
            "POLY_ADDRESS": self.keys["address"],
            "POLY_API_KEY": self.keys["api_key"],
            "POLY_PASSPHRASE": self.keys["passphrase"],
            "POLY_TIMESTAMP": stamp,
            "POLY_SIGNATURE": base64.urlsafe_b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode(),
        }

    def call(self, method: str, path: str, body: object = None, timeout: float = 5.0) -> Said:
        """Send a signed request."""
        text = "" if body is None else json.dumps(body, separators=(",", ":"))
        raw = None if body is None else text.encode()
        return send(method, self.base + path, raw, self.headers(method, path, text), timeout)

    def signed(
        self, side: str, price: str, size: str, kind: str = "GTC", token: str = TOKEN, **more: Any
    ) -> dict[str, Any]:
        """Return the body of POST /order, signed for the standard exchange unless `contract` names another."""
        money, shares = int(Decimal(price) * Decimal(size) * 10**6), int(Decimal(size) * 10**6)
        builder = more.pop("builder", ZERO_32)
        order: dict[str, Any] = {
            "salt": more.pop("salt", secrets.randbits(53)),
            "maker": self.keys["address"],
            "signer": self.keys["address"],
            "tokenId": token,
            "makerAmount": str(money if side == "BUY" else shares),
            "takerAmount": str(shares if side == "BUY" else money),
            "side": side,
            "signatureType": 0,
            "timestamp": str(time.time_ns() // 1_000_000),
            "metadata": ZERO_32,
            "builder": builder,
        }
        contract = more.pop("contract", "0xE111180000d2663C0091e4f400237545B87B996B")
        domain = {"name": "Polymarket CTF Exchange", "version": more.pop("version", "2"), "chainId": 137,
                  "verifyingContract": contract}  # fmt: skip
        numbers = ("tokenId", "makerAmount", "takerAmount", "timestamp")
        message = {
            **order,
            **{name: int(order[name]) for name in numbers},
            "side": 0 if side == "BUY" else 1,
            "metadata": bytes(32),
            "builder": bytes.fromhex(builder[2:]),
        }
        digest = encode_typed_data(domain, {"Order": ORDER_TYPES}, message)
        key = more.pop("private_key", self.keys["private_key"])
        order["signature"] = "0x" + Account.sign_message(digest, key).signature.hex()
        order["expiration"] = more.pop("expiration", "0")
        return {"order": order, "owner": self.keys["api_key"], "orderType": kind, "deferExec": False, **more}

    def order(self, side: str, price: str, size: str, kind: str = "GTC", timeout: float = 5.0, **more: Any) -> Said:
        """Place an order."""
        return self.call("POST", "/order", self.signed(side, price, size, kind, **more), timeout)


class BinanceClient:
    """A Binance futures account."""

    def __init__(self, venue: VenueControl, account: str = "main") -> None:
        """Take the account's keys."""
        self.base, self.keys = venue.base_url, venue.credentials(account)

    def call(self, method: str, path: str, timeout: float = 5.0, **fields: Any) -> Said:
        """Send a signed request: in the query, or in the body of a POST."""
        text = urlencode({"timestamp": time.time_ns() // 1_000_000, "recvWindow": 5000, **fields})
        signature = hmac.new(self.keys["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
        whole, headers = f"{text}&signature={signature}", {"X-MBX-APIKEY": self.keys["api_key"]}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return send(method, self.base + path, whole.encode(), headers, timeout)
        return send(method, f"{self.base}{path}?{whole}", None, headers, timeout)

    def order(self, client_id: str, timeout: float = 5.0, **more: Any) -> Said:
        """Place an order: buy 0.002 BTC at 64000, unless said otherwise."""
        wish = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.002",
                "price": "64000", "newClientOrderId": client_id, "newOrderRespType": "RESULT", **more}  # fmt: skip
        kept = {name: value for name, value in wish.items() if value is not None}
        return self.call("POST", "/fapi/v1/order", timeout, **kept)


class BitgetClient:
    """A Bitget account."""

    def __init__(self, venue: VenueControl, account: str = "main") -> None:
        """Take the account's keys."""
        self.base, self.keys = venue.base_url, venue.credentials(account)

    def call(self, method: str, path: str, body: object = None, timeout: float = 5.0) -> Said:
        """Send a signed request."""
        stamp, text = str(time.time_ns() // 1_000_000), "" if body is None else json.dumps(body)
        digest = hmac.new(self.keys["secret"].encode(), f"{stamp}{method}{path}{text}".encode(), hashlib.sha256)
        headers = {
            "ACCESS-KEY": self.keys["api_key"],
            "ACCESS-SIGN": base64.b64encode(digest.digest()).decode(),
            "ACCESS-TIMESTAMP": stamp,
            "ACCESS-PASSPHRASE": self.keys["passphrase"],
            "PAPTRADING": "1",
            "Content-Type": "application/json",
        }
        return send(method, self.base + path, text.encode() if text else None, headers, timeout)

    def order(self, client_id: str, timeout: float = 5.0, **more: Any) -> Said:
        """Place an order: buy 0.002 BTC at 64000, unless said otherwise."""
        wish = {"symbol": "BTCUSDT", "productType": "USDT-FUTURES", "marginCoin": "USDT", "marginMode": "crossed",
                "orderType": "limit", "side": "buy", "price": "64000", "size": "0.002", "force": "GTC",
                "clientOid": client_id, **more}  # fmt: skip
        return self.call("POST", "/api/v2/mix/order/place-order", wish, timeout)

    def find(self, client_id: str) -> Said:
        """Look an order up by the client's id."""
        query = f"symbol=BTCUSDT&productType=USDT-FUTURES&clientOid={client_id}"
        return self.call("GET", f"/api/v2/mix/order/detail?{query}")
