"""Do to the messages of a venue what networks and recorders do: lose, repeat, swap, tear, invent, hold back, misdate.

All of it happens before a message has a place in the capture: what comes out is what was received, and no process
fault is among it. What was lost is told by the numbers that the venue gave, so that the referee can know without us.
"""

import json
from collections.abc import Sequence

from operators.normalise import CONNECTION, Frame
from scripts.fixtures_pack.chance import Chance
from scripts.fixtures_pack.recorder import START_MS
from tests.sim.venues import KALSHI, Heard

GARBAGE = (
    b"", b"null", b"service restarting", b"[]]", b"{\"type\":\"orderbook_teapot\"}", b"\xff\xfe\x00", b"[" * 400,
    b'{"event_type":"price_change","price_changes":[{"asset_id":7}]}', b'{"type":"orderbook_delta","sid":1,"seq":1}',
    b'{"type":"trade","sid":3,"seq":-1,"msg":{"market_ticker":"","yes_price_dollars":"NaN","count_fp":"1e9"}}',
)  # fmt: skip
JUMPS_MS = (1_500, 4_000, 15_000, 700_000, -2_500, -20_000)


def spoiled(heard: Sequence[Heard], draw: Chance) -> list[Heard]:
    """Return what arrives of a venue's messages. Rates are drawn once: most days are calm, some are not."""
    rates = {name: draw.pick((0, 0, 0, 1, 4, 12)) for name in ("lost", "twice", "swapped", "torn", "invented", "held")}
    out: list[Heard] = []
    until = 0
    for said in heard:
        if said.kind == "event":
            out.append(said)
            continue
        if draw.happens(rates["lost"]):
            continue
        if draw.happens(rates["held"]):
            until = said.at_ms + draw.between(100, 3_000)
        came = said._replace(at_ms=max(said.at_ms, until))
        if draw.happens(rates["torn"]):
            came = came._replace(data=torn(came.data, draw), kind="torn")
        out.append(came)
        if draw.happens(rates["twice"]):
            out.append(came)
        if draw.happens(rates["swapped"]) and len(out) > 1 and out[-2].kind != "event":
            out[-1], out[-2] = out[-2]._replace(at_ms=out[-1].at_ms), out[-1]
        if draw.happens(rates["invented"]):
            out.append(came._replace(kind="garbage", data=draw.pick(GARBAGE)))
    return out


def torn(data: bytes, draw: Chance) -> bytes:
    """Cut a message, or change one of its bytes."""
    at = draw.below(max(1, len(data)))
    if draw.below(2):
        return data[:at]
    return data[:at] + bytes([draw.below(256)]) + data[at + 1 :]


def captured(source: int, heard: Sequence[Heard], draw: Chance) -> list[Frame]:
    """Give every message its place in a source and its arrival; now and then the clock of the edge jumps."""
    jumps = sorted((draw.below(max(1, len(heard))), draw.pick(JUMPS_MS)) for _ in range(draw.pick((0, 0, 0, 1, 2))))
    frames, shift = [], 0
    for position, said in enumerate(heard, start=1):
        while jumps and jumps[0][0] < position:
            shift += jumps.pop(0)[1]
        at_ns = (START_MS + said.at_ms + shift) * 1_000_000
        dialect = CONNECTION if said.kind == "event" else said.dialect
        frames.append(Frame(source, position, at_ns, dialect, said.data, said.conn))
    return frames


def doubts(frames: Sequence[Frame]) -> dict[str, list[tuple[int, int]]]:
    """Return by Kalshi market the spans (first position, position of the image that ends it) where its book is wrong.

    Read from the bytes alone, without our decoders: a number of a book's subscription that is not the next one means
    that something is missing, for every market of it, until that market's own image. Repeats and late ones are none.
    """
    last: dict[tuple[str, int], int] = {}
    known: set[str] = set()
    since: dict[str, int] = {}
    spans: dict[str, list[tuple[int, int]]] = {}
    for frame in frames:
        if frame.dialect != KALSHI:
            continue
        said = _said(frame.data)
        seq, stream, market = said.get("seq"), (frame.conn, said.get("sid")), said.get("market", "")
        if not isinstance(seq, int) or said["type"] not in ("orderbook_delta", "orderbook_snapshot", "ok"):
            continue
        before = last.get(stream)
        if before is not None and seq <= before:
            continue
        if before is not None and seq > before + 1:
            for each in known:
                since.setdefault(each, frame.position)
        last[stream] = seq
        if said["type"] == "orderbook_snapshot":
            known.add(market)
            if market in since:
                spans.setdefault(market, []).append((since.pop(market), frame.position))
    for market, begun in since.items():
        spans.setdefault(market, []).append((begun, len(frames) + 1))
    return spans


def _said(data: bytes) -> dict[str, object]:
    """Return the few fields that numbering needs; nothing for what is no JSON object."""
    try:
        value = json.loads(data.decode("utf-8", "replace"), strict=False)
        msg = value.get("msg") or {}
        return {"type": value["type"], "seq": value.get("seq"), "sid": value.get("sid"),
                "market": msg.get("market_ticker", "") if isinstance(msg, dict) else ""}  # fmt: skip
    except (ValueError, KeyError, AttributeError, RecursionError, TypeError):
        return {"type": ""}
