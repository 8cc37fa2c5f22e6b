"""Say what must hold of every statement of a desk, each rule by its name.

A rule looks at one statement and at the scene before it, and answers with what is wrong, or with nothing. The docstring
is the promise. What must hold of a whole run stands in `ends.py`.
"""

from collections.abc import Callable
from fractions import Fraction

from bots.registry import library
from contracts import ids
from contracts.control import IncidentReport, SafetyState
from contracts.envelope import Row
from contracts.intent import QUARANTINE, REJECT, WITHDRAW, RiskDecision
from contracts.market import FeeModel
from contracts.order import CANCEL, LIVE_STATES, AuthorisedOrder, Fill, OrderUpdate, PositionState
from tests.sim import build
from tests.sim.scene import LEVELS, MILLION, MODES, SECOND_NS, Scene

Rule = Callable[[Scene, Row], str]
REFUSALS = (REJECT, QUARANTINE)
FREES = ("REJECTED", "EXPIRED")
ROUNDING = 1_000  # micros that ceilings and floors of many small matches may differ by
MS = 1_000_000


# ---- an order that leaves ------------------------------------------------------------------------------------------


def every_gate_approved(scene: Scene, row: Row) -> str:
    """No order leaves without an intent, a decision that approves it, and the approval of every required gate."""
    order = row.payload
    intent, decision = scene.intents.get(order.intent_id), scene.decisions.get(order.intent_id)
    if intent is None or decision is None:
        return f"{order.intent_id}: no {'intent' if intent is None else 'decision'} before the order"
    if order.child.action == CANCEL:
        return ""
    if decision.verdict in REFUSALS:
        return f"{order.intent_id}: decided {decision.verdict}"
    assert scene.desk is not None
    votes = {vote.gate: vote for vote in decision.votes}
    for gate in scene.desk.required_gates:
        vote = votes.get(gate)
        spared = gate in decision.not_run and gate in library().reduce_only_skips and scene.reduces(intent)
        if vote is None and not spared:
            return f"{order.intent_id}: {gate} did not vote"
        if vote is not None and vote.verdict in REFUSALS:
            return f"{order.intent_id}: {gate} said {vote.verdict}"
    if order.intent_id in build.untrue:
        return f"{order.intent_id}: a guard gave no vote on it"
    return ""


def never_more_than_approved(scene: Scene, row: Row) -> str:
    """What leaves is never larger than approved, of another market or side, past the limit, or freer than approved."""
    child, name = row.payload.child, row.payload.intent_id
    intent, decision = scene.intents.get(name), scene.decisions.get(name)
    if child.action == CANCEL or intent is None or decision is None:
        return ""
    before = sum(o.filled + o.open_lots for o in scene.orders.values() if o.intent_id == name)
    bound = min([intent.size_lots, decision.size_lots, *(vote.size_lots_max for vote in decision.votes)])
    if before + child.size_lots > bound:
        return f"{name}: {before} + {child.size_lots} lots leave, {bound} were approved"
    if (child.market_id, child.side) != (intent.market_id, intent.side):
        return f"{name}: {child.side} in {child.market_id}, wanted {intent.side} in {intent.market_id}"
    if child.side * (child.price_ticks - intent.price_ticks) > 0:
        return f"{name}: {child.price_ticks} ticks are past the limit of {intent.price_ticks}"
    rests = decision.post_only or intent.post_only or any(vote.post_only for vote in decision.votes)
    if (rests and not child.post_only) or ((decision.reduce_only or intent.reduce_only) and not child.reduce_only):
        return f"{name}: approved post_only {rests}, reduce_only {decision.reduce_only}; leaves otherwise"
    return ""


def one_order_per_id(scene: Scene, row: Row) -> str:
    """An id names one order, follows from intent, child and revision, and a revision only follows a proven end."""
    child, name = row.payload.child, row.payload.intent_id
    if child.action == CANCEL:
        return ""
    if child.client_order_id in scene.orders:
        return f"{child.client_order_id}: leaves a second time"
    if child.client_order_id != ids.client_order_id(name, child.child_index, child.revision):
        return f"{child.client_order_id}: does not follow from {name}, {child.child_index}, {child.revision}"
    if child.revision:
        before = scene.orders.get(ids.client_order_id(name, child.child_index, child.revision - 1))
        if before is None or before.state not in FREES:
            return f"{child.client_order_id}: revision {child.revision} before the end of the one before was proven"
    return ""


