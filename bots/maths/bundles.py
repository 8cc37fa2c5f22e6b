"""Carry out legs that stand or fall together, one after the other, the scarcest first.

    size   = min over legs of min(approved, depth * depth_frac), in contracts
    spent  = sum over filled legs of side * (price paid - price believed)           per contract, in micros
    go on  while side * (touch - believed) <= edge + overrun - spent                at most the leg's own limit

Symbols: `edge` the smallest net edge that an intent of the bundle states (which is careful with a strategy that states
shares, and right for one that states the whole on each leg). The first leg is sent at the price believed or not at all,
since nothing is lost by waiting. All money in micros per contract, whole numbers.
Source: catalogue rule of exec.leg_coordinator.
"""

from msgspec import Struct
from msgspec.structs import replace

from bots.maths.plans import reshaped
from contracts.ids import bundle_legs
from contracts.intent import EXIT, ApprovedIntent
from contracts.market import MarketDefinition, MarketSnapshot
from contracts.order import PLACE, AuthorisedOrder, ExecutionPlan, Fill, OrderUpdate, PlannedOrder

MILLION = 1_000_000
BUNDLES_MAX = 16
HELD, SENT, FILLED, UNDOING = "HELD", "SENT", "FILLED", "UNDOING"
AGREED, WORSE, GONE = "AGREED", "WORSE", "GONE"
PLANNED, LEG1, UNWIND, LOST, DONE = "PLANNED", "LEG1", "UNWIND", "LOST", "DONE"


class Leg(Struct, frozen=True, gc=False):
    """One leg: what it buys or sells, its plan, what was believed of it, and how far it is."""

    market_id: str
    side: int
    plan: ExecutionPlan
    limit_ticks: int
    ref_micros: int
    tick_micros: int
    lot_micros: int
    min_lots: int
    size_lots: int
    depth_lots: int
    odds_milli: int
    state: str = HELD
    intent_id: str = ""
    orders: tuple[str, ...] = ()
    filled_lots: int = 0
    paid: int = 0
    undone_lots: int = 0
    due_ns: int = 0
    told: bool = False

    @property
    def open_lots(self) -> int:
        """What was filled and is not undone yet."""
        return self.filled_lots - self.undone_lots


class Bundle(Struct, frozen=True, gc=False):
    """Legs in the order in which they go, the edge per contract in micros, and how far the bundle is."""

    bundle_id: str
    edge_micros: int
    born_ns: int
    legs: tuple[Leg, ...] = ()
    phase: str = PLANNED
    until_ns: int = 0

    @property
    def is_whole(self) -> bool:
        """True when every leg is here."""
        return len(self.legs) == bundle_legs(self.bundle_id) > 1


Bundles = tuple[Bundle, ...]


def enlisted(
    bundles: Bundles,
    approved: ApprovedIntent,
    plan: ExecutionPlan,
    definition: MarketDefinition,
    snap: MarketSnapshot,
    odds_milli: int,
    depth_frac: int,
    now: int,
) -> Bundles:
    """Return the bundles with one more leg; one that is whole now is sized and ordered, or dropped as too small."""
    wish = approved.intent
    known = next((b for b in bundles if b.bundle_id == wish.bundle_id), Bundle(wish.bundle_id, wish.edge_micros, now))
    depth = snap.ask_depth_lots if wish.side > 0 else snap.bid_depth_lots
    size = sum(child.size_lots for child in plan.children if child.action == PLACE)
    facts = (definition.tick_micros, definition.lot_micros, max(1, definition.min_size_lots))
    leg = Leg(
        wish.market_id, wish.side, plan, wish.price_ticks, wish.ref_micros, *facts, size, depth, odds_milli,
        intent_id=plan.intent_id,
    )  # fmt: skip
    legs = (*(old for old in known.legs if old.market_id != leg.market_id), leg)
    grown = replace(known, legs=legs, edge_micros=min(known.edge_micros, wish.edge_micros))
    return put(bundles, _sized(grown, depth_frac) if grown.is_whole else grown)


def put(bundles: Bundles, bundle: Bundle) -> Bundles:
    """Return the bundles with one in the place of its older self; one that is done is forgotten."""
    rest = tuple(b for b in bundles if b.bundle_id != bundle.bundle_id)
    return rest if bundle.phase == DONE else (*rest[1 - BUNDLES_MAX :], bundle)


def turn(bundle: Bundle, market_id: str) -> Leg | None:
    """Return the leg of a market when it may be sent: the bundle whole, all before it filled, none under way."""
    if bundle.phase not in (PLANNED, LEG1) or not bundle.is_whole:
        return None
    leg = next((leg for leg in bundle.legs if leg.state != FILLED), None)
    return leg if leg is not None and leg.state == HELD and leg.market_id == market_id else None


