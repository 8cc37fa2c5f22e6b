"""Stand in for the reader of a store: stores that are lists of envelopes, and envelopes with every key."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from tests.cli.summaries import MARKET

AT = 1_767_268_800_000_000_000  # 2026-01-01T12:00:00Z


def envelope(number: int = 1, **changes: object) -> dict[str, object]:
    """Return an envelope with every key of the command line: a maker's wish, caused by line `number`."""
    return {
        "envelope_id": f"lab/0:{number}.0+0/50.0",
        "kind": "OrderIntent",
        "desk_id": "lab",
        "bot_id": "strat.maker_tight",
        "bot_version": "v1",
        "config_version": "c1",
        "market_id": MARKET,
        "cause_id": f"0:{number}.0+0",
        "correlation_id": f"i{number}",
        "at_ns": AT + number,
        "offset": number,
        "rank": 50,
        "index": 0,
        "reasons": ["STRAT_MT_QUOTE"],
        "severity": "INFO",
        "block": 0,
        "payload": {"side": 1, "price_ticks": 44},
        **changes,
    }


def decision(number: int = 1) -> dict[str, object]:
    """Return a refusal with the votes behind it."""
    votes = [
        {"gate": "risk.kill_switch", "verdict": "APPROVE", "reason": "RISK_KILL_CLEAR", "seen": 0, "limit": 0},
        {"gate": "risk.stale_book", "verdict": "REJECT", "reason": "RISK_STALE_BOOK", "seen": 812, "limit": 500},
    ]
    payload = {"verdict": "REJECT", "votes": votes, "not_run": ["risk.exposure"]}
    return envelope(number, kind="RiskDecision", bot_id="operators.gate", reasons=["RISK_STALE_BOOK"], payload=payload)


class StoreReader:
    """A reader whose stores are lists of envelopes; it notes what it was asked, and that it was closed."""

    stores: ClassVar[dict[str, list[dict[str, object]]]] = {}
    asked: ClassVar[list[tuple[object, ...]]] = []
    open: ClassVar[int] = 0

    def __init__(self, folder: Path) -> None:
        self.kept = self.stores[folder.name]
        StoreReader.open += 1

    def __enter__(self) -> "StoreReader":
        return self

    def __exit__(self, *_: object) -> None:
        StoreReader.open -= 1

    def envelopes(self, *filters: object) -> Iterator[dict[str, object]]:
        self.asked.append(filters)
        yield from self.kept

    def summary(self) -> dict[str, object]:
        return {}

    def book_at(self, market: str, frame: int, source: str | None) -> dict[str, object]:
        self.asked.append((market, frame, source))
        bids, asks = [["0.44", "10"], ["0.43", "7.5"]], [["0.46", "3"]]
        known = {"market": market, "venue": "kalshi", "frame": frame}
        return {**known, "bids": bids, "asks": asks, "quality": "OK", "reasons": ["INTEL_BOOK_OK"]}

    def why(self, market: str, at: int | None) -> dict[str, object]:
        self.asked.append((market, at))
        brief = {**decision(), **decision()["payload"]}  # type: ignore[dict-item]
        brief.pop("payload")
        silent = {"bot_id": "strat.maker_tight", "reasons": ["STRAT_MT_NO_EDGE"], "at_ns": AT, "seen": 3, "limit": 4}
        trust = {"state": "RESYNC", "cause": "GHOST", "reasons": ["INTEL_BOOK_GHOST"], "at_ns": AT}
        return {"market_id": market, "at_ns": AT, "decisions": [brief], "silent": [silent], "book": trust}

    def explain(self, what: str) -> dict[str, object]:
        parts = ("facts", "signals", "votes", "plans", "orders", "updates", "fills", "positions")
        rest: dict[str, object] = {part: [] for part in parts}
        return {
            "id": what,
            "subject": [envelope()],
            "intent_ids": ["i1"],
            **rest,
            "intents": [envelope()],
            "decisions": [decision()],
        }
