"""Measure the governed path beside its yardsticks, in one run: ratios, never a time that a noisy machine decides.

The stream is made to the byte by `stream.py`, preceded by a definition and a book per asset. The yardsticks read the
same bytes: a plain msgspec decode, and a bare Bytewax flow with the same source and a null sink. A figure counts only
when the maker really works: at least 40 intents per 1,000 frames, at least 95 % of them approved.
"""

import gc
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import bytewax.operators as op
import msgspec
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main
from msgspec import Struct

from bots.registry import library
from connectors.clickhouse import EnvelopeTable
from contracts.base import Refused
from flows import stream
from flows.assemble import Assembly, assembled
from flows.bench_bots import SMALLEST, quiet_choices
from flows.desks import load_desk
from flows.embedded import EPOCH, LANE, Recorder, build
from flows.ends import BlockSource, CallSink
from flows.lane_steps import LaneSteps
from flows.replay import replay
from operators.envelope import Ledger
from operators.freshness import Freshness
from operators.gate import pass_withdrawal
from operators.journal import Addresser, Scope
from operators.normalise import Frame, Normaliser, read_instruments
from operators.order_book import OrderBooks
from operators.plan import Choice
from operators.sequencer import merge

KINDS = ("maker", "guarded", "replay", "bots", "markets")
CONFIG = Path(__file__).resolve().parent.parent / "config"
ROUNDS = 3
BEGUN_NS, SECOND_NS = 1_760_000_000_000_000_000, 1_000_000_000
GATES = frozenset(library().intent_gates) | {"gov.api_degradation_monitor"}
WIDE = (
    "risk.exposure.cap_instrument_usd=1000000000",
    "risk.exposure.cap_cluster_usd=1000000000",
    "risk.exposure.cap_venue_usd=1000000000",
    "risk.exposure.cap_window_usd=1000000000",
    "risk.exposure.cap_total_usd=1000000000",
)


class _Change(Struct, gc=False):
    asset_id: str
    price: str
    size: str
    side: str
    hash: str
    best_bid: str
    best_ask: str


class _Message(Struct, gc=False):
    market: str
    price_changes: list[_Change]
    timestamp: str
    event_type: str


def bench(kind: str, events: int, assets: int, store: str = "none") -> dict[str, object]:
    """Run a benchmark; returns the keys of `pt bench`. Raises Refused for an unknown kind or store."""
    if kind not in KINDS:
        raise Refused(f"bench {kind!r}: unknown; allowed: {', '.join(KINDS)}")
    if store not in ("none", "chdb"):
        raise Refused(f"--store {store!r}: allowed: none, chdb")
    measure: dict[str, Callable[[int, int, str], dict[str, object]]] = {
        "maker": bench_maker,
        "guarded": partial(bench_maker, desk="guarded"),
        "replay": bench_replay,
        "bots": bench_bots,
        "markets": bench_markets,
    }
    return {"bench": kind, **measure[kind](events, assets, store)}


def bench_maker(events: int, assets: int, store: str, desk: str = "lab") -> dict[str, object]:
    """P1, P2 and, with a store, P3: the maker's whole path against decoding the same bytes.

    The desk `guarded` has all eighteen guards on intents; those on plans are off: no chain stands behind a stream.
    """
    raw, before = stream.frames(events, assets), stream.opening(events, assets)
    rounds = [_round(raw, before, assets, store, desk) for _ in range(ROUNDS)]
    seconds = statistics.median(took for took, *_ in rounds)
    _, recorder, assembly = rounds[-1]
    counts = recorder.tally.counts
    decode, bare = _decode_per_s(raw), _bare_flow_per_s(raw)
    per_1000 = {f"{name}_per_1000": round(1000 * counts[name] / events, 1) for name in COUNTED}
    approved = counts["approved"] + counts["reshaped"]
    return {
        "events": events,
        "assets": assets,
        "store": store,
        "seconds": round(seconds, 3),
        "events_per_s": round(events / seconds),
        "decode_per_s": decode,
        "bare_flow_per_s": bare,
        "ratio_to_decode": round(events / seconds / decode, 4),
        "governance_share": round(1 - _ungoverned(raw, before, assets, desk) / seconds, 3) if store == "none" else None,
        "stream_sha256": sha256(b"\n".join(raw) + b"\n").hexdigest(),
        **per_1000,
        "counts": counts["intents"] * 1000 >= 40 * events and approved >= 0.95 * max(1, counts["intents"]),
        "envelopes": counts["envelopes"],
        "bots": len(assembly.applied),
        "decision_digest": recorder.tally.digest,
    }


