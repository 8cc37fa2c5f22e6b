"""Keep what was approved, and hold a plan against it: never larger, dearer, looser, or of another market.

Source: catalogue rules of sec.signature_previewer and sec.signing_service; the fold of votes in operators/gate.py.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from contracts.intent import ApprovedIntent, RiskVote
from contracts.order import PLACE, ExecutionPlan, PlannedOrder

KEPT_MAX = 256


class Bound(Struct, frozen=True, gc=False):
    """What one approval allows."""

    intent_id: str
    market_id: str
    side: int
    price_ticks: int
    size_lots: int
    post_only: bool
    reduce_only: bool


class Approvals(Struct, frozen=True, gc=False):
    """The newest approvals, oldest first."""

    kept: tuple[Bound, ...] = ()

    def of(self, intent_id: str) -> Bound | None:
        """Return the approval of an intent; None when there is none, or it is too long ago."""
        return next((bound for bound in reversed(self.kept) if bound.intent_id == intent_id), None)

    def plus(self, approved: ApprovedIntent) -> "Approvals":
        """Return the approvals with one more."""
        wish = approved.intent
        bound = Bound(
            wish.intent_id,
            wish.market_id,
            wish.side,
            wish.price_ticks,
            approved.size_lots,
            approved.post_only,
            approved.reduce_only,
        )
        return Approvals((*self.kept[1 - KEPT_MAX :], bound))


class Break(NamedTuple):
    """Where a plan goes beyond its approval, with the numbers; nothing is broken when `what` is empty."""

    what: str
    seen: int = 0
    limit: int = 0


def broken(plan: ExecutionPlan, bound: Bound | None) -> Break:
    """Return the first thing in which a plan's orders go beyond an approval. Prices in ticks, sizes in lots."""
    placed = [child for child in plan.children if child.action == PLACE]
    if bound is None:
        return Break("approval", 0, len(placed))
    for child in placed:
        if (child.market_id, child.side) != (bound.market_id, bound.side):
            return Break("market or side", child.side, bound.side)
        if child.side * child.price_ticks > child.side * bound.price_ticks:
            return Break("price", child.price_ticks, bound.price_ticks)
        if (bound.post_only and not child.post_only) or (bound.reduce_only and not child.reduce_only):
            return Break("flags", int(child.post_only), int(bound.post_only))
    total = sum(child.size_lots for child in placed)
    return Break("size", total, bound.size_lots) if total > bound.size_lots else Break("")


def keeps(child: PlannedOrder, votes: Iterable[RiskVote]) -> bool:
    """True when an order stays inside what votes on its plan left of it."""
    return all(
        child.size_lots <= vote.size_lots_max
        and (child.post_only or not vote.post_only)
        and (child.reduce_only or not vote.reduce_only)
        for vote in votes
    )
