"""A provider of a chain on loopback, over one ledger that several share; it lags, forks, fails and lies on command.

Selectors and packing are written out here from the standards' own texts, and share nothing with the connector.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BALANCE_OF, ALLOWANCE = "70a08231", "dd62ed3e"
BALANCE_OF_BATCH, IS_APPROVED_FOR_ALL = "4e1273f4", "e985e9c5"
UINT_MAX = (1 << 256) - 1


def word(value: int) -> str:
    """Return 32 bytes as hexadecimal digits."""
    return f"{value:064x}"


@dataclass
class Ledger:
    """What is on the chain, whoever is asked."""

    wallet: str
    collateral: str
    outcomes: str
    chain_id: int = 137
    head: int = 1_000
    cash: int = 0
    tokens: dict[int, int] = field(default_factory=dict)
    allowances: dict[str, int] = field(default_factory=dict)
    operators: set[str] = field(default_factory=set)
    base_fee: int = 30_000_000_001
    gas_price: int = 55_000_000_000

    def call(self, to: str, data: str) -> str:
        """Answer a contract call; nothing where there is no such contract or function."""
        selector, rest = data[2:10], data[10:]
        words = [rest[place : place + 64] for place in range(0, len(rest), 64)]
        owner = int(words[0], 16) == int(self.wallet, 16)
        if to == self.collateral and selector == BALANCE_OF:
            return "0x" + word(self.cash if owner else 0)
        if to == self.collateral and selector == ALLOWANCE:
            return "0x" + word(self.allowances.get("0x" + words[1][24:], 0) if owner else 0)
        if to == self.outcomes and selector == IS_APPROVED_FOR_ALL:
            return "0x" + word(int(owner and "0x" + words[1][24:] in self.operators))
        if to == self.outcomes and selector == BALANCE_OF_BATCH:
            count = int(words[2], 16)
            ids = [int(each, 16) for each in words[4 + count : 4 + 2 * count]]
            assert all(int(each, 16) == int(self.wallet, 16) for each in words[3 : 3 + count])
            return "0x" + word(32) + word(count) + "".join(word(self.tokens.get(each, 0)) for each in ids)
        return "0x"


@dataclass
class Faults:
    """How one provider misbehaves; the defaults are none.

    lag        blocks behind the head;  fork: another hash for every block
    delay_s    before each answer;  status  another HTTP status;  body  sent instead of an answer
    errors     methods that answer with an error;  replaced  methods that answer with something else
    reverse    the parts of a batch in another order;  drop  one of them is left out
    """

    lag: int = 0
    fork: bool = False
    delay_s: float = 0.0
    status: int = 200
    body: str = ""
    errors: set[str] = field(default_factory=set)
    replaced: dict[str, Any] = field(default_factory=dict)
    reverse: bool = False
    drop: bool = False


class ChainServer:
    """One provider."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.faults, self.asked = ledger, Faults(), list[tuple[str, Any]]()
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/key-of-this-customer"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one part of a batch."""
        method, params = request["method"], request["params"]
        self.asked.append((method, params))
        head = {"jsonrpc": "2.0", "id": request["id"]}
        if method in self.faults.errors:
            return {**head, "error": {"code": -32_000, "message": f"no {method} here"}}
        if method in self.faults.replaced:
            return {**head, "result": self.faults.replaced[method]}
        return {**head, "result": self._result(method, params)}

    def _result(self, method: str, params: list[Any]) -> Any:
        ledger, newest = self.ledger, self.ledger.head - self.faults.lag
        if method == "eth_blockNumber":
            return hex(newest)
        if method == "eth_chainId":
            return hex(ledger.chain_id)
        if method == "eth_gasPrice":
            return hex(ledger.gas_price)
        if method == "eth_getBlockByNumber":
            height = int(params[0], 16)
            digest = "0x" + word(height * 7 + (1 << 200 if self.faults.fork else 0))
            known = {"number": hex(height), "hash": digest, "baseFeePerGas": hex(ledger.base_fee)}
            return known if height <= newest else None
        if method == "eth_call" and int(params[1], 16) <= newest:
            return ledger.call(params[0]["to"], params[0]["data"])
        return None


class _Handler(BaseHTTPRequestHandler):
    provider: ChainServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a batch."""
        faults = self.provider.faults
        batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if faults.delay_s:
            time.sleep(faults.delay_s)
        parts = [self.provider.answer(request) for request in batch]
        parts = parts[::-1] if faults.reverse else parts
        body = (faults.body or json.dumps(parts[1:] if faults.drop else parts)).encode()
        try:
            self.send_response(faults.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # who asked has gone

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def providers(ledger: Ledger, count: int) -> Iterator[list[ChainServer]]:
    """Run so many providers of one ledger."""
    servers = [ChainServer(ledger) for _ in range(count)]
    try:
        yield servers
    finally:
        for server in servers:
            server.close()