COUNTED = ("intents", "approved", "orders", "cancels", "fills")


def bench_replay(events: int, assets: int, store: str) -> dict[str, object]:
    """P4: a stored run, derived again from its facts."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        raw, before = stream.frames(events, assets), stream.opening(events, assets)
        with EnvelopeTable.embedded(folder / "store", "paper") as table:
            _path(raw, before, assets, table)
        found = replay(folder / "store")
        return {"events": events, "assets": assets, "decode_per_s": _decode_per_s(raw), **found}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bench_markets(events: int, assets: int, store: str) -> dict[str, object]:
    """P10: cost per frame as the markets of one lane grow."""
    sizes = (assets, 500, 2_000)
    cost = {}
    for size in sizes:
        raw, before = stream.frames(events, size), stream.opening(events, size)
        cost[size] = statistics.median(_round(raw, before, size, "none")[0] for _ in range(ROUNDS)) / events
    base = cost[assets]
    return {
        "events": events,
        "ns_per_frame": {str(size): round(value * 1e9) for size, value in cost.items()},
        "ratio": {str(size): round(value / base, 3) for size, value in cost.items()},
    }


def bench_bots(events: int, assets: int, store: str) -> dict[str, object]:
    """P11: cost per frame as the bots of lane and desk grow to all rows; pending ones are played by quiet bots."""
    raw, before = stream.frames(events, assets), stream.opening(events, assets)
    built = [row.id for row in library().rows if library().has_module(row.id) and row.runs_in != "govern"]
    fleets: dict[int, tuple[Sequence[str], Sequence[Choice]]] = {
        len(SMALLEST): ([bot for bot in built if bot not in SMALLEST], ()),
        len(built): ((), ()),
        len(built) + len(quiet_choices()): ((), quiet_choices()),
    }
    cost = {}
    for size, (off, more) in fleets.items():
        took = [_path(raw, before, assets, None, off=off, more=more)[0] for _ in range(ROUNDS)]
        cost[size] = statistics.median(took) / events
    base = min(cost.values())
    return {
        "events": events,
        "assets": assets,
        "ns_per_frame": {str(size): round(value * 1e9) for size, value in cost.items()},
        "ratio": {str(size): round(value / base, 3) for size, value in cost.items()},
    }


def _round(
    raw: Sequence[bytes], before: Sequence[bytes], assets: int, store: str, desk: str = "lab"
) -> tuple[float, Recorder, Assembly]:
    if store == "none":
        return _path(raw, before, assets, None, name=desk)
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        with EnvelopeTable.embedded(folder / "store", "paper") as table:
            return _path(raw, before, assets, table, name=desk)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _path(
    raw: Sequence[bytes],
    before: Sequence[bytes],
    assets: int,
    table: EnvelopeTable | None,
    change: Callable[[Assembly], None] = lambda assembly: None,
    off: Sequence[str] = (),
    more: Sequence[Choice] = (),
    name: str = "lab",
) -> tuple[float, Recorder, Assembly]:
    """Run the whole path once; returns seconds for the stream alone, definitions and books before it not counted."""
    desk = load_desk(name, CONFIG, [wide for wide in WIDE if not wide.startswith(tuple(off))])
    if name != "lab":
        off = [bot for bot, mode in load_desk("lab", CONFIG).bot_modes.items() if mode == "off" and bot not in GATES]
        desk = replace(desk, presign_gates=())
    if off:
        modes = {bot: "off" if bot in off else mode for bot, mode in desk.bot_modes.items()}
        gates = tuple(gate for gate in desk.required_gates if gate not in off)
        desk = replace(desk, bot_modes=modes, required_gates=gates)
    assembly = assembled(desk, more=more, at_ns=BEGUN_NS - SECOND_NS)
    change(assembly)
    normaliser = Normaliser()
    normaliser.declare(read_instruments(instruments(assets)))
    scope = Scope(assembly.configured.desk_id)
    lane = LaneSteps(normaliser, OrderBooks(), Freshness(assembly.budgets), assembly.lane, Addresser([scope]))
    recorder = Recorder(table, check=False, captures=[])
    clock: dict[str, float] = {}

    def timed(blocks: Iterator[list[Frame]]) -> Iterator[list[Frame]]:
        for number, block in enumerate(blocks):
            if number == 0:
                clock["begun"] = time.perf_counter()
            yield block

    opening = merge([_frames(before, 0)], 256)
    frames = timed(merge([_frames(raw, len(before))], 256))
    with quiet_gc():
        run_main(build(_chained(opening, frames), lane, assembly, recorder), epoch_interval=EPOCH)
        if table is not None:
            recorder.finish()
    return time.perf_counter() - clock["begun"], recorder, assembly


def _chained(*parts: Iterator[list[Frame]]) -> Iterator[list[Frame]]:
    for part in parts:
        yield from part


def _frames(raw: Sequence[bytes], done: int) -> Iterator[Frame]:
    start = BEGUN_NS - SECOND_NS * (done == 0)
    for number, data in enumerate(raw):
        yield Frame(0, done + number + 1, start + number * 1_000_000, "clob_v2", data)


def instruments(assets: int) -> bytes:
    """Return the instrument records of the stream's markets, as a file of them."""
    rules = (
        "Resolves Yes if the synthetic index published by the benchmark authority is above 100 at the deadline of "
        "2026-01-01 00:00 UTC, measured over the last 60 seconds; if it is not published the market is cancelled."
    )
    return json.dumps(
        [
            {
                "market_id": stream.token_id(asset),
                "venue_id": "polymarket",
                "outcome": "SOLE",
                "tick_micros": 10_000,
                "lot_micros": 1,
                "min_size_lots": 1_000_000,
                "fee": {"formula": "none"},
                "event_id": f"bench-{asset}",
                "title": f"Synthetic index {asset} above 100?",
                "rules_text": rules,
                "expiry_ns": 1_767_225_600_000_000_000,
            }
            for asset in range(assets)
        ]
    ).encode()


