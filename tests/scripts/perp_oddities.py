"""Look at each oddity of the perpetuals' captures with nothing but JSON, decimals and zlib."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Protocol
from zlib import crc32

Sides = tuple[dict[Decimal, str], dict[Decimal, str]]


class Line(Protocol):
    """One line of a capture, as test_make_fixtures reads it."""

    at_ns: int
    conn: str
    text: str
    fields: dict[str, Any]
    frame: Any


Check = Callable[[list[Any], int], bool]


def said(line: Line) -> dict[str, Any]:
    """The event inside the combined stream's wrapping."""
    event: dict[str, Any] = line.fields.get("data", line.fields)
    return event if isinstance(event, dict) else {}


def last_depth(lines: list[Any], at: int) -> dict[str, Any]:
    """The depth update before a line."""
    return next(said(line) for line in reversed(lines[:at]) if said(line).get("e") == "depthUpdate")


def books_of(lines: list[Any]) -> Iterator[tuple[int, dict[str, Any], Sides]]:
    """Rebuild Bitget's book from totals; yields place, the message's row and the sides after it."""
    sides: Sides = ({}, {})
    for place, line in enumerate(lines):
        if line.fields.get("arg", {}).get("channel") != "books" or "data" not in line.fields:
            continue
        row = line.fields["data"][0]
        if line.fields["action"] == "snapshot":
            sides = ({}, {})
        for side, name in zip(sides, ("bids", "asks"), strict=True):
            for price, size in row[name]:
                side[Decimal(price)] = f"{price}:{size}"
                if not Decimal(size):
                    del side[Decimal(price)]
        yield place, row, sides


def checksum(sides: Sides) -> int:
    """The venue's checksum: 25 levels a side in turn, original spelling, signed CRC-32."""
    bids = [sides[0][price] for price in sorted(sides[0], reverse=True)[:25]]
    asks = [sides[1][price] for price in sorted(sides[1])[:25]]
    text = ":".join(part for pair in zip(bids, asks, strict=True) for part in pair)
    return int.from_bytes(crc32(text.encode()).to_bytes(4, "big"), "big", signed=True)


def differs(lines: list[Any], at: int) -> bool:
    """True when the checksum differs at this line, and did not at the message before it."""
    proofs = [(place, row["checksum"] == checksum(sides)) for place, row, sides in books_of(lines[: at + 1])]
    return proofs[-1] == (at, False) and proofs[-2][1]


def joins(lines: list[Any], at: int) -> bool:
    """True when the image is the answer to a request and older than the newest change before it."""
    known = lines[at].fields["lastUpdateId"]
    return lines[at].conn == "depth:BTCUSDT" and known < last_depth(lines, at)["u"]


def silence_ms(lines: list[Any], at: int) -> int:
    """How long no book follows a line."""
    after = next(line for line in lines[at + 1 :] if line.fields.get("arg", {}).get("channel") == "books")
    return int(after.at_ns - lines[at].at_ns) // 1_000_000


PERP_CHECKS: dict[str, Check] = {
    "binance.snapshot": joins,
    "binance.sequence_gap": lambda rows, at: said(rows[at])["pu"] > last_depth(rows, at)["u"],
    "binance.duplicate": lambda rows, at: rows[at].text == rows[at - 1].text,
    "binance.nan": lambda rows, at: said(rows[at])["b"] == "NaN",
    "binance.off_grid": lambda rows, at: said(rows[at])["p"] == "98000.001",
    "binance.unknown_type": lambda rows, at: said(rows[at])["e"] == "moonPhase",
    "binance.torn": lambda rows, at: rows[at].frame is None,
    "bitget.subscribed": lambda rows, at: rows[at].fields["event"] == "subscribe",
    "bitget.snapshot": lambda rows, at: rows[at].fields["action"] == "snapshot",
    "bitget.checksum_mismatch": differs,
    "bitget.stale_spell": lambda rows, at: silence_ms(rows, at) >= 8_000,
    "bitget.negative": lambda rows, at: rows[at].fields["data"][0]["size"] == "-1",
    "bitget.unknown_type": lambda rows, at: rows[at].fields["arg"]["channel"] == "astrology",
    "bitget.not_json": lambda rows, at: rows[at].frame is None,
}
