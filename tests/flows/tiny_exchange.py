"""A tiny venue on loopback: real HTTP, many accounts, orders in a table, and an answer that may never come."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class TinyExchange:
    """What the venue holds. `silent` names accounts whose next order is taken and never answered."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.orders: dict[str, dict[str, dict]] = {}
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.fills: dict[str, list[dict]] = {}
        self.silent: Counter[str] = Counter()
        self.base = ""

    def answer(self, what: str, about: dict[str, str]) -> dict:
        """Return what the venue answers; raises KeyError for an order that it does not have."""
        account = about["account"]
        with self.lock:
            orders = self.orders.setdefault(account, {})
            if what == "place":
                return {"order": self._place(account, orders, about)}
            if what == "find":
                mine = (each for each in orders.values() if each["client_order_id"] == about["client_order_id"])
                return {"order": next(mine, None)}
            if what == "cancel":
                found = orders.get(about["venue_order_id"])
                if found is not None and found["state"] == "RESTING":
                    found["state"] = "CANCELLED"
                return {"order": found}
            if what == "fills":
                return {"fills": [each for each in self.fills.get(account, ()) if each["at_ns"] >= int(about["since"])]}
            return {"orders": [each for each in orders.values() if each["state"] == "RESTING"], "count": 0}

    def _place(self, account: str, orders: dict[str, dict], about: dict[str, str]) -> dict:
        for each in orders.values():
            if each["client_order_id"] == about["client_order_id"]:
                return each
        self.accepted[account, about["client_order_id"]] += 1
        made = {
            "client_order_id": about["client_order_id"], "venue_order_id": f"{account}-{len(orders)}",
            "market_id": about["market_id"], "state": "RESTING", "side": int(about["side"]),
            "price_ticks": int(about["price_ticks"]), "size_lots": int(about["size_lots"]), "filled_lots": 0,
        }  # fmt: skip
        orders[made["venue_order_id"]] = made
        return made

    def fill(self, account: str, venue_order_id: str) -> None:
        """Let somebody take all of an order."""
        with self.lock:
            order = self.orders[account][venue_order_id]
            order.update(state="FILLED", filled_lots=order["size_lots"])
            self.fills.setdefault(account, []).append(
                {
                    "trade_id": f"T{len(self.fills.get(account, ()))}", "venue_order_id": venue_order_id,
                    "client_order_id": order["client_order_id"], "market_id": order["market_id"],
                    "side": order["side"], "price_ticks": order["price_ticks"], "size_lots": order["size_lots"],
                    "fee_micros": 0, "liquidity": "maker", "at_ns": time.time_ns(),
                }
            )  # fmt: skip


@contextmanager
def tiny_exchange() -> Iterator[TinyExchange]:
    """Serve one on a free port of loopback."""
    venue = TinyExchange()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            about = dict(parse_qsl(parts.query))
            what = parts.path.strip("/")
            data = json.dumps(venue.answer(what, about)).encode()
            if what == "place" and venue.silent[about["account"]]:
                venue.silent[about["account"]] -= 1
                time.sleep(3.0)  # taken, and nobody hears of it
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256  # a connection that must wait a second looks like a lost answer

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    venue.base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield venue
    finally:
        server.shutdown()
        server.server_close()
