"""Damaged frames in a row never raise: each is a fact, a control line or a dead letter, however the row is cut.

`tests/fuzz` tries one frame at a time against the same small market; here several follow each other, of all dialects.
"""

import pickle
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from contracts.base import write
from operators.normalise import DIALECTS, Frame, Normaliser
from operators.order_book import OrderBooks
from tests.fuzz import seeds
from tests.fuzz.mutate import mutated

DRAWN = st.randoms(use_true_random=False)


def damaged(draw: Random, most: int) -> list[Frame]:
    """Up to `most` frames, damaged or not, of dialects that are read and of one that nobody reads."""
    made = []
    for place in range(1, draw.randint(1, most) + 1):
        dialect = draw.choice(sorted(DIALECTS))
        good = draw.choice(seeds.frames(dialect))
        data = good if draw.random() < 0.4 else mutated(good, draw, 1 << 14, seeds.frames(dialect))
        conn, name = seeds.conn_of(dialect, data), dialect if draw.random() < 0.95 else "martian"
        made.append(Frame(1, place, seeds.AT_NS + place, name, data, conn))
    return made


@given(DRAWN)
def test_no_damage_raises_and_every_frame_is_counted_once(draw: Random) -> None:
    """Whatever comes, the counts add up, dead letters keep the bytes, facts can be written, books stand."""
    normaliser, books, frames = Normaliser(), OrderBooks(), damaged(draw, 8)
    read = normaliser.step(frames)
    assert len(frames) == read.counts.frames == read.counts.facts_frames + read.counts.control + len(read.dead)
    by_place = {frame.position: frame.data for frame in frames}
    for letter in read.dead:
        assert by_place[letter.position] == bytes.fromhex(letter.data)
        write(letter)
    assert len({fact.fact for fact in read.facts}) == len(read.facts)
    for fact in read.facts:
        assert fact == msgspec.json.decode(write(fact), type=type(fact))
    assert len(read.facts) <= len(books.step(read.facts))


@given(DRAWN, st.integers(0, 10))
def test_state_survives_pickling_and_cuts_do_not_matter(draw: Random, cut: int) -> None:
    """One frame at a time, all at once, and through a pickle in the middle: the same facts and dead letters."""
    frames = damaged(draw, 10)
    whole, one, half = Normaliser(), Normaliser(), Normaliser()
    read = whole.step(frames)
    singles = [one.step([frame]) for frame in frames]
    first = half.step(frames[:cut])
    kept = pickle.loads(pickle.dumps(half))
    second = kept.step(frames[cut:])
    assert read.facts == [fact for single in singles for fact in single.facts] == first.facts + second.facts
    assert read.dead == [letter for single in singles for letter in single.dead] == first.dead + second.dead
    assert whole.counts == one.counts == kept.counts
