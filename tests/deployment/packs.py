"""Cut recordings out of the synthetic pack for whole deployments, and run them embedded, to compare with."""

import gzip
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import msgspec
from bytewax.testing import run_main

from contracts.envelope import JOURNAL, Block
from contracts.ids import fact_parts
from contracts.market import Fact
from flows import embedded
from flows.desks import load_desk
from flows.recorder import Recorder
from tests.deployment.reading import fact_digest
from tests.deployment.running import INSTRUMENTS, ROOT

VENUES = ("binance", "bitget", "kalshi", "polymarket")
_AT = re.compile(rb'\{"at_ns":(\d+)')


class Pack:
    """Recordings, one per venue, and what the embedded run makes of them."""

    def __init__(self, captures: Mapping[str, Path]) -> None:
        """Take the files; their order becomes that of their ranks."""
        by_path = {path: venue for venue, path in captures.items()}
        ranked = embedded.in_order([embedded.open_capture(path) for path in captures.values()])
        self.captures = {by_path[capture.path]: capture.path for capture in ranked}

    @property
    def venues(self) -> list[str]:
        """Its venues, by rank."""
        return list(self.captures)

    def only(self, *venues: str) -> "Pack":
        """Return a pack of some of its venues."""
        return Pack({venue: self.captures[venue] for venue in venues})

    @cached_property
    def ran(self) -> "Ran":
        """What the embedded run says: facts and summary."""
        return _ran(list(self.captures.values()))


class Ran:
    """An embedded run: its summary, and the digest of the facts in its journal."""

    def __init__(self, summary: dict, facts: str, lines: int) -> None:
        """Take them."""
        self.summary, self.facts, self.lines = summary, facts, lines
        self.digest: str = summary["decision_digest"]


class _Hearing(Recorder):
    """Note the facts of a journal that came from outside, as lines; what the paper venue derived is the desk's own."""

    def __init__(self) -> None:
        super().__init__(None, check=False)
        self.lines: list[bytes] = []

    def take(self, batches: list[list[Block]]) -> None:
        super().take(batches)
        for block in (block for blocks in batches for block in blocks if block.chain == JOURNAL):
            facts = [row for row in block.rows if isinstance(row, Fact) and not fact_parts(row.fact)[3]]
            self.lines += [msgspec.json.encode(fact) + b"\n" for fact in facts]


def _ran(captures: Sequence[Path]) -> Ran:
    settings = embedded.Settings(tuple(captures), load_desk("lab", ROOT / "config"), instruments=INSTRUMENTS)
    job, recorder = embedded.prepared(settings), _Hearing()
    run_main(embedded.build(job.blocks, job.lane, job.assembly, recorder), epoch_interval=embedded.EPOCH)
    result = embedded.summarise(job.run_id, recorder.lap(), job.captures, job.lane, job.assembly, recorder)
    return Ran(result.summary, fact_digest(recorder.lines), len(recorder.lines))


def whole() -> Pack:
    """Return the demonstration pack as it is."""
    return Pack({venue: ROOT / "fixtures" / f"demo_{venue}.jsonl.gz" for venue in VENUES})


def cut(folder: Path, seconds: int) -> Pack:
    """Return the first seconds of the demonstration pack, each venue a recording of its own."""
    captures = {}
    for venue in VENUES:
        captures[venue] = folder / f"{venue}.jsonl"
        with gzip.open(ROOT / "fixtures" / f"demo_{venue}.jsonl.gz") as packed, captures[venue].open("wb") as out:
            begun = 0
            for line in packed:
                at_ns = int(found[1]) if (found := _AT.match(line)) else begun
                begun = begun or at_ns
                if at_ns - begun < seconds * 1_000_000_000:
                    out.write(line)
    return Pack(captures)