def nothing_new_when_stopped(scene: Scene, row: Row) -> str:
    """After the switch is engaged nothing leaves that is not a proven reduction, and under BLOCK nothing at all."""
    child, name = row.payload.child, row.payload.intent_id
    intent, level = scene.intents.get(name), scene.level()
    if child.action == CANCEL or intent is None:
        return ""
    definition = scene.known(child.market_id).definition
    if scene.safety.mode == 2 and scene.safety.level < 3 and definition is not None and definition.instrument_kind:
        level = max(1, scene.safety.level)  # a perpetual may still be closed in SAFE
    if level == 3 or (level and not scene.reduces(intent)):
        return f"{name}: an order at {LEVELS[level]}, mode {MODES[scene.safety.mode]}"
    if scene.safety.mode == 1 and not level:
        most = intent.size_lots * scene.config("risk.kill_switch", "degraded_mult") // MILLION
        if not child.post_only or child.size_lots > most:
            return f"{name}: {child.size_lots} lots, post_only {child.post_only} in DEGRADED; allowed: {most}, resting"
    return ""


def only_on_fresh_books(scene: Scene, row: Row) -> str:
    """No order rests on a book that is withheld, of low quality, or older than the budget."""
    child, intent = row.payload.child, scene.intents.get(row.payload.intent_id)
    if child.action == CANCEL or intent is None:
        return ""
    book = scene.known(child.market_id)
    assert book.definition is not None
    kind = "perp" if book.definition.instrument_kind else "binary"
    limit_ms = scene.config("risk.stale_book", f"max_age_{kind}_ms")
    if scene.reduces(intent):
        limit_ms = int(limit_ms * scene.config("risk.stale_book", "reduce_mult"))
    age_ns = scene.now - book.confirmed_ns
    if age_ns > limit_ms * MS:
        return f"{child.market_id}: book is {age_ns // MS} ms old; allowed: {limit_ms}"
    low = scene.config("risk.stale_book", "q_min")
    if book.quality is None or not book.quality.usable or book.quality.score_milli * 1_000 < low:
        return f"{child.market_id}: book is {book.quality}"
    return ""


def never_in_doubt(scene: Scene, row: Row) -> str:
    """No order rests on a book of which the venue's numbers prove that a message is missing."""
    child = row.payload.child
    place = scene.places.get(0, 0)
    for begin, end in scene.doubts.get(child.market_id, ()) if child.action != CANCEL else ():
        if begin <= place < end:
            return f"{child.market_id}: at line {place} a message is missing since {begin}"
    return ""


def only_in_open_markets(scene: Scene, row: Row) -> str:
    """No order in a market that is denied; none in one that is not open unless it is a proven reduction."""
    child, intent = row.payload.child, scene.intents.get(row.payload.intent_id)
    if child.action == CANCEL or intent is None:
        return ""
    if child.market_id in scene.denied:
        return f"{child.market_id}: is denied"
    book = scene.known(child.market_id)
    if book.status and not scene.reduces(intent):
        return f"{child.market_id}: has status {book.status}"
    if 0 < book.expiry_ns <= scene.now:
        return f"{child.market_id}: trading ended {(scene.now - book.expiry_ns) // MS} ms ago"
    return ""


def caps_hold(scene: Scene, row: Row) -> str:
    """No order takes the worst case of its question, its venue or everything past the cap."""
    child, name = row.payload.child, row.payload.intent_id
    if child.action == CANCEL:
        return ""
    before = scene.worst()
    scene.take(row)
    after = scene.worst()
    del scene.orders[child.client_order_id]
    definition = scene.known(child.market_id).definition
    assert definition is not None
    other = definition.complement_id
    question = min(child.market_id, other) if other else child.market_id
    sums = [("cap_instrument_usd", before.get(question, 0), after.get(question, 0))]
    sums += [("cap_total_usd", sum(before.values()), sum(after.values()))]
    for what, was, comes in sums:
        cap = scene.config("risk.exposure", what)
        if comes > max(cap, was) + ROUNDING:
            return f"{name}: {what} is {cap}, worst case goes from {was} to {comes}"
    return ""


