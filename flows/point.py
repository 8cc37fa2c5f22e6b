"""Run one point of a sweep: the whole embedded run without a store, and its equity over time beside the summary.

A point is the same run that `pt run --set` makes, step for step; it only listens to one thing more. Equity is what the
summary's profit and loss is made of, the sum of the last PositionState of each market, so the curve ends where the
summary does. It is kept at whole seconds, which is also how often the desk's clock ticks.
"""

from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec
from bytewax.testing import run_main
from msgspec import Struct

from connectors.environment import kill_switch_engaged
from connectors.whole import put_whole
from contracts.envelope import Block, Row
from contracts.order import PositionState
from flows import embedded

FORMAT = 1
SECOND_NS = 1_000_000_000
EDGE = (("operators", "normalise"), ("connectors", ""), ("flows", ""))

Equity = list[tuple[int, int, int]]


class Outcome(Struct, frozen=True, forbid_unknown_fields=True):
    """What one point came to, as it is kept.

    format      version of this file
    key         names everything that decides the result; also the file's name
    start_ns    first arrival
    end_ns      last journal time
    equity      (second, total, paid) where they changed: total is marked, paid is realised less fees plus funding;
                micros, as they stood at the end of that second (seconds since 1970)
    summary     the keys of `pt run`
    """

    format: int
    key: str
    start_ns: int
    end_ns: int
    equity: Equity
    summary: dict[str, object]


_READ = msgspec.json.Decoder(Outcome)


class Watched(embedded.Recorder):
    """A recorder that keeps nothing but counts, and follows equity."""

    def __init__(self) -> None:
        """Begin at zero."""
        super().__init__(None, False)
        self.equity: Equity = []
        self.end_ns = 0
        self._held: dict[str, PositionState] = {}
        self._total = self._paid = 0

    def take(self, batches: list[list[Block]]) -> None:
        """Take blocks of the desk."""
        super().take(batches)
        for blocks in batches:
            for block in blocks:
                if block.rows:
                    self.end_ns = max(self.end_ns, block.rows[-1].at_ns)
                if block.chain == "decisions":
                    for row in block.rows:
                        if type(row.payload) is PositionState:
                            self._move(row, row.payload)

    def _move(self, row: Row, new: PositionState) -> None:
        old = self._held.get(new.market_id)
        self._held[new.market_id] = new
        self._total += new.total_micros - (old.total_micros if old is not None else 0)
        self._paid += paid_micros(new) - (paid_micros(old) if old is not None else 0)
        second, equity = row.at_ns // SECOND_NS, self.equity
        said = (second, self._total, self._paid)
        if equity and equity[-1][0] == second:
            equity.pop()
        if (equity[-1][1:] if equity else (0, 0)) != said[1:]:
            equity.append(said)


def paid_micros(held: PositionState) -> int:
    """Return what a position has brought in for good: realised, less fees, plus funding."""
    return held.realised_micros - held.fees_micros + held.funding_micros


def run_point(settings: embedded.Settings) -> Outcome:
    """Run a point; raises as `embedded.run` does. What `settings` say of a store or of validation is not used."""
    job = embedded.prepared(settings)
    recorder = Watched()
    run_main(embedded.build(job.blocks, job.lane, job.assembly, recorder), epoch_interval=embedded.EPOCH)
    result = embedded.summarise(job.run_id, recorder.lap(), job.captures, job.lane, job.assembly, recorder)
    return Outcome(FORMAT, key_of(job), job.captures[0].first_ns, recorder.end_ns, recorder.equity, result.summary)


def key_of(job: embedded.Job) -> str:
    """Name a point by everything that decides its result.

    That is what the run's own record names (captures' content, instrument records, desk, plan, platform, every bot's
    code and configuration), the code at the edge, which no bot's version covers, and the environment's kill switch.
    """
    begun = embedded.begun_of(job)
    parts = (FORMAT, sorted(begun.parts.items()), edge_code().hex(), kill_switch_engaged())
    return sha256(msgspec.json.encode(parts)).hexdigest()[:32]


@cache
def edge_code() -> bytes:
    """Digest of the code that a run uses and no bot's version covers: dialects, connectors, flows."""
    digest = sha256()
    for package, folder in EDGE:
        place = files(package).joinpath(folder) if folder else files(package)
        for source in sorted(place.iterdir(), key=_name):
            if source.name.endswith(".py"):
                digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.digest()


def _name(source: Traversable) -> str:
    return source.name


def keep(folder: Path, outcome: Outcome) -> None:
    """Write a point's file, whole or not at all."""
    put_whole(place_of(folder, outcome.key), msgspec.json.encode(outcome))


def kept(folder: Path, key: str) -> Outcome | None:
    """Return what is kept under a key; None where nothing is, or what is there is not a whole file of ours."""
    try:
        found = _READ.decode(place_of(folder, key).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return found if (found.format, found.key) == (FORMAT, key) else None


def place_of(folder: Path, key: str) -> Path:
    """Return the file of a point."""
    return folder / f"{key}.json"
