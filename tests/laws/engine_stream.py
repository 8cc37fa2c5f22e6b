"""Make a small market in wire bytes and drive a lane and a desk over it, without a dataflow around them."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from contracts.envelope import Block
from flows import stream
from flows.assemble import Assembly, assembled
from flows.desks import load_desk
from operators.freshness import Budgets, Freshness
from operators.generate import Compiled, compile_functions
from operators.journal import Addresser, Scope
from operators.normalise import Frame, Normaliser, read_instruments
from operators.order_book import OrderBooks
from operators.plan import Plan
from operators.sequencer import merge

CONFIG = Path(__file__).resolve().parent.parent.parent / "config"
START_NS = 1_760_000_000_000_000_000
VENUE_MS = re.compile(rb'"timestamp":"\d+"')
RULES = (
    "Resolves Yes if the synthetic index published by the authority is above 100 at the deadline of 2026-01-01 00:00 "
    "UTC, measured over the last 60 seconds; if it is not published the market is cancelled."
)


def instruments(assets: int) -> bytes:
    """Definitions of stand-alone binaries, as a file of instruments says them."""
    rows = [
        {
            "market_id": stream.token_id(asset),
            "venue_id": "polymarket",
            "outcome": "SOLE",
            "tick_micros": 10_000,
            "lot_micros": 1,
            "min_size_lots": 1_000_000,
            "fee": {"formula": "none"},
            "event_id": f"law-{asset}",
            "title": f"Synthetic index {asset} above 100?",
            "rules_text": RULES,
            "expiry_ns": 1_767_225_600_000_000_000,
        }
        for asset in range(assets)
    ]
    return json.dumps(rows).encode()


def frames(count: int, assets: int, seed: int, drop_every: int = 0, trade_every: int = 0) -> list[Frame]:
    """Books, changes and trades; dropped changes make the venue's claims disagree with the book."""
    raw = [*stream.opening(count, assets, seed, 20), *stream.frames(count, assets, seed, 20)]
    made = []
    for number, data in enumerate(raw, start=1):
        if drop_every and number > assets and number % drop_every == 0:
            continue
        at_ns = START_NS + number * 40_000_000
        # The stream's own clock goes 1 ms a change: left as it is, messages would come later and later.
        data = VENUE_MS.sub(b'"timestamp":"%d"' % (at_ns // 1_000_000 - 20), data)
        made.append(Frame(0, number, at_ns, "clob_v2", data))
        if trade_every and number > assets and number % trade_every == 0:
            change = json.loads(data)
            made.append(Frame(0, len(raw) + number, at_ns, "clob_v2", _trade(change, number)))
    return made


def _trade(change: dict[str, object], number: int) -> bytes:
    level = change["price_changes"][0]  # type: ignore[index]
    buys = number % 2 == 0
    said = {
        "event_type": "last_trade_price",
        "market": change["market"],
        "asset_id": level["asset_id"],
        "price": level["best_ask"] if buys else level["best_bid"],
        "size": "40",
        "side": "BUY" if buys else "SELL",
        "fee_rate_bps": "0",
        "timestamp": change["timestamp"],
    }
    return json.dumps(said).encode()


def desk(functions: Callable[[Plan], Compiled] = compile_functions, sets: Sequence[str] = (), **modes: str) -> Assembly:
    """The lab desk, with bots in other modes: `desk(**{"risk.drawdown": "shadow"})` also lifts it from the list."""
    file = load_desk("lab", CONFIG, list(sets))
    if modes:
        gates = tuple(gate for gate in file.required_gates if modes.get(gate, "enforced") in ("enforced", "quarantine"))
        file = replace(file, bot_modes={**file.bot_modes, **modes}, required_gates=gates)
    return assembled(file, functions=functions)


class Drive:
    """The steps of an embedded run, called one after the other."""

    def __init__(self, assembly: Assembly, assets: int) -> None:
        """Take a desk."""
        self.assembly = assembly
        self.normaliser = Normaliser()
        self.normaliser.declare(read_instruments(instruments(assets)))
        self.books, self.freshness = OrderBooks(), Freshness(Budgets())
        self.address = Addresser([Scope(assembly.configured.desk_id)])
        self.blocks: list[Block] = []

    def feed(self, blocks: Iterable[Sequence[Frame]]) -> None:
        """Feed blocks of frames."""
        for block in blocks:
            facts = self.normaliser.step(block).facts
            said = self.assembly.lane.step(self.freshness.step(self.books.step(facts)))
            for _, heard in self.address.step(said):
                self.blocks += self.assembly.desk.step(heard)

    def close(self) -> list[Block]:
        """End the run; return every block."""
        self.blocks += self.assembly.desk.close()
        return self.blocks


def heads(blocks: Sequence[Block]) -> dict[str, str]:
    """The last head of each chain: equal heads mean equal bytes."""
    return {block.chain: block.head.hex() for block in blocks}


def run(
    given: Sequence[Frame], assets: int, batch: int = 256, assembly: Assembly | None = None
) -> tuple[list[Block], Assembly]:
    """Run frames through a desk; return its blocks and the desk."""
    assembly = assembly or desk()
    drive = Drive(assembly, assets)
    drive.feed(merge([given], batch))
    return drive.close(), assembly