def reduce_only_reduces(scene: Scene, row: Row) -> str:
    """Reduce-only orders, all of them together, never are larger than what they reduce."""
    child = row.payload.child
    if child.action == CANCEL or not child.reduce_only:
        return ""
    others = sum(
        order.open_lots
        for order in scene.orders.values()
        if order.child.reduce_only and (order.child.market_id, order.child.side) == (child.market_id, child.side)
    )
    held = -child.side * scene.lots(child.market_id)
    if others + child.size_lots > held:
        return f"{child.client_order_id}: {others} + {child.size_lots} lots reduce {held}"
    return ""


# ---- decisions -----------------------------------------------------------------------------------------------------


def spared_only_when_reducing(scene: Scene, row: Row) -> str:
    """A guard is spared by an approval only for what is proven to reduce."""
    decision = row.payload
    intent = scene.intents.get(decision.subject_id)
    if decision.verdict in REFUSALS or intent is None or intent.intent_kind == WITHDRAW:
        return ""
    if decision.not_run and not scene.reduces(intent):
        spared = ", ".join(decision.not_run)
        return f"{decision.subject_id}: spared {spared} at a position of {scene.lots(intent.market_id)}"
    return ""


def withdrawals_pass(scene: Scene, row: Row) -> str:
    """To take back what rests is never refused, whatever the limits and the mode."""
    decision = row.payload
    intent = scene.intents.get(decision.subject_id)
    if intent is not None and intent.intent_kind == WITHDRAW and decision.verdict in REFUSALS:
        return f"{decision.subject_id}: a withdrawal was decided {decision.verdict}: {decision.reason}"
    return ""


def losses_latch(scene: Scene, row: Row) -> str:
    """After a day's limit nothing new that day; after a drawdown nothing new until a confirmed reset."""
    decision = row.payload
    intent = scene.intents.get(decision.subject_id)
    if decision.verdict in REFUSALS or intent is None or intent.intent_kind == WITHDRAW or scene.reduces(intent):
        return ""
    if "risk.drawdown" not in {vote.gate for vote in decision.votes}:
        return ""
    if scene.day_halted == scene.now // (86_400 * SECOND_NS):
        return f"{decision.subject_id}: approved on a day that was halted for its loss"
    if scene.losses & {"", intent.strategy}:
        return f"{decision.subject_id}: approved while the drawdown of {sorted(scene.losses)} is latched"
    return ""


# ---- safety --------------------------------------------------------------------------------------------------------


def safety_never_loosens_alone(scene: Scene, row: Row) -> str:
    """Mode and kill level loosen only by a confirmed command that answers a challenge, in calm; never by themselves."""
    said, before = row.payload, scene.state
    if before is None or scene.safety.may_loosen:
        return ""
    modes = MODES.index(before.mode), MODES.index(said.mode)
    levels = LEVELS.index(before.kill_level), LEVELS.index(said.kill_level)
    if modes[1] < modes[0] or levels[1] < levels[0]:
        return f"from {before.mode}/{before.kill_level} to {said.mode}/{said.kill_level} without a confirmed command"
    return ""


# ---- orders, fills, money ------------------------------------------------------------------------------------------


def orders_move_forward(scene: Scene, row: Row) -> str:
    """An order that ended does not live again; what is filled only grows, and never past its size."""
    said = row.payload
    order = scene.orders.get(said.client_order_id)
    if order is None:
        return f"{said.client_order_id}: an update of an order that never left"
    if order.state and order.state not in LIVE_STATES and said.state in LIVE_STATES:
        return f"{said.client_order_id}: from {order.state} to {said.state}"
    if not order.filled <= said.filled_lots <= order.child.size_lots:
        return f"{said.client_order_id}: filled {said.filled_lots} of {order.child.size_lots}, {order.filled} before"
    return ""


