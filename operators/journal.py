"""Address what a lane says to the desks that it is for.

A desk hears the facts and signals of the markets in its scope, and whatever concerns no market (time, connections). A
desk that rests paper orders hears every level change and trade, since its fills depend on them; a desk that never
does (live) is spared the level changes that move no best price. The rule looks at content only, never at the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.envelope import Row
from contracts.market import Fact, VenueBookDelta, VenueInstrumentRecord


@dataclass(slots=True)
class Scope:
    """What one desk hears: its markets by the venue's ids (empty: all), and whether it may rest paper orders."""

    desk_id: str
    market_ids: frozenset[str] = frozenset()
    rests: bool = True
    heard: set[int] = field(default_factory=set)
    claims: dict[int, tuple[int, int]] = field(default_factory=dict)


class Addresser:
    """Split a lane's journal by desk."""

    def __init__(self, scopes: Sequence[Scope]) -> None:
        """Take the scopes of all desks."""
        self.scopes = list(scopes)

    def step(self, entries: list[Fact | Row]) -> list[tuple[str, list[Fact | Row]]]:
        """Return (desk_id, entries) for each desk that hears anything of this block."""
        return [(s.desk_id, heard) for s in self.scopes if (heard := self._heard(s, entries))]

    def _heard(self, scope: Scope, entries: list[Fact | Row]) -> list[Fact | Row]:
        if not scope.market_ids and scope.rests:
            return entries
        return [entry for entry in entries if self._is_for(scope, entry)]

    def _is_for(self, scope: Scope, entry: Fact | Row) -> bool:
        if type(entry) is VenueInstrumentRecord and (not scope.market_ids or entry.market_id in scope.market_ids):
            scope.heard.add(entry.market)
        if entry.market >= 0 and scope.market_ids and entry.market not in scope.heard:
            return False
        if type(entry) is VenueBookDelta and not scope.rests and entry.bid_ticks >= 0:
            claim = (entry.bid_ticks, entry.ask_ticks)
            moved = scope.claims.get(entry.market) != claim
            scope.claims[entry.market] = claim
            return moved
        return True
