"""Describe the Kalshi markets of the pack: what a metadata request would have told, in our own shape."""

import json

from scripts.fixtures_pack.cast import KALSHI, Part
from scripts.fixtures_pack.ladder import Step, tapered, tenth_cent

TICK_MICROS, LOT_MICROS = 1_000, 10_000
BANDS: dict[Step, list[tuple[int, int, int]]] = {
    tapered: [(1, 100, 1), (100, 900, 10), (900, 999, 1)],
    tenth_cent: [(1, 999, 1)],
}
WHOLE_CENTS = [(10, 990, 10)]
FEE = {
    "formula": "binary_quadratic",
    "taker_rate_micros": 70_000,
    "maker_rate_micros": 0,
    "round_up_micros": 100,
    "balance_micros": 10_000,
}


def record(part: Part) -> dict[str, object]:
    """Return one market; everything but the parts of a fact that only arrival gives."""
    bands = BANDS.get(part.step, WHOLE_CENTS)
    return {
        "market_id": part.name, "venue_id": "kalshi", "instrument_kind": 0, "outcome": "YES",
        "tick_micros": TICK_MICROS, "lot_micros": LOT_MICROS, "min_size_lots": 100,
        "price_bands": [{"start_ticks": start, "end_ticks": end, "step_ticks": step} for start, end, step in bands],
        "fee": FEE, "event_id": part.event, "series_id": part.series, "complement_id": "", "neg_risk": False,
        "expiry_ns": part.expiry_ns, "title": part.title, "rules_text": part.rules, "status": 0,
    }  # fmt: skip


def text() -> str:
    """Return the file of instruments, one JSON line a market."""
    return "".join(json.dumps(record(part), separators=(",", ":"), ensure_ascii=False) + "\n" for part in KALSHI)
