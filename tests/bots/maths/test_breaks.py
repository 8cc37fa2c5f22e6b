"""bots.maths.breaks: how much of a difference has stood, since when, and how grave that is."""

from hypothesis import given
from hypothesis import strategies as st

from bots.maths import breaks as b
from bots.maths.breaks import Breaks, Difference
from bots.maths.notional import MILLION
from tests import world

SECOND, SETTLE, WARN = world.SECOND, 60 * world.SECOND, 1_000_000
AMOUNTS = st.lists(st.integers(-50, 50).map(lambda dollars: dollars * MILLION), min_size=1, max_size=60)


def cash(amount: int) -> list[Difference]:
    """Return a difference of cash, or none."""
    return [Difference("cash", b.CASH, amount, MILLION, 0, amount, "why")] if amount else []


def seen(amounts: list[int], every_s: int = 10, before: Breaks = ()) -> Breaks:
    """Return the breaks after a source showed these amounts, so many seconds apart."""
    for place, amount in enumerate(amounts):
        before = b.compared(before, "venue", (1 + place * every_s) * SECOND, cash(amount), WARN, SETTLE)
    return before


@given(AMOUNTS)
def test_what_stood_is_still_there(amounts: list[int]) -> None:
    """A break is never larger than what its source shows now, on the same side of zero; where it agrees is none."""
    found = seen(amounts)
    assert bool(amounts[-1]) == bool(found)
    for known in found:
        assert abs(known.amount) <= abs(amounts[-1])
        assert (known.amount > 0) == (amounts[-1] > 0)


@given(AMOUNTS, st.integers(1, 40))
def test_what_stands_is_found_whatever_it_was_before(amounts: list[int], dollars: int) -> None:
    """However it came and went, after a little more than two settling times a difference is real in its whole size."""
    (known,) = seen([*amounts, *([dollars * MILLION] * 18)])
    assert dollars * MILLION == known.amount
    assert b.is_real(known, SETTLE)


@given(AMOUNTS)
def test_a_source_says_nothing_of_another(amounts: list[int]) -> None:
    """What the venue showed is untouched by what the chain shows, and by its agreeing."""
    before = seen(amounts)
    both = b.compared(before, "chain", 5 * SECOND, cash(9 * MILLION), WARN, SETTLE)
    assert before == tuple(known for known in both if known.source == "venue")
    assert before == b.compared(both, "chain", 6 * SECOND, [], WARN, SETTLE)


@given(AMOUNTS)
def test_every_real_break_is_told_once(amounts: list[int]) -> None:
    """What is due is due once, and nothing young is."""
    known, first = b.due(seen(amounts), SETTLE, 10 * MILLION)
    again, second = b.due(known, SETTLE, 10 * MILLION)
    assert (known, ()) == (again, second)
    assert sum(b.is_real(one, SETTLE) for one in known) == len(first)
    assert all(world.checked(one) == one for one in first)


def test_a_value_is_rounded_up() -> None:
    """Less than a millionth is one; what nobody can value has no value and is grave."""
    tiny = b.compared((), "venue", SECOND, [Difference("position:M", b.MISSING_FILL, 3, 1, 0, 3, "why")], 0, SETTLE)
    assert (1, False) == (b.value(tiny[0]), b.is_grave(tiny[0], 1))
    blind = b.compared((), "venue", SECOND, [Difference("order:O", b.ORPHAN_ORDER, 1, -1, 0, 1, "why")], WARN, SETTLE)
    assert (b.UNVALUED, True) == (b.value(blind[0]), b.is_grave(blind[0], 1 << 60))
