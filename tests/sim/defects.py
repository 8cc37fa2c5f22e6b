"""Take away one defence at a time: the suite must go red, or it would not notice when somebody else does.

Each defect changes the code in memory the way a plausible mistake would. Those of the transport stand beside
(`transport_defects.py`), and are in the list with the others.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from hashlib import sha256
from itertools import count
from typing import Any

from msgspec import structs

from bots.exec import nonce_shepherd, order_lifecycle_manager, order_shaper
from bots.kit import approve
from bots.maths import notional, resting
from bots.risk import exposure, kill_switch, market_halt, scope_guard, stale_book
from contracts.envelope import Block
from contracts.intent import APPROVE, REJECT, ApprovedIntent
from contracts.market import BookEvent, FeeModel
from contracts.order import PositionState
from contracts.reasons import RISK_GATE_APPROVED
from flows import desks
from operators import engine, envelope, faults, freshness, gate, order_book, paper_venue, plan
from tests.sim import gambler, log, transport_defects
from tests.sim.planting import DEFECTS, Defect, defect, everywhere, planted, put, swap

__all__ = ["DEFECTS", "Defect", "planted", "transport_defects"]


# ---- the gate ------------------------------------------------------------------------------------------------------


@defect
def missing_vote(stack: ExitStack) -> None:
    """The gate settles without a required vote."""
    settle = gate.settle
    put(stack, gate, "settle", lambda intent, votes, gates, required, *rest: settle(intent, votes, gates, (), *rest))


@defect
def refusal_ignored(stack: ExitStack) -> None:
    """The gate does not end at a refusal."""
    settle = gate.settle

    def lenient(intent: Any, votes: Sequence[Any], *rest: Any) -> Any:
        decision, approved = settle(intent, [structs.replace(v, verdict=APPROVE) for v in votes], *rest)
        return structs.replace(decision, votes=tuple(votes)), approved

    put(stack, gate, "settle", lenient)


@defect
def fault_approves(stack: ExitStack) -> None:
    """A guard that fails is taken to approve."""
    refusal = faults.refusal

    def kind(node: Any, what: str) -> Any:
        if what == "BOT_FAULT":
            return approve(node.bot_id, RISK_GATE_APPROVED, 0, 0)
        return refusal(node, what)

    put(stack, faults, "refusal", kind)


@defect
def reshape_enlarges(stack: ExitStack) -> None:
    """A reshape lets more pass than it says."""
    settle = gate.settle

    def generous(intent: Any, *rest: Any) -> Any:
        decision, approved = settle(intent, *rest)
        if approved is None or decision.size_lots == intent.size_lots:
            return decision, approved
        wide = structs.replace(decision, size_lots=decision.size_lots * 2)
        return wide, ApprovedIntent(intent, decision.size_lots * 2, approved.post_only, approved.reduce_only)

    put(stack, gate, "settle", generous)


@defect
def withdrawals_voted(stack: ExitStack) -> None:
    """Taking back what rests can be refused."""
    passed = gate.pass_withdrawal

    def stubborn(intent: Any, digest: str) -> Any:
        decision, _ = passed(intent, digest)
        return structs.replace(decision, verdict=REJECT, size_lots=0), None

    put(stack, gate, "pass_withdrawal", stubborn)


@defect
def word_for_it(stack: ExitStack) -> None:
    """Reduce-only is believed on its word."""
    everywhere(stack, notional.reduces, lambda intent, position: intent.reduce_only)


# ---- guards --------------------------------------------------------------------------------------------------------


@defect
def switch_open(stack: ExitStack) -> None:
    """The kill switch does not vote."""
    swap(stack, kill_switch, "decide", lambda old, *given: kill_switch.CLEAR)


@defect
def latch_forgets(stack: ExitStack) -> None:
    """The switch opens when the environment's is released."""

    def forgetful(old: Any, config: Any, state: Any, tick: Any, *rest: Any) -> Any:
        if not tick.env_engaged and state.standing.engaged:
            calm = structs.replace(state.standing, mode=0, causes=(), engaged=False)
            return kill_switch._say(config, structs.replace(state, standing=calm, tick_ns=tick.at_ns), rest[-1])
        return old(config, state, tick, *rest)

    swap(stack, kill_switch, "on_tick", forgetful)


@defect
def no_challenge(stack: ExitStack) -> None:
    """Loosening needs no challenge."""
    commanded = kill_switch.commanded

    def trusting(standing: Any, command: Any, *rest: Any) -> Any:
        bond = f"{command.challenge_id}|{command.requested_transition}"
        return commanded(structs.replace(standing, challenges=(*standing.challenges, bond)), command, *rest)

    put(stack, kill_switch, "commanded", trusting)


@defect
def stale_approved(stack: ExitStack) -> None:
    """Stale books are approved."""
    fresh = approve(stale_book.GATE, stale_book.RISK_BOOK_FRESH, 0, 0)
    swap(stack, stale_book, "decide", lambda old, *given: fresh)


@defect
def halt_approved(stack: ExitStack) -> None:
    """Halted markets are approved."""
    is_open = approve(market_halt.GATE, market_halt.RISK_MARKET_OPEN, 0, 0)
    swap(stack, market_halt, "decide", lambda old, *given: is_open)


@defect
def denial_ignored(stack: ExitStack) -> None:
    """Denied markets are approved."""
    swap(stack, scope_guard, "decide", lambda old, *given: scope_guard.OK_UNLISTED)


