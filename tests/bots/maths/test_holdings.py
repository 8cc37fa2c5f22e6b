"""bots.maths.holdings: the sums equal what trying every outcome and every fill gives."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from bots.maths.holdings import Holdings, Resting, base, in_window, place_of, with_order, with_position
from tests import world

USD = 1_000_000
WIDTH = 7_200 * 1_000_000_000


def book(name, event="", complement="", outcome="YES", expiry_ns=0):
    """Return a market with a lot of one contract."""
    return world.definition(
        market_id=name, lot_micros=USD, event_id=event, neg_risk=bool(event), complement_id=complement,
        outcome=outcome, expiry_ns=expiry_ns,
    )  # fmt: skip


EVENT = [book("A", "EV", "A2"), book("A2", "EV", "A", "NO"), book("B", "EV")]
MOVES = st.lists(
    st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from((1, -1)), st.integers(1, 50), st.integers(1, 99)),
    max_size=6,
)


def brute(moves):
    """Return the worst loss over every winner (A, B or none) and every subset of fills, in micros."""
    worst = 0
    orders = [move for move in moves if move[1]]
    held = {move[0]: move for move in moves if not move[1]}
    for winner, fills in product((0, 2, None), product((0, 1), repeat=len(orders))):
        lost = 0
        filled = [*held.values(), *(order for order, fill in zip(orders, fills, strict=True) if fill)]
        for where, _, side, size, cents in filled:
            pays = winner == 2 if where == 2 else (winner == 0) != (where == 1)
            lost += side * size * (cents * 10_000 - pays * USD)
        worst = max(worst, lost)
    return worst


@given(MOVES)
def test_worst_case_is_the_worst_case(moves):
    """The loss of a neg-risk group with complements equals that of trying everything."""
    holdings = Holdings()
    for number, (where, is_order, side, size, cents) in enumerate(moves):
        place = place_of(EVENT[where], "c", WIDTH)
        if is_order:
            risked = cents if side > 0 else 100 - cents
            holdings = with_order(holdings, place, Resting(str(number), side, risked * 10_000 * size))
        else:
            cost = side * size * cents * 10_000
            holdings = with_position(holdings, place, (cost, cost - side * size * USD))
    assert holdings.total == brute(moves)
    assert holdings.clusters == ((("c",), (holdings.total,)) if holdings.total else ((), ()))


@given(MOVES, st.integers(0, 2), st.sampled_from((1, -1)), st.integers(1, 50), st.integers(1, 99))
def test_base_tells_what_an_order_adds(moves, where, side, size, cents):
    """The loss after an order is the larger of the loss before and the base plus the order's own loss."""
    holdings = Holdings()
    for number, (at, is_order, way, lots, price) in enumerate(moves):
        risked = price if way > 0 else 100 - price
        name = str(number) if is_order else f"h{number}"
        holdings = with_order(holdings, place_of(EVENT[at], "c", WIDTH), Resting(name, way, risked * 10_000 * lots))
    place, risked = place_of(EVENT[where], "c", WIDTH), cents if side > 0 else 100 - cents
    start, adds = base(holdings, place, side), risked * 10_000 * size
    after = with_order(holdings, place, Resting("new", side, adds))
    assert after.total == max(start.group_worst, start.group + adds)
    assert start.group_worst == holdings.total


def test_windows():
    """A window counts itself, its fuller neighbour and what is unknown; unknown counts all but perpetuals."""
    holdings = Holdings()
    for name, window, lost in (("a", 10, 1), ("b", 11, 2), ("c", 12, 4), ("d", 13, 8), ("u", 0, 16)):
        definition = book(name, expiry_ns=window * WIDTH)
        holdings = with_position(holdings, place_of(definition, "c", WIDTH), (lost, 0))
    assert [in_window(holdings, w) for w in (9, 10, 11, 12, 20, -1, -2)] == [17, 19, 22, 28, 16, 31, 0]


def test_empty_leaves_nothing_behind():
    """What is sold and cancelled leaves no group, no label and no sum."""
    place = place_of(book("A"), "c", WIDTH)
    holdings = with_order(with_position(Holdings(), place, (5, -5)), place, Resting("o", 1, 3))
    assert holdings.total == 8
    assert with_order(with_position(holdings, place, (0, 0)), place, Resting("o", 1, 0)) == Holdings()
