"""bots.maths.rules_text: what the grammar finds."""

import pytest

from bots.maths.rules_text import (
    ambiguity_micros,
    dates_in,
    is_contradicted,
    levels_in,
    overlaps,
    read_claim,
    subject_of,
)

INF = float("inf")


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("above $100k", (("above", 1e5, INF),)),
        ("at least 3.5 million", (("above", 3.5e6, INF),)),
        ("falls to 20", (("below", 0.0, 20.0),)),
        ("less than 1,234.5", (("below", 0.0, 1234.5),)),
        ("between 40 and 45", (("between", 40.0, 45.0),)),
        ("above all", ()),
        ("", ()),
    ],
)
def test_levels(text: str, levels: tuple[tuple[str, float, float], ...]) -> None:
    """A level is a comparator with a number, in words or signs."""
    assert levels == levels_in(text)


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("on 2026-12-31", ((2026, 12, 31),)),
        ("by May 13th, 2026", ((2026, 5, 13),)),
        ("on 2 January 2026 or June 5", ((2026, 1, 2), (0, 6, 5))),
        ("in May", ()),
    ],
)
def test_dates(text: str, dates: tuple[tuple[int, int, int], ...]) -> None:
    """Three spellings; the year may be missing."""
    assert dates == dates_in(text)


def test_fields_of_an_event_claim() -> None:
    """An event is its own threshold, and its deadline its window; without a cancel clause one field is missing."""
    claim = read_claim("Resolves YES if the National Weather Service reports rain by 23:59 UTC on 2 January 2026.")
    assert (1, 0) == (claim.missing, claim.vague)
    assert "2026-1-2" == claim.fields[1]
    assert 6 == read_claim("").missing
    assert "" == read_claim("It wins by 3 May.").fields[1]


def test_names_contradict_only_when_both_sides_name_something() -> None:
    """The authority's own name is not the subject of the claim."""
    rules = "Resolves YES if the National Weather Service reports rain."
    assert not is_contradicted("Will it rain in New York?", rules, read_claim(rules))
    rules = "It resolves YES if Chelsea wins according to the Premier League."
    assert is_contradicted("Will Arsenal win?", rules, read_claim(rules))


@pytest.mark.parametrize(
    ("missing", "vague", "conflict", "micros"),
    [(0, 0, False, 0), (1, 3, False, 283_333), (6, 9, True, 1_000_000), (3, 1, False, 316_666), (0, 0, True, 300_000)],
)
def test_ambiguity(missing: int, vague: int, conflict: bool, micros: int) -> None:
    """The weighted sum, clipped to 1."""
    assert micros == ambiguity_micros(missing, vague, conflict, (500_000, 200_000, 300_000))
    assert 1_000_000 == ambiguity_micros(6, 3, True, (900_000, 900_000, 900_000))


def test_overlap_is_more_than_a_common_end() -> None:
    """40 to 45 and 45 to 50 share no outcome that counts; nothing known overlaps nothing."""
    one, two, three = levels_in("between 40 and 45"), levels_in("between 45 and 50"), levels_in("above 44")
    assert [False, True, False] == [overlaps(one, two), overlaps(one, three), overlaps((), one)]


def test_rungs_share_their_subject() -> None:
    """Numbers, dates and signs are not part of the subject."""
    assert subject_of("Will BTC be above $100k on Dec 31?") == subject_of("Will BTC be above $90,000 on Dec 31, 2026?")
    assert subject_of("Will BTC be above 1?") != subject_of("Will ETH be above 1?")