@defect
def resting_uncounted(stack: ExitStack) -> None:
    """The caps ignore what rests."""

    def blind(old: Any, config: Any, state: Any, event: Any, *rest: Any) -> Any:
        return old(config, state, event, *rest) if type(event) is PositionState else state

    swap(stack, exposure, "watch", blind)


@defect
def held_uncounted(stack: ExitStack) -> None:
    """The caps ignore what is held."""

    def blind(old: Any, config: Any, state: Any, event: Any, *rest: Any) -> Any:
        return state if type(event) is PositionState else old(config, state, event, *rest)

    swap(stack, exposure, "watch", blind)


@defect
def triggers_lost(stack: ExitStack) -> None:
    """What a bot says of the desk itself does not reach those that stand before it in the library."""

    def loose(node: Any) -> list[Any]:
        slots = [*node.step.on, *(read.slot for read in node.step.reads)]
        return [slot for slot in slots if slot.type not in plan.FEEDBACK and slot.type not in plan.STAGED]

    put(stack, plan, "_depends", loose)


# ---- identity ------------------------------------------------------------------------------------------------------


@defect
def ids_drawn(stack: ExitStack) -> None:
    """Ids are drawn and not derived."""
    drawn, intent_id = count(), resting.intent_id

    def fresh(desk_id: str, cause: int, bot_id: str, leg: str) -> str:
        return intent_id(desk_id, cause, bot_id, f"{leg}/{next(drawn)}")

    put(stack, resting, "intent_id", fresh)
    put(stack, gambler, "intent_id", fresh)


@defect
def ids_reissued(stack: ExitStack) -> None:
    """An id that is known leaves again."""

    def forgetful(old: Any, config: Any, state: Any, order_plan: Any, own: Any, now: Any) -> Any:
        return old(config, nonce_shepherd.Known(), order_plan, None, now)

    swap(stack, nonce_shepherd, "assign", forgetful)


@defect
def named_by_place(stack: ExitStack) -> None:
    """What is placed is numbered after the cancels of its plan."""

    def placed(old: Any, *given: Any) -> Any:
        shaped = old(*given)
        children = tuple(structs.replace(child, child_index=at) for at, child in enumerate(shaped.children))
        return structs.replace(shaped, children=children)

    swap(stack, order_shaper, "shape", placed)


@defect
def matches_counted_twice(stack: ExitStack) -> None:
    """A match counts as often as the venue says it."""

    def forgetful(old: Any, config: Any, state: Any, *rest: Any) -> Any:
        return old(config, structs.replace(state, keys=()), *rest)

    swap(stack, order_lifecycle_manager, "heard", forgetful)


# ---- facts ---------------------------------------------------------------------------------------------------------


@defect
def gap_unnoticed(stack: ExitStack) -> None:
    """A missing number is not noticed."""

    def trusting(self: Any, row: Any, seq: int, fact: Any) -> bool:
        if row.stream is not None:
            row.stream.last = seq
        return True

    put(stack, order_book.OrderBooks, "_in_order", trusting)


@defect
def left_out_unmarked(stack: ExitStack) -> None:
    """A replay cannot tell what was left out where numbers have steps."""
    nothing = order_book.nothing
    put(stack, order_book, "nothing", lambda fact, *rest: nothing(fact))


@defect
def silence_unsaid(stack: ExitStack) -> None:
    """A silent feed is not said."""
    step = freshness.Freshness.step
    silent = ("SILENT", "QUIET", "FROZEN")

    def deaf(self: Any, entries: Any) -> Any:
        return [e for e in step(self, entries) if type(e) is not BookEvent or e.event not in silent]

    put(stack, freshness.Freshness, "step", deaf)


# ---- restarts and repeats ------------------------------------------------------------------------------------------


@defect
def venue_forgotten(stack: ExitStack) -> None:
    """A snapshot lacks the venue's state."""
    restore = engine.Desk.__setstate__

    def careless(self: Any, state: dict[str, Any]) -> None:
        restore(self, state)
        venue = self.venue
        self.venue = paper_venue.PaperVenue(venue.orders_ns, venue.cancels_ns, venue.acks_ns)

    put(stack, engine.Desk, "__setstate__", careless)


@defect
def store_keeps_repeats(stack: ExitStack) -> None:
    """The store shows an insert for every try."""

    def every(self: Any, desk_id: str, chain: str) -> Iterator[Block]:
        for kept in sorted(self.parts, key=lambda part: part.number):
            if (kept.desk_id, kept.chain) == (desk_id, chain):
                yield Block(desk_id, chain, kept.number, kept.offsets, kept.data, kept.previous, kept.head, [])

    put(stack, log.MemoryTable, "read_blocks", every)


@defect
def chain_loose(stack: ExitStack) -> None:
    """A block's hash does not cover the one before."""

    def link(self: Any, rows: list[Any], offsets: list[int]) -> Block:
        data = envelope._encode(rows)
        previous, self.head = self.head, sha256(data).digest()
        block = Block(self.desk_id, self.name, self.number, offsets, data, previous, self.head, rows)
        self.number += 1
        return block

    put(stack, envelope.Chain, "link", link)


# ---- money and modes -----------------------------------------------------------------------------------------------


@defect
def fees_unrounded(stack: ExitStack) -> None:
    """Fees lack the venue's roundings."""
    charge = paper_venue.charge

    def exact(fee: FeeModel, *rest: Any) -> Any:
        return charge(structs.replace(fee, round_up_micros=0, balance_micros=1, round_near_micros=0), *rest)

    put(stack, paper_venue, "charge", exact)


@defect
def live_allowed(stack: ExitStack) -> None:
    """A desk that would be live starts."""
    put(stack, desks, "_lawful", lambda desk, file: desk)