def _ungoverned(raw: Sequence[bytes], before: Sequence[bytes], assets: int, desk: str) -> float:
    """Seconds of the same path with votes, facts and envelopes left out: what governance is measured against."""
    return statistics.median(_path(raw, before, assets, None, ungovern, name=desk)[0] for _ in range(ROUNDS))


def ungovern(assembly: Assembly) -> None:
    """Approve without asking, and drop rows instead of sealing them."""
    desk = assembly.desk
    free = desk.plain[next(iter(desk.plain))].__globals__
    free["vote"] = lambda M, row, intent, *rest: pass_withdrawal(intent, "")
    desk.ledger.__class__ = _Unsealed


class _Unsealed(Ledger):
    """A ledger that forgets."""

    __slots__ = ()

    def cut_journal(self) -> None:
        """Forget the entries."""
        self.journal.clear()

    def cut_decisions(self) -> None:
        """Forget the rows."""
        self.rows.clear()
        self.offsets.clear()


def _decode_per_s(raw: Sequence[bytes]) -> int:
    decode = msgspec.json.Decoder(_Message).decode
    rates = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for data in raw:
            decode(data)
        rates.append(len(raw) / (time.perf_counter() - begun))
    return round(statistics.median(rates))


def _bare_flow_per_s(raw: Sequence[bytes]) -> int:
    rates = []
    for _ in range(ROUNDS):
        flow = Dataflow("bare")
        blocks = iter([list(raw[i : i + 256]) for i in range(0, len(raw), 256)])
        items = op.flat_map("frames", op.key_rm("raw", op.input("in", flow, BlockSource(LANE, blocks))), lambda b: b)
        op.output("out", items, CallSink(lambda batch: None))
        begun = time.perf_counter()
        run_main(flow, epoch_interval=EPOCH)
        rates.append(len(raw) / (time.perf_counter() - begun))
    return round(statistics.median(rates))


@contextmanager
def quiet_gc() -> Iterator[None]:
    """Freeze what lives already and collect rarely: values on the path are frozen trees without cycles."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
