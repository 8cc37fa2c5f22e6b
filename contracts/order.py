"""Execute and account: plans, orders, fills, positions."""

from contracts.base import Wire
from contracts.intent import RiskVote
from contracts.units import (
    BuilderCode,
    Count,
    Id,
    Index,
    Lots,
    Micros,
    Ms,
    Ns,
    OptionalId,
    PositiveMicros,
    Reason,
    Side,
    SignedLots,
    Text,
    Ticks,
)

PLACE, CANCEL = "PLACE", "CANCEL"
MERGE, REDEEM, CONVERT = "MERGE", "REDEEM", "CONVERT"
"""What is done with outcome tokens on their chain: a pair is given for its collateral, a resolved token for its value,
NO of several outcomes for collateral and YES of the others. No price, no book: `size_lots` of the child's market go."""
SETTLE = "SETTLE"
"""Kind and style of a plan whose children are such operations; CONVERT children of one plan are one operation."""
LIVE_STATES = frozenset({"PENDING_SUBMIT", "SUBMITTED", "LIVE", "PARTIAL", "PENDING_CANCEL", "UNKNOWN"})


class PlannedOrder(Wire):
    """One child of a plan: an order to place or to cancel.

    action            PLACE or CANCEL; MERGE, REDEEM or CONVERT on a chain
    venue_id          the venue
    market_id         the venue's own id
    side              1 buy, -1 sell, on the YES scale
    order_type        LIMIT
    price_ticks       limit price
    size_lots         size
    time_in_force     GTC, GTD, IOC or FOK
    post_only         never take
    reduce_only       may only reduce
    child_index       place in the plan
    revision          grows only after a terminal state that the venue has proven
    client_order_id   exec.nonce_shepherd derives it; empty before
    salt              EIP-712 salt, below 2^53; 0 before
    venue_ts_ms       creation time in the signed order; 0 before
    delay_ms          wait before sending
    expires_ns        end of life; 0 none
    builder_code      whose flow this is; never empty
    """

    action: Text
    venue_id: Id
    market_id: Id
    side: Side
    order_type: Text
    price_ticks: Ticks
    size_lots: Lots
    time_in_force: Text
    post_only: bool
    reduce_only: bool
    child_index: Count
    revision: Count
    client_order_id: OptionalId
    salt: Count
    venue_ts_ms: Count
    delay_ms: Ms
    expires_ns: Ns
    builder_code: BuilderCode


class ExecutionPlan(Wire):
    """How an approved intent is executed. A plan without children is a refusal with its reason.

    plan_id        H(intent, plan)
    plan_hash      digest of what the plan does; guards vote on it
    intent_id      the intent
    strategy       bot id of the strategy
    intent_kind    of the intent; SETTLE without one
    style          TAKE, JOIN, IMPROVE, QUOTE, CANCEL, SETTLE or NONE
    children       orders to place or to cancel
    cost_micros    expected cost per contract
    fill_milli     expected chance of a fill, in thousandths
    expires_ns     not valid after
    reasons        codes of every bot that worked on it, in order
    """

    plan_id: Id
    plan_hash: Text
    intent_id: Id
    strategy: Id
    intent_kind: Text
    style: Text
    children: tuple[PlannedOrder, ...]
    cost_micros: Micros
    fill_milli: Count
    expires_ns: Ns
    reasons: tuple[Reason, ...]


class AuthorisedOrder(Wire):
    """A child that may leave. Made in the gate and nowhere else; the submitter takes nothing but these.

    intent_id     the intent
    plan_id       the plan
    strategy      bot id of the strategy
    child         the order
    votes         pre-sign votes, in order
    gates_digest  digest of the required gates
    """

    intent_id: Id
    plan_id: Id
    strategy: Id
    child: PlannedOrder
    votes: tuple[RiskVote, ...]
    gates_digest: Text


class SignedOrderRequest(Wire):
    """What the signer answers; the signature is outside every digest.

    client_order_id  the order
    payload_hash     SHA-256 of the bytes signed
    signature        null in shadow
    key_ref          reference of the key, never a key
    builder_code     whose flow this is; never empty
    vote_digests     digests of the votes behind it
    """

    client_order_id: Id
    payload_hash: Text
    signature: str | None
    key_ref: Text
    builder_code: BuilderCode
    vote_digests: tuple[Text, ...]


class VenueOrderEvent(Wire):
    """What a venue says of one of our orders.

    client_order_id  the order
    venue_order_id   the venue's id; empty before it has one
    market_id        the venue's own id
    event            ACK, REJECT, MATCH, CANCELLED, EXPIRED, CANCEL_REJECT
    side             1 buy, -1 sell
    price_ticks      price of the order, or of the match
    size_lots        size of the order, or of the match
    trade_id         id of the match; empty otherwise
    liquidity        maker or taker; empty otherwise
    fee_micros       fee of the match
    queue_lots       displayed size ahead of it when it joined
    detail           the venue's word for a refusal; empty none
    """

    client_order_id: Id
    venue_order_id: OptionalId
    market_id: Id
    event: Text
    side: Side
    price_ticks: Ticks
    size_lots: Lots
    trade_id: OptionalId
    liquidity: Text
    fee_micros: Micros
    queue_lots: Lots
    detail: Text


