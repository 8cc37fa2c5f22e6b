"""An account read from mock venues: what rests and what is held, of one moment; a list that is cut proves nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from connectors.account_reader import AccountReader, binaries, nothing
from connectors.venue import VenueFill
from tests.connectors.venues.test_at_the_mocks import Desk, kalshi, polymarket

Opened = Callable[[Path], AbstractContextManager[Desk]]


@pytest.mark.parametrize("opened", [kalshi, polymarket])
def test_what_rests_and_what_is_held_is_read_whole(opened: Opened, tmp_path: Path) -> None:
    """One order rests and one was filled: a name, seven contracts, and cash less by what was paid, and by no more."""
    with opened(tmp_path) as desk:
        states_available = desk.venue.venue_id == "kalshi"
        reader = AccountReader(desk.venue, "main", lambda: 1, binaries([desk.terms]) if states_available else nothing)
        before = reader.read()
        desk.place("a" * 26)
        desk.place("b" * 26, price=44, lots=700)
        assert desk.until(lambda heard: bool(desk.fills("b" * 26)))
        after, fees = (
            reader.read(),
            sum(fill.fee_micros for fill in desk.venue.fills(0).rows if isinstance(fill, VenueFill)),
        )
    assert (True, True, "main") == (before.complete, after.complete, after.account)
    assert ((), (), ("a" * 26,)) == (before.open_orders, before.positions, after.open_orders)
    assert ((desk.terms.market_id, 700),) == after.positions
    assert 3_080_000 + fees == before.cash_micros - after.cash_micros


@pytest.mark.parametrize("opened", [kalshi, polymarket])
def test_a_list_that_is_cut_gives_an_incomplete_snapshot(opened: Opened, tmp_path: Path) -> None:
    """A list that is cut is no empty account."""
    with opened(tmp_path) as desk:
        desk.place("a" * 26)
        reader = AccountReader(desk.venue, "main", lambda: 1)
        desk.mock.misbehave("partial_page", times=50)
        said = reader.read()
        desk.mock.misbehave("none")
        again = reader.read()
    assert (False, (), ()) == (said.complete, said.open_orders, said.positions)
    assert (True, ("a" * 26,)) == (again.complete, again.open_orders)
