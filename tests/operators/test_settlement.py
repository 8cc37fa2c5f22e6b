"""What the end of a market pays: binaries, voids, delisted perpetuals; and that it fits on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.market import Kind, Settlement, Status
from contracts.units import TICKS_MAX
from operators.settlement import payment, settle
from tests import world

PERP = world.definition(instrument_kind=int(Kind.PERP), grid_ticks=0, tick_micros=100_000, lot_micros=1_000)
LONG = world.position(size_lots=50, cost_micros=3_250_061_728, mark_micros=65_100_500_000)


def paid(value: int, known: object = PERP, **held: object) -> tuple[int, int, int]:
    """Return (side, price in ticks, tick) of a settlement."""
    said = settle(world.checked(world.position(**held)) if held else LONG, known, value)  # type: ignore[arg-type]
    assert world.checked(said) == said
    return said.side, said.price_ticks, said.tick_micros


class TestPerpetual:
    def test_a_delisted_one_is_paid_its_delisting_price(self) -> None:
        """On its own ticks where the price is on them."""
        assert paid(65_123_400_000) == (1, 651_234, 100_000)

    def test_a_price_between_ticks_is_stated_as_finely_as_the_wire_allows(self) -> None:
        """65,000.123456 to the millionth: an exchange's average is not on the grid; a price above a million rounded."""
        assert paid(65_000_123_456) == (1, 65_000_123_456, 1)
        assert [paid(2_000_000_123_454), paid(2_000_000_123_455)] == [
            (1, 200_000_012_345, 10),
            (1, 200_000_012_346, 10),
        ]

    def test_a_void_one_is_paid_its_last_mark(self) -> None:
        """It is always worth something; without a mark its cost comes back: 65,001.23456 a coin."""
        assert paid(-1) == (1, 651_005, 100_000)
        unmarked = {"size_lots": 50, "cost_micros": 3_250_061_728, "mark_micros": -1}
        assert paid(-1, **unmarked) == (1, 65_001_234_560, 1)

    @given(st.integers(0, 10**15), st.integers(1, 1_000_000))
    def test_any_price_fits_on_the_wire(self, micros: int, tick: int) -> None:
        """Within half a unit of the last decimal that is left; exactly where the grid or a millionth allows it."""
        known = world.definition(instrument_kind=int(Kind.PERP), grid_ticks=0, tick_micros=tick)
        said = settle(LONG, known, micros)
        if micros % tick == 0 and micros // tick > TICKS_MAX:
            return  # no venue's price; an adapter refuses it long before
        assert said.price_ticks <= TICKS_MAX
        assert 2 * abs(said.price_ticks * said.tick_micros - micros) <= said.tick_micros
        assert said.tick_micros in (tick, *(10**n for n in range(8)))


class TestPayment:
    def test_nothing_is_paid_before_the_end_or_to_nobody(self) -> None:
        """A pause, a close without an outcome, an empty position, an unknown market: nothing."""
        held, known = world.position(), world.definition()
        open_, closed = world.status(), world.status(status=int(Status.CLOSED))
        resolved = world.status(status=int(Status.RESOLVED), settlement_micros=1_000_000)
        assert [payment(held, known, open_), payment(held, known, closed)] == [None, None]
        assert [payment(None, known, resolved), payment(held, None, resolved)] == [None, None]
        assert payment(world.position(size_lots=0), known, resolved) is None

    @pytest.mark.parametrize(
        ("status", "value", "price"), [("CLOSED", 653_100, 653_100), ("RESOLVED", 0, 0), ("VOID", -1, 44)]
    )
    def test_an_end_with_an_outcome_pays(self, status: str, value: int, price: int) -> None:
        """Whatever the venue calls it; a void market has one too."""
        said = payment(
            world.position(),
            world.definition(),
            world.status(status=int(Status[status]), settlement_micros=value),
        )
        assert isinstance(said, Settlement)
        assert said.price_ticks == price