class OrderUpdate(Wire):
    """The state of one order after an event, as exec.order_lifecycle_manager says it.

    client_order_id  the order
    venue_order_id   the venue's id; empty before it has one
    market_id        the venue's own id
    strategy         bot id of the strategy
    side             1 buy, -1 sell
    price_ticks      price
    size_lots        size
    filled_lots      filled so far
    reduce_only      may only reduce
    state            PENDING_SUBMIT, LIVE, PARTIAL, PENDING_CANCEL, FILLED, CANCELLED, REJECTED, EXPIRED, UNKNOWN
    since_ns         in this state since
    reason           its code
    """

    client_order_id: Id
    venue_order_id: OptionalId
    market_id: Id
    strategy: Id
    side: Side
    price_ticks: Ticks
    size_lots: Lots
    filled_lots: Lots
    reduce_only: bool
    state: Text
    since_ns: Ns
    reason: Reason

    @property
    def open_lots(self) -> int:
        """What may still be filled; 0 in a terminal state."""
        return self.size_lots - self.filled_lots if self.state in LIVE_STATES else 0


class OwnOrders(Wire):
    """Every order of this market that may still live. Kept by the desk, not stored: a fold of OrderUpdates.

    orders  oldest first
    """

    orders: tuple[OrderUpdate, ...] = ()


class Fill(Wire):
    """A match of one of our orders, once.

    market_id        the venue's own id
    venue_id         the venue
    trade_id         the venue's id of the match
    client_order_id  the order
    strategy         bot id of the strategy
    side             1 bought, -1 sold, on the YES scale
    price_ticks      price
    tick_micros      one tick, in millionths
    size_lots        size
    lot_micros       one lot, in millionths of a contract
    fee_micros       fee, from the match
    liquidity        maker or taker
    settled          final at the venue
    reason           its code
    """

    market_id: Id
    venue_id: Id
    trade_id: Id
    client_order_id: Id
    strategy: Id
    side: Side
    price_ticks: Ticks
    tick_micros: PositiveMicros
    size_lots: Lots
    lot_micros: PositiveMicros
    fee_micros: Micros
    liquidity: Text
    settled: bool
    reason: Reason


class PositionState(Wire):
    """What the desk holds in one market, from fills and settlements alone.

    account           the account
    market_id         the venue's own id
    size_lots         signed, on the YES scale: below zero is short YES, which is long NO
    cost_micros       what the open size cost, average cost; below zero for a short
    realised_micros   realised so far, before fees
    fees_micros       fees so far
    funding_micros    funding so far
    mark_micros       value of one contract, in millionths; -1 unpriced
    unrealised_micros open size at the mark less its cost
    drift             the account's own snapshot differs
    reason            its code
    exposure_micros   most that the open size can still lose, from its cost: cost of a long, 1 less price of a short
    """

    account: Id
    market_id: Id
    size_lots: SignedLots
    cost_micros: Micros
    realised_micros: Micros
    fees_micros: Micros
    funding_micros: Micros
    mark_micros: Index
    unrealised_micros: Micros
    drift: bool
    reason: Reason
    exposure_micros: Count = 0

    @property
    def total_micros(self) -> int:
        """Realised and unrealised, after fees and funding."""
        return self.realised_micros + self.unrealised_micros - self.fees_micros + self.funding_micros


class Account(Wire):
    """The desk's money: the sum of its positions. Kept by the desk, not stored (operators/account.py).

    account              the account
    start_micros         equity at birth
    equity_micros        equity now, marked
    day_open_micros      equity at the start of the UTC day
    peak_micros          highest equity
    exposure_micros      worst-case loss of what is held
    unpriced             markets held without a mark
    updated_ns           last change
    """

    account: Id
    start_micros: Micros
    equity_micros: Micros
    day_open_micros: Micros
    peak_micros: Micros
    exposure_micros: Micros
    unpriced: Count
    updated_ns: Ns


class AccountSnapshot(Wire):
    """One complete page set of an account as the venue states it; compared, never copied.

    account         the account
    complete        every page was read
    cash_micros     cash
    positions       (market_id, signed lots)
    open_orders     client order ids
    taken_ns        when
    """

    account: Id
    complete: bool
    cash_micros: Micros
    positions: tuple[tuple[Id, SignedLots], ...]
    open_orders: tuple[Id, ...]
    taken_ns: Ns
