"""Hold the key of a perpetuals exchange inside ccxt, and sign requests that another ccxt has built without one.

The submitter's exchange has no key: its method `sign` is replaced by a question to the signer, which answers address,
headers and body. ccxt's own broker tag is taken out of the headers, and an order without a client id of ours is not
signed, since ccxt would give it one that carries its tag: this flow is nobody else's.

Source: ccxt 4.5.90, `sign` of bitget and binance; demo trading stands for every mode that is not live.
"""

import threading
from hashlib import sha256
from typing import Protocol

import msgspec

from connectors.secret_refs import Secret
from connectors.signer_paths import CCXT, may, may_part
from connectors.signer_wire import Answer, SignCcxt, SignerRefused

CLASSES = {"bitget": "bitget", "binance": "binanceusdm"}
BROKER_HEADERS = ("X-CHANNEL-API-CODE",)
# Requests that make an order, and where each says our id.
PLACING = {"v2/mix/order/place-order": "clientOid", "order": "newClientOrderId"}
_SKEW = "timeDifference"


class _Exchange(Protocol):
    options: dict[str, object]

    def sign(self, path: str, api: list[str], method: str, params: dict[str, object]) -> dict[str, object]: ...

    def enable_demo_trading(self, enable: bool) -> None: ...


class CcxtKey(Secret):
    """Signs requests of perpetuals on one exchange."""

    __slots__ = ("_exchange", "_id", "_name", "_turn")

    def __init__(self, name: str, api_key: str, secret: str, password: str, *, live: bool) -> None:
        """Take bitget or binance, and the key; without `live` every request is one of demo trading. Takes a second."""
        import ccxt  # a second and 80 MB, only where such a key is held

        made = {"apiKey": api_key, "secret": secret, "options": {"defaultType": "swap"}}
        exchange: _Exchange = getattr(ccxt, CLASSES[name])(made | ({"password": password} if password else {}))
        exchange.options["broker"] = {}
        if not live:
            exchange.enable_demo_trading(True)
        self._exchange, self._name, self._turn = exchange, name, threading.Lock()
        self._id = sha256(api_key.encode()).hexdigest()

    def facts(self) -> dict[str, str]:
        """Return what is public."""
        return {"fingerprint": self._id}

    def sign(self, asked: SignCcxt) -> Answer:
        """Return address, method, headers and body; raises SignerRefused for a request that is not signed."""
        part = asked.api
        if not may_part(self._name, part) or not may(CCXT[self._name], asked.method, asked.path):
            what = f"{'.'.join(part)[:40]} {asked.method[:8]} {asked.path[:80]}"
            raise SignerRefused(f"{self._name}: {what} is not signed; allowed: orders, positions, and what is read")
        params = msgspec.json.decode(asked.params, type=dict[str, object])
        own = PLACING.get(asked.path, "") if asked.method == "POST" else ""
        if own and not params.get(own):
            raise SignerRefused(f"{self._name}: an order without {own}; allowed: orders under our own id")
        with self._turn:
            self._exchange.options[_SKEW] = asked.skew_ms
            signed = self._exchange.sign(asked.path, list(part), asked.method, params)
        found, body = signed.get("headers"), signed.get("body")
        headers = {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
        for name in BROKER_HEADERS:
            headers.pop(name, None)
        text = body if isinstance(body, str) else None
        return Answer(headers=headers, url=str(signed["url"]), method=str(signed["method"]), body=text)
