"""Propose and permit: intents, votes, decisions. Only `operators/gate.py` makes an ApprovedIntent."""

from contracts.base import Wire
from contracts.units import (
    MAX_INT,
    Count,
    Id,
    Index,
    Lots,
    Milli,
    Ms,
    Ns,
    Number,
    OptionalId,
    Reason,
    Side,
    Text,
    Ticks,
)

APPROVE, RESHAPE, REJECT, QUARANTINE, NOT_RUN = "APPROVE", "RESHAPE", "REJECT", "QUARANTINE", "NOT_RUN"
ENTRY, QUOTE, HEDGE, EXIT, WITHDRAW = "ENTRY", "QUOTE", "HEDGE", "EXIT", "WITHDRAW"
NO_LIMIT = MAX_INT


class OrderIntent(Wire):
    """A strategy's wish to trade. Its size is a proposal; risk decides.

    intent_id           H(desk, trigger fact, bot, leg)
    strategy            bot id of the strategy
    market_id           the venue's own id
    intent_kind         ENTRY, QUOTE, HEDGE, EXIT, or WITHDRAW (cancel what rests on this side, nothing else)
    side                1 buy, -1 sell, on the YES scale
    price_ticks         limit price
    size_lots           size asked for
    leg                 name of the leg within the strategy
    ref_micros          price the strategy believed, in millionths
    p_model_micros      model probability without the own book; -1 none
    book_hash           provenance of the book it was priced on
    confidence_milli    in thousandths
    edge_micros         net edge per contract after costs, in millionths
    alpha_half_life_ms  how fast the edge decays
    post_only           never take
    reduce_only         may only reduce the position
    bundle_id           legs that stand or fall together; empty none
    urgency             LOW, NORMAL or HIGH
    expires_ns          not valid after
    reason              its code
    """

    intent_id: Id
    strategy: Id
    market_id: Id
    intent_kind: Text
    side: Side
    price_ticks: Ticks
    size_lots: Lots
    leg: Text
    ref_micros: Count
    p_model_micros: Index
    book_hash: Text
    confidence_milli: Milli
    edge_micros: Number
    alpha_half_life_ms: Ms
    post_only: bool
    reduce_only: bool
    bundle_id: OptionalId
    urgency: Text
    expires_ns: Ns
    reason: Reason


class RiskVote(Wire):
    """One guard's answer to one subject, with the numbers compared.

    gate            bot id of the guard
    verdict         APPROVE, RESHAPE, REJECT, QUARANTINE
    reason          its code
    seen            what was measured, in the unit the bot states
    limit           what it was compared with
    size_lots_max   largest size allowed; the largest integer means no bound
    post_only       the order may only rest
    reduce_only     the order may only reduce
    """

    gate: Id
    verdict: Text
    reason: Reason
    seen: Number
    limit: Number
    size_lots_max: Lots = NO_LIMIT
    post_only: bool = False
    reduce_only: bool = False


class GuardReport(Wire):
    """What a guard compared, where its vote alone would not say it; sealed beside the vote (decisions §6).

    event      ENTRY_POLICY_DECISION or CAPITAL_ALLOCATION
    intent_id  the intent
    gate       bot id of the guard
    verdict    of its vote
    reason     of its vote
    compared   (what, number) in the order compared; amounts in micros, confidences in thousandths
    """

    event: Text
    intent_id: Id
    gate: Id
    verdict: Text
    reason: Reason
    compared: tuple[tuple[Text, Number], ...]


class RiskDecision(Wire):
    """What the gate made of all votes.

    subject_id     intent or plan that was judged
    verdict        APPROVE, RESHAPE, REJECT or QUARANTINE
    reason         code of the vote that decided
    size_lots      approved size; 0 when refused
    post_only      union of the votes
    reduce_only    union of the votes
    votes          every vote, in order, approvals too
    not_run        guards that a refusal spared
    gates_digest   digest of the desk's required gates and modes
    """

    subject_id: Id
    verdict: Text
    reason: Reason
    size_lots: Lots
    post_only: bool
    reduce_only: bool
    votes: tuple[RiskVote, ...]
    not_run: tuple[Text, ...]
    gates_digest: Text

    @property
    def is_of_plan(self) -> bool:
        """True when a plan was judged: its id is that of its intent with a `p` before it."""
        return self.subject_id.startswith("p")


class ApprovedIntent(Wire):
    """An intent that may be executed, at most at this size. Made in the gate and nowhere else.

    intent       the intent
    size_lots    size that may be executed
    post_only    must rest
    reduce_only  must reduce
    """

    intent: OrderIntent
    size_lots: Lots
    post_only: bool
    reduce_only: bool


class BotNote(Wire):
    """A reason without a consequence: why a bot stayed silent, or what it noticed.

    reason  its code
    seen    what was measured
    limit   what it was compared with
    """

    reason: Reason
    seen: Number = 0
    limit: Number = 0