def spent(bundle: Bundle) -> int:
    """Return what the filled legs cost beyond what was believed, per contract in micros; below zero for a gain."""
    return sum(_beyond(leg, leg.paid // leg.filled_lots) for leg in bundle.legs if leg.filled_lots)


def offer(bundle: Bundle, leg: Leg, snap: MarketSnapshot, grid: int, overrun_micros: int) -> tuple[int, str]:
    """Return the price in ticks at which a leg may go now, 0 for none; and whether that is AGREED, WORSE or GONE.

    GONE is beyond what the bundle may cost; a market without a touch, or beyond the leg's own limit, may come back.
    """
    touch = snap.ask_ticks if leg.side > 0 else snap.bid_ticks
    if touch < 1 or (grid and touch >= grid):
        return 0, AGREED
    worse = _beyond(leg, touch * leg.tick_micros)
    allowed = max(0, bundle.edge_micros + overrun_micros - spent(bundle)) if bundle.phase == LEG1 else 0
    believed = leg.ref_micros // leg.tick_micros if leg.side > 0 else -(-leg.ref_micros // leg.tick_micros)
    price = max(touch, believed) if leg.side > 0 else min(touch, believed)
    price = min(price, leg.limit_ticks) if leg.side > 0 else max(price, leg.limit_ticks)
    if worse > allowed:
        return 0, GONE
    return price if leg.side * (price - touch) >= 0 else 0, WORSE if worse > 0 else AGREED


def sent(bundle: Bundle, leg: Leg, price_ticks: int, intent_id: str, due_ns: int, reason: str) -> tuple[Bundle, Leg]:
    """Return the bundle and the leg with its plan at a price: all of its size at once or nothing."""
    left = leg.size_lots
    children: list[PlannedOrder] = []
    for child in leg.plan.children:
        lots = min(left, child.size_lots) if child.action == PLACE else 0
        left -= lots
        if lots:
            children.append(reshaped(child, price_ticks, lots, "FOK", len(children), 0, child.expires_ns))
    reasons = (*leg.plan.reasons, reason) if reason else leg.plan.reasons
    plan = replace(
        leg.plan, plan_id="p" + intent_id, plan_hash="", intent_id=intent_id, children=tuple(children), reasons=reasons
    )
    going = replace(leg, state=SENT, plan=plan, intent_id=intent_id, orders=(), due_ns=due_ns)
    return with_leg(bundle, going), going


def undone(
    bundle: Bundle, market_id: str, snap: MarketSnapshot, held_lots: int, intent_id: str, reason: str
) -> tuple[Bundle, ExecutionPlan] | None:
    """Return a broken bundle and a plan that gives its filled leg of a market back at the touch, or None.

    It only reduces: at most what the desk holds on the leg's side. Without a touch or a position there is no plan.
    """
    mine = (leg for leg in bundle.legs if leg.market_id == market_id and leg.state == FILLED and leg.open_lots)
    leg = next(mine, None)
    if leg is None or bundle.phase != UNWIND:
        return None
    price = snap.bid_ticks if leg.side > 0 else snap.ask_ticks
    lots = min(leg.open_lots, max(0, leg.side * held_lots))
    if price < 1 or lots < leg.min_lots:
        return None
    place = next(child for child in leg.plan.children if child.action == PLACE)
    back = replace(reshaped(place, price, lots, "IOC", 0, 0, 0), side=-leg.side, reduce_only=True, post_only=False)
    head = ("p" + intent_id, "", intent_id, leg.plan.strategy, EXIT, "TAKE", (back,))
    going = replace(leg, state=UNDOING, intent_id=intent_id, orders=())
    return with_leg(bundle, going), ExecutionPlan(*head, 0, 1_000, 0, (reason,))


def with_leg(bundle: Bundle, leg: Leg) -> Bundle:
    """Return the bundle with a leg in the place of its older self."""
    return replace(bundle, legs=tuple(leg if old.market_id == leg.market_id else old for old in bundle.legs))


def named(bundles: Bundles, order: AuthorisedOrder) -> Bundles:
    """Return the bundles with the name of an order that leaves for one of their legs."""
    for bundle in bundles:
        for leg in bundle.legs:
            if leg.intent_id == order.intent_id and leg.state in (SENT, UNDOING):
                going = replace(leg, orders=(*leg.orders, order.child.client_order_id))
                return put(bundles, with_leg(bundle, going))
    return bundles


def find(bundles: Bundles, client_order_id: str) -> tuple[Bundle, Leg] | None:
    """Return the bundle and the leg that an order belongs to, or None."""
    for bundle in bundles:
        for leg in bundle.legs:
            if client_order_id in leg.orders:
                return bundle, leg
    return None


def matched(bundle: Bundle, leg: Leg, fill: Fill, due_ns: int) -> Bundle:
    """Return the bundle after a fill of one of its orders; DONE when all is filled, or all given back.

    The legs that have not gone yet are due from the first fill on.
    """
    if fill.side == -leg.side:
        after = with_leg(bundle, replace(leg, undone_lots=leg.undone_lots + fill.size_lots))
        return replace(after, phase=DONE) if not any(leg.open_lots for leg in after.legs) else after
    filled, paid = leg.filled_lots + fill.size_lots, leg.paid + fill.price_ticks * fill.tick_micros * fill.size_lots
    state = FILLED if filled >= leg.size_lots else leg.state
    after = with_leg(bundle, replace(leg, filled_lots=filled, paid=paid, state=state))
    if all(leg.state == FILLED for leg in after.legs):
        return replace(after, phase=DONE) if after.phase in (PLANNED, LEG1) else after
    waiting = (replace(leg, due_ns=due_ns) if leg.state == HELD else leg for leg in after.legs)
    return replace(after, legs=tuple(waiting), phase=LEG1 if after.phase == PLANNED else after.phase)


def stopped(bundle: Bundle, leg: Leg, update: OrderUpdate) -> Bundle:
    """Return the bundle after one of its orders ended without filling, or nobody knows whether it did.

    A first leg that was killed ends the bundle with nothing held; a later one may be tried again until it is due. What
    should have been whole and was cut is given back.
    """
    if update.state == "UNKNOWN":
        return replace(bundle, phase=LOST)
    if leg.state == UNDOING:
        return with_leg(bundle, replace(leg, state=FILLED))
    if leg.state != SENT:
        return bundle
    if leg.filled_lots or update.filled_lots:
        return replace(with_leg(bundle, replace(leg, state=FILLED)), phase=UNWIND)
    if bundle.phase == PLANNED:
        return replace(bundle, phase=DONE)
    return with_leg(bundle, replace(leg, state=HELD))


def lapsed(bundle: Bundle, now: int, timeout_ns: int) -> Bundle:
    """Return the bundle after time passed.

    Not begun in time: DONE, nothing is held. A leg without an answer: LOST. A leg that never left, or could not be sent
    while it was due: UNWIND. Not given back in time either: LOST, for another to work down.
    """
    if bundle.phase == UNWIND:
        until = bundle.until_ns or now + timeout_ns
        return replace(bundle, until_ns=until, phase=LOST if now >= until else UNWIND)
    if bundle.phase not in (PLANNED, LEG1):
        return bundle
    flying = next((leg for leg in bundle.legs if leg.state == SENT), None)
    if flying is not None and now >= flying.due_ns:
        if flying.orders:
            return replace(bundle, phase=LOST)
        broken = with_leg(bundle, replace(flying, state=HELD))
        return replace(broken, phase=UNWIND if bundle.phase == LEG1 else DONE)
    if bundle.phase == PLANNED:
        return replace(bundle, phase=DONE) if flying is None and now - bundle.born_ns >= timeout_ns else bundle
    is_late = flying is None and any(leg.state == HELD and now >= leg.due_ns for leg in bundle.legs)
    return replace(bundle, phase=UNWIND) if is_late else bundle


def aged(bundles: Bundles, now: int, timeout_ns: int) -> tuple[Bundles, int]:
    """Return the bundles after time passed, and how many of them were lost by it."""
    lost = 0
    for bundle in bundles:
        after = lapsed(bundle, now, timeout_ns)
        lost += after.phase == LOST and bundle.phase != LOST
        bundles = bundles if after is bundle else put(bundles, after)
    return bundles, lost


def told(bundle: Bundle, market_id: str) -> Bundle | None:
    """Return a lost bundle after its residual in a market was reported; None where there is none to report."""
    for leg in bundle.legs:
        if bundle.phase == LOST and leg.market_id == market_id and _is_residual(leg) and not leg.told:
            after = with_leg(bundle, replace(leg, told=True))
            open_legs = any(_is_residual(leg) and not leg.told for leg in after.legs)
            return after if open_legs else replace(after, phase=DONE)
    return None


def _is_residual(leg: Leg) -> bool:
    return leg.open_lots != 0 or leg.state in (SENT, UNDOING)


def _beyond(leg: Leg, price_micros: int) -> int:
    return leg.side * (price_micros - leg.ref_micros)


def _sized(bundle: Bundle, depth_frac: int) -> Bundle:
    contracts = min(min(leg.size_lots, leg.depth_lots * depth_frac // MILLION) * leg.lot_micros for leg in bundle.legs)
    legs = [replace(leg, size_lots=contracts // leg.lot_micros) for leg in bundle.legs]
    legs.sort(key=lambda leg: (leg.odds_milli, leg.depth_lots * leg.lot_micros, leg.market_id))
    small = any(leg.size_lots < leg.min_lots for leg in legs)
    return replace(bundle, legs=tuple(legs), phase=DONE if small else PLANNED)
