"""A message that ends a silence and breaks the book at once must not be believed in between."""

from contracts.market import BookEvent, VenueConnection
from operators.freshness import Budgets, Freshness
from operators.order_book import OrderBooks
from tests import world
from tests.world import NOW, SECOND

QUIET = NOW + 10 * SECOND


def heard(seq: int) -> list[str]:
    """Return what is said of a silent book when the change with this number ends its silence."""
    books, freshness = OrderBooks(), Freshness(Budgets())
    attached = VenueConnection(world.FACT, int(NOW), 0, "attached", "kalshi-1/2", -1)
    first = [world.record(), attached, world.image(venue_seq=1)]
    ticks = [world.tick(at_ns=NOW + number * SECOND, fact=world.tick().fact + number) for number in range(1, 10)]
    late = world.delta(at_ns=QUIET, relative=True, size_lots=5, bid_ticks=-1, ask_ticks=-1, venue_seq=seq, fact=1 << 40)
    said = [freshness.step(books.step(part)) for part in (first, ticks, [late])][-1]
    return [entry.event for entry in said if isinstance(entry, BookEvent)]


def test_a_silence_that_ends_well_is_said_at_once() -> None:
    """The next number ends the silence."""
    assert ["HEARD"] == heard(2)


def test_a_silence_that_ends_in_a_gap_is_only_a_gap() -> None:
    """A number that is missing: the book is lost, and was never heard again in between."""
    assert ["GAP"] == heard(3)