def fills_keep_their_promise(scene: Scene, row: Row) -> str:
    """A fill is of an order that left, counted once, on its side, at its limit or better, never more than its size."""
    fill = row.payload
    if fill.trade_id in scene.trades:
        return f"{fill.trade_id}: the same match makes a second fill"
    order = scene.orders.get(fill.client_order_id)
    if order is None:
        return f"{fill.trade_id}: a fill of an order that never left"
    child = order.child
    if fill.side != child.side or child.side * (fill.price_ticks - child.price_ticks) > 0:
        return f"{fill.trade_id}: {fill.side} at {fill.price_ticks}, the order {child.side} at {child.price_ticks}"
    if order.filled + fill.size_lots > child.size_lots:
        return f"{fill.trade_id}: {order.filled} + {fill.size_lots} of {child.size_lots} lots"
    return ""


def fees_are_the_venues(scene: Scene, row: Row) -> str:
    """No fee is missing, no more than the venue's roundings is added, and the balance stays on the venue's grid."""
    fill = row.payload
    order, definition = scene.orders.get(fill.client_order_id), scene.known(fill.market_id).definition
    if order is None or definition is None:
        return ""
    fee, step = definition.fee, max(definition.fee.round_up_micros, definition.fee.round_near_micros, 1)
    order.owed += exact_fee(fee, fill.liquidity == "maker", fill)
    number, paid = order.fills + 1, order.fees + fill.fee_micros
    least = order.owed - (number * fee.round_near_micros if fee.round_near_micros else 0)
    most = order.owed + number * (step + fee.balance_micros)
    if not least <= paid <= most:
        return f"{fill.trade_id}: fees of {paid} micros, exact {float(order.owed):.3f}, {number} matches of {fee}"
    money = fill.side * fill.price_ticks * fill.tick_micros * fill.size_lots * fill.lot_micros
    off = (money + fill.fee_micros * MILLION) % (fee.balance_micros * MILLION) if fee.balance_micros > 1 else 0
    return f"{fill.trade_id}: leaves the balance {off} millionths of a micro off its grid" if off >= MILLION else ""


def exact_fee(fee: FeeModel, maker: bool, fill: Fill) -> Fraction:
    """Return a match's fee before any rounding, in micros."""
    rate = Fraction(fee.maker_rate_micros if maker else fee.taker_rate_micros, MILLION)
    price, size = Fraction(fill.price_ticks * fill.tick_micros, MILLION), fill.size_lots * fill.lot_micros
    if fee.formula == "binary_quadratic":
        return rate * size * price * (1 - price)
    return rate * size * price if fee.formula == "linear_bps" else Fraction(0)


def positions_are_sums_of_fills(scene: Scene, row: Row) -> str:
    """A position is the sum of its fills and settlements: size, fees, and money paid, to the micro."""
    said = row.payload
    held = scene.held.get(said.market_id)
    if held is None:
        return f"{said.market_id}: a position without a fill"
    found = (said.size_lots, said.fees_micros, said.cost_micros - said.realised_micros)
    if found != (held.lots, held.fees, held.paid):
        return f"{said.market_id}: says lots, fees, paid {found}; the fills give {(held.lots, held.fees, held.paid)}"
    return ""


RULES: dict[type, tuple[Rule, ...]] = {
    AuthorisedOrder: (
        every_gate_approved,
        never_more_than_approved,
        one_order_per_id,
        nothing_new_when_stopped,
        only_on_fresh_books,
        never_in_doubt,
        only_in_open_markets,
        reduce_only_reduces,
        caps_hold,
    ),
    RiskDecision: (spared_only_when_reducing, withdrawals_pass, losses_latch),
    SafetyState: (safety_never_loosens_alone,),
    OrderUpdate: (orders_move_forward,),
    Fill: (fills_keep_their_promise, fees_are_the_venues),
    PositionState: (positions_are_sums_of_fills,),
    IncidentReport: (),
}
