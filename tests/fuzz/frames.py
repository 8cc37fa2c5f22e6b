"""Hold a reader of frames to its promises, one hostile frame at a time.

Each frame meets the same small market, taken from a pickle, so that no frame can spoil the next one's trial.
"""

import pickle
from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec

from contracts.base import Wire, read, write
from contracts.envelope import DeadLetter
from contracts.market import Fact, VenueBookDelta, VenueBookImage, VenueConnection
from contracts.reasons import INTEL_FRAME_NOT_JSON, REGISTRY
from operators.normalise import Frame, Normaliser
from operators.order_book import OrderBooks
from tests.fuzz import seeds
from tests.fuzz.mutate import mutated
from tests.world import through

SOURCE = 1
RARELY = 64  # the dearer promises are looked at for one frame in so many
PROBES_MAX = 4


def trusted(value: Wire, thorough: bool) -> None:
    """Assert that a value passes its own contract, as msgspec reads it and, when thorough, as pydantic does."""
    assert value == read(type(value), write(value))
    if thorough:
        assert value == through(value)


class FrameDecoder:
    """The reader of one dialect."""

    most = 1 << 14

    def __init__(self, dialect: str) -> None:
        """Make the small market: every seed is read once, then its books again, since a seed may have lost them."""
        self.dialect, self.seeds = dialect, [*seeds.frames(dialect)]
        assert self.seeds, f"{dialect}: no seeds; allowed: messages in tests/fuzz/seeds.py, or a fixture"
        normaliser, books = Normaliser(), OrderBooks()
        facts = [(data, self._step(normaliser, books, number, data)) for number, data in enumerate(self.seeds, 1)]
        again = [data for data, made in facts if any(type(f) in (VenueBookImage, VenueBookDelta) for f in made)]
        for number, data in enumerate(again, len(self.seeds) + 1):
            self._step(normaliser, books, number, data)
        self.position = len(self.seeds) + len(again) + 1
        self.start, self.books = pickle.dumps(normaliser), pickle.dumps(books)
        self.before = state_of(normaliser)
        self.ids = len(normaliser.markets.ids)
        self.probes = list(self._probes())
        self.turn = 0

    def _step(self, normaliser: Normaliser, books: OrderBooks, position: int, data: bytes) -> list[Fact]:
        facts = normaliser.step([self._frame(position, data)]).facts
        books.step(facts)
        return facts

    def _frame(self, position: int, data: bytes) -> Frame:
        at_ns, conn = seeds.AT_NS + position * 1_000_000, seeds.conn_of(self.dialect, data)
        return Frame(SOURCE, position, at_ns, self.dialect, data, conn)

    def _probes(self) -> Iterable[tuple[bytes, list[Fact]]]:
        """Yield good frames that say something new in kind, and what they say."""
        known: set[tuple[type, ...]] = set()
        for data in self.seeds:
            normaliser = self._fresh()
            facts = _said(normaliser.step([self._frame(self.position + 1, data)]).facts)
            kinds = tuple(type(fact) for fact in facts)
            if kinds and kinds not in known and len(known) < PROBES_MAX:
                known.add(kinds)
                yield data, facts

    def _fresh(self) -> Normaliser:
        fresh: Normaliser = pickle.loads(self.start)
        return fresh

    def damage(self, data: bytes, draw: Random) -> bytes:
        """Return a damaged frame."""
        return mutated(data, draw, self.most, self.seeds)

    def check(self, data: bytes) -> None:
        """Read one frame; raises AssertionError for a broken promise, or whatever the reader should not raise."""
        self.turn += 1
        thorough = self.turn % RARELY == 0
        normaliser = self._fresh()
        done, frame = normaliser.counts, self._frame(self.position, data)
        made, dead, counts = normaliser.step([frame])
        assert (1, len(made)) == (counts.frames, counts.facts)
        assert counts.facts_frames + counts.control + len(dead) == 1
        assert tuple(map(sum, zip(done, counts, strict=True))) == normaliser.counts
        for place, fact in enumerate(made):
            assert frame.at_ns == fact.at_ns
            assert -1 <= fact.market < len(normaliser.markets.ids)
            assert place == 0 or made[place - 1].fact < fact.fact
            trusted(fact, thorough)
        if dead:
            self._is_whole(dead, made, data, thorough)
            self._left_alone(normaliser)
        elif thorough and not counts.control:
            self._reads_slowly_the_same(frame, made)
        if thorough:
            books: OrderBooks = pickle.loads(self.books)
            books.step(made)
            self._goes_on(normaliser, books, bool(dead))

    def _is_whole(self, dead: list[DeadLetter], made: list[Fact], data: bytes, thorough: bool) -> None:
        """One dead letter, no facts beside it, the bytes as they came, a registered reason, words for people."""
        assert (1, []) == (len(dead), made)
        assert data == bytes.fromhex(dead[0].data)
        assert dead[0].reason in REGISTRY
        assert dead[0].detail
        trusted(dead[0], thorough)

    def _left_alone(self, normaliser: Normaliser) -> None:
        """No market is new, none has another record; a book may only have been let go of, never gained."""
        ids, records, heard = state_of(normaliser)
        assert (self.before[0], self.before[1]) == (ids, records)
        assert heard <= self.before[2]

    def _reads_slowly_the_same(self, frame: Frame, made: list[Fact]) -> None:
        """The quick reader of plain frames is a part of the slow one.

        It steps over what it does not need, so a name or a text there may be broken where only the slow one looks.
        """
        normaliser = self._fresh()
        normaliser._slow(frame, frame.conn)
        if not any(letter.reason == INTEL_FRAME_NOT_JSON for letter in normaliser._dead):
            assert normaliser._out == made

    def _goes_on(self, normaliser: Normaliser, books: OrderBooks, unread: bool) -> None:
        """After the frame good ones are read; after an unreadable one they say what they said without it."""
        kept: Normaliser = pickle.loads(pickle.dumps(normaliser))
        for data, expected in self.probes[: PROBES_MAX if unread else 1]:
            read_on = kept.step([self._frame(self.position + 1, data)])
            assert 1 == read_on.counts.frames
            if unread:
                assert [msgspec.structs.replace(fact, fact=0) for fact in expected] == [
                    msgspec.structs.replace(fact, fact=0) for fact in _said(read_on.facts)
                ]
                kept = pickle.loads(pickle.dumps(normaliser))
            books.step(read_on.facts)


def _said(facts: list[Fact]) -> list[Fact]:
    """Return facts without what is said of the connection beside them, which a lost book must repeat."""
    return [fact for fact in facts if type(fact) is not VenueConnection] or facts


def state_of(normaliser: Normaliser) -> tuple[list[str], dict[str, Any], set[tuple[int, str, str]]]:
    """Return what a table of instruments holds: ids, records, and which connection is heard of which market."""
    markets = normaliser.markets
    heard = {(*stream, market_id) for stream, known in markets.streams.items() for market_id in known}
    return list(markets.ids), {market_id: market.record for market_id, market in markets.by_id.items()}, heard
