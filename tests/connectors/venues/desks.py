"""Make orders, markets and answers for tests of venues: answers are the literal bytes of the fact sheets."""

from collections.abc import Callable

import httpx

from connectors.signer_client import Answer, SignerRefused, SignerUnavailable
from connectors.venue import Terms
from contracts.order import PLACE, PlannedOrder

TICKER = "KXHIGHNY-26NOV20-T45"
NOW_NS = 1_777_400_137_000_000_000
KALSHI_TERMS = Terms(TICKER, TICKER, 10_000, 10_000, 100)
YES = "67248733773426515003995316186829125729512840798697771987895352658851592189403"
NO = "93334311276603483167423256155128092477724766863698787296001840800537010056599"
TOKEN_TERMS = Terms(YES, YES, 10_000, 10_000, 100, False, NO)
OUR_ID = "8c35ecb3328f4f528c7c0f4b98"
BUILDER = "0x" + "ab" * 32


def planned(
    venue_id: str = "kalshi",
    market_id: str = TICKER,
    *,
    side: int = 1,
    price: int = 56,
    lots: int = 1_000,
    force: str = "GTC",
    post_only: bool = False,
    reduce_only: bool = False,
    expires_ns: int = 0,
    client_order_id: str = OUR_ID,
    builder: str = BUILDER,
    salt: int = 7_130_021_185_401_123,
) -> PlannedOrder:
    """Return an order to place; ten contracts at 0.56 unless said otherwise."""
    return PlannedOrder(
        PLACE, venue_id, market_id, side, "LIMIT", price, lots, force, post_only, reduce_only, 0, 0, client_order_id,
        salt, 1_777_400_137_100, 0, expires_ns, builder,
    )  # fmt: skip


class Asked:
    """A venue that answers from a script, and keeps what it was asked. An exception in the script is raised."""

    def __init__(self, *script: tuple[int, str] | Exception | Callable[[httpx.Request], tuple[int, str]]) -> None:
        self.script, self.requests = list(script), list[httpx.Request]()
        self.headers: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer(request) if callable(answer) else answer
        return httpx.Response(status, content=body.encode(), headers=self.headers)

    @property
    def said(self) -> list[str]:
        """Return method and path with query of every request."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]


class OwnSigner:
    """A signer without a socket; `away` and `refuses` make it one that is away, or says no."""

    def __init__(self, facts: dict[str, dict[str, str]] | None = None) -> None:
        self.facts, self.away, self.refuses = facts or {}, False, False
        self.asked: list[tuple[object, ...]] = []
        self.digest = ""

    def _heard(self, *asked: object) -> None:
        self.asked.append(asked)
        if self.away:
            raise SignerUnavailable("signer: no answer in time")
        if self.refuses:
            raise SignerRefused("key: is not held here")

    def about(self, key_ref: str, mode: str) -> dict[str, str]:
        self._heard("about", key_ref, mode)
        return self.facts[key_ref]

    def kalshi(self, key_ref: str, mode: str, at_ms: int, method: str, url: str) -> dict[str, str]:
        self._heard(key_ref, mode, at_ms, method, url)
        return {"KALSHI-ACCESS-KEY": "id", "KALSHI-ACCESS-TIMESTAMP": str(at_ms), "KALSHI-ACCESS-SIGNATURE": "c2ln"}

    def clob(self, key_ref: str, mode: str, at_s: int, method: str, path: str, body: str) -> dict[str, str]:
        self._heard(key_ref, mode, at_s, method, path, body)
        return {"POLY_SIGNATURE": "sig", "POLY_TIMESTAMP": str(at_s)}

    def order(self, key_ref: str, mode: str, order: object, *, neg_risk: bool) -> Answer:
        self._heard(key_ref, mode, order, neg_risk)
        return Answer(digest=self.digest, signature="0xsigned")

    def channel(self, key_ref: str, mode: str, url: str, markets: tuple[str, ...] = ()) -> None:
        raise SignerUnavailable("signer: no answer in time")
