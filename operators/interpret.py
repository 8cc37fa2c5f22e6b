"""Run a plan step by step: slow, obvious, the reference that the generated functions must equal.

Nothing is prepared: each trigger looks up its bots, each bot its readings, by slot, every time. Whoever wants to know
what the engine does reads this module; whoever changes it changes `generate.py` too, and the law compares them.
"""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

from bots.kit import Book, Cause, ConfirmedAt, Read, Slot
from bots.maths.notional import reduces
from contracts import intent, market, order
from contracts.control import ControlCommand, DeskConfigured, PolicyBundle
from contracts.envelope import Row
from contracts.intent import QUARANTINE, REJECT, WITHDRAW, BotNote, RiskVote
from operators import faults, gate
from operators.generate import Compiled
from operators.plan import AUTHORISE_RANK, FACTS, GATE_RANK, INNER, KEPT, Node, Plan, missing
from operators.rows import awake, fault, miss, note

COUNTED = ("enforced", "quarantine")
INTENT, APPROVED, PLAN = Slot(intent.OrderIntent), Slot(intent.ApprovedIntent), Slot(order.ExecutionPlan)


def interpreted(plan: Plan) -> Compiled:
    """Return handlers that interpret the plan; the counterpart of `generate.compile_functions`."""
    machine = Machine(plan)
    given = [*FACTS, *INNER, DeskConfigured, ControlCommand, PolicyBundle, order.VenueOrderEvent, order.Account]
    given += [order.AuthorisedOrder, market.Settlement]
    slots = [Slot(kind) for kind in given] + [*plan.row_slots, *plan.desk_slots]
    slots += [slot for node in (*plan.nodes, *plan.refiners) for slot in (*node.step.says, *node.step.on)]
    digest = sha256(repr([node[:3] for node in plan.nodes]).encode()).hexdigest()[:16]
    handlers: dict[Slot, Callable[..., None]] = {slot: partial(machine.arrive, slot) for slot in dict.fromkeys(slots)}
    return Compiled(handlers, "", digest)


class Machine:
    """The plan, and what to do with it."""

    def __init__(self, plan: Plan) -> None:
        """Take a plan."""
        self.plan = plan
        self.kept = {*plan.row_slots, *plan.desk_slots}

    def arrive(self, slot: Slot, memory: Any, row: Any, value: Any, cause: int, now: int, offset: int) -> None:
        """Keep a value, then run what it triggers; a value of the whole desk triggers market bots row by row."""
        self.keep(slot, memory, row, value, now)
        first = [node for node in self.plan.nodes if slot in node.step.on]
        context = (memory, cause, now, offset)
        if not self.plan.is_desk_wide(slot):
            self.cascade(first, {slot: value}, row, *context)
            return
        self.cascade([node for node in first if node.per == "desk"], {slot: value}, row, *context)
        for each in awake(memory.rows, slot, value) if any(node.per != "desk" for node in first) else ():
            self.cascade([node for node in first if node.per != "desk"], {slot: value}, each, *context)

    def keep(self, slot: Slot, memory: Any, row: Any, value: Any, now: int) -> None:
        """Put a value into its slot."""
        if slot in self.kept:
            target = memory.desk if self.plan.is_desk_wide(slot) else row
            setattr(target, slot.field, value)
            if slot in self.plan.timed:
                setattr(target, f"t_{slot.field}", now)

    def cascade(
        self, first: list[Node], live: dict[Slot, Any], row: Any, memory: Any, cause: int, now: int, offset: int
    ) -> None:
        """Run `first` and all that their statements trigger, in the plan's order."""
        chosen, given = {node.key for node in first}, set(live)
        for node in self.plan.nodes:
            own = [slot for slot in node.step.on if slot in given] if node.key in chosen else []
            own += [slot for slot in node.step.on if slot in live and slot not in given]
            for slot in [slot for slot in node.step.on if slot in own]:
                said = self.call(node, live[slot], row, memory, cause, now, offset)
                if said is not None and len(node.step.says) == 1 and node.step.form == "one":
                    live[node.step.says[0]] = said

    def call(self, node: Node, trigger: Any, row: Any, memory: Any, cause: int, now: int, offset: int) -> Any:
        """Call one step and deal with its answer; return a statement that others may be triggered by."""
        if node.mode == "quarantine":
            return None
        try:
            blind = self.blind(node, row, memory, now)
            if blind:
                miss(memory, row, node, blind, cause, now, offset)
                return None
            if missing(node.step.reads) or any(read.within_ns and not read.optional for read in node.step.reads):
                row.silent &= ~(3 << 2 * node.rank)
            answer = self.answer(node, trigger, row, memory, cause, now)
            if node.step.form == "many":
                for said in answer:
                    self.act(node, said, row, memory, cause, now, offset)
                return None
            return self.state(node, answer, row, memory, cause, now, offset)
        except Exception as err:
            fault(memory, row, node, err, cause, now, offset)
            return None

    def blind(self, node: Node, row: Any, memory: Any, now: int) -> str:
        """Return INPUT_MISSING or INPUT_STALE when a required reading is, or nothing."""
        reads = missing(node.step.reads)
        if any(self.value(read, row, memory) is None for read in reads):
            return "INPUT_MISSING"
        old = [read for read in reads if read.within_ns and now - self.said_at(read, row, memory) > read.within_ns]
        return "INPUT_STALE" if old else ""

    def value(self, read: Read, row: Any, memory: Any) -> Any:
        """Return the newest value of a reading."""
        if read.slot not in self.kept:
            return None
        return getattr(memory.desk if self.plan.is_desk_wide(read.slot) else row, read.slot.field)

    def said_at(self, read: Read, row: Any, memory: Any) -> int:
        """Return the time by which a reading's age is judged: of the book for what rests on it."""
        if read.slot in self.plan.book_rooted:
            return int(row.book_at)
        return int(getattr(memory.desk if self.plan.is_desk_wide(read.slot) else row, f"t_{read.slot.field}"))

    def reading(self, read: Read, row: Any, memory: Any, cause: int, now: int) -> Any:
        """Return what a step is given for a reading."""
        views = {Book: row.book, ConfirmedAt: row.book_at, Cause: cause}
        if read.slot.type in views:
            return views[read.slot.type]
        value = self.value(read, row, memory)
        if read.optional and read.within_ns and read.slot in self.kept:
            return value if now - self.said_at(read, row, memory) <= read.within_ns else None
        return value

    def answer(self, node: Node, trigger: Any, row: Any, memory: Any, cause: int, now: int) -> Any:
        """Call the function itself, and keep the state that it answers with."""
        owner = memory.desk if node.per == "desk" else row
        arguments = [node.config, *([getattr(owner, f"s{node.rank}")] if node.step.stateful else []), trigger]
        arguments += [self.reading(read, row, memory, cause, now) for read in node.step.reads]
        answer = node.step.fn(*arguments, now)
        if node.step.remembers:
            state, answer = (answer, None) if node.step.form == "silent" else answer
            setattr(owner, f"s{node.rank}", state)
        return answer

    def state(self, node: Node, said: Any, row: Any, memory: Any, cause: int, now: int, offset: int) -> Any:
        """Deal with a statement: the newest counts, an equal one is not said again."""
        owner = memory.desk if node.per == "desk" else row
        if said is None:
            return None
        if len(node.step.says) != 1:
            self.act(node, said, row, memory, cause, now, offset)
            return None
        if type(said) is BotNote:
            note(memory, row, owner, node, said, cause, now, offset)
            return None
        slot = node.step.says[0]
        if type(said) is not slot.type:
            raise TypeError(f"answered {type(said).__name__}")
        counts = node.mode in COUNTED
        if slot == PLAN and counts:
            self.execute_plan(memory, row, said, cause, now, offset)
            return None
        if not (slot in self.kept and counts):
            setattr(owner, f"n{node.rank}", None)
            self.say(node.rank, said, row, memory, cause, now, offset)
            return said if counts else None
        target = memory.desk if self.plan.is_desk_wide(slot) else row
        fresh = said != getattr(target, slot.field)
        if fresh:
            if slot.type is order.PositionState:
                memory.account_for(row, said, cause, now, offset)
            setattr(owner, f"n{node.rank}", None)
            if slot not in KEPT:
                self.say(node.rank, said, row, memory, cause, now, offset)
            setattr(target, slot.field, said)
        if slot in self.plan.timed:
            setattr(target, f"t_{slot.field}", now)
        return said if fresh else None

    def act(self, node: Node, said: Any, row: Any, memory: Any, cause: int, now: int, offset: int) -> None:
        """Deal with one of several answers; each runs what it triggers before the next."""
        owner = memory.desk if node.per == "desk" else row
        if type(said) is BotNote:
            note(memory, row, owner, node, said, cause, now, offset)
            return
        name = getattr(said, "aspect" if type(said).__name__ == "MarketCandidate" else "signal", "")
        slot = next((s for s in node.step.says if s.type is type(said) and s.name in ("", name)), None)
        if slot is None:
            raise TypeError(f"answered {type(said).__name__}")
        counts, place = node.mode in COUNTED, memory.desk if self.plan.is_desk_wide(slot) else row
        if slot.type is not intent.OrderIntent and slot in self.kept and counts and said == getattr(place, slot.field):
            return
        setattr(owner, f"n{node.rank}", None)
        if slot not in KEPT:
            self.say(node.rank, said, row, memory, cause, now, offset)
        if not counts:
            return
        if slot.type is intent.OrderIntent:
            self.on_intent(memory, row, said, cause, now, offset)
            return
        if slot.type is order.PositionState:
            memory.account_for(row, said, cause, now, offset)
        self.arrive(slot, memory, row, said, cause, now, offset)

    def say(self, rank: int, payload: Any, row: Any, memory: Any, cause: int, now: int, offset: int) -> None:
        """Seal an output."""
        memory.out.append(Row(cause, rank, len(memory.out) - memory.base, now, row.market, payload))
        memory.offsets.append(offset)

    def on_intent(self, memory: Any, row: Any, wish: Any, cause: int, now: int, offset: int) -> None:
        """Let those who watch know, vote, then execute what was approved; who watches knows before who acts."""
        context = (memory, cause, now, offset)
        self.cascade(self.waiting(INTENT, watching=True), {INTENT: wish}, row, *context)
        if wish.intent_kind == WITHDRAW:
            decision, approved = gate.pass_withdrawal(wish, self.plan.gates_digest)
        else:
            decision, found = self.vote(memory, row, wish, cause, now, offset)
            approved = found
        self.say(GATE_RANK, decision, row, memory, cause, now, offset)
        if approved is not None:
            for watching in (True, False):
                self.cascade(self.waiting(APPROVED, watching), {APPROVED: approved}, row, *context)

    def waiting(self, slot: Slot, watching: bool) -> list[Node]:
        """Return the nodes that a slot triggers: those that only keep a state, or the others."""
        return [node for node in self.plan.nodes if slot in node.step.on and (node.step.form == "silent") == watching]

    def vote(self, memory: Any, row: Any, wish: Any, cause: int, now: int, offset: int) -> Any:
        """Ask every guard in order; the first refusal ends, then the gate settles."""
        counted = [node for node in self.plan.gates if node.mode in COUNTED]
        reducing = wish.reduce_only and reduces(wish, row.PositionState)
        skipped = [n.bot_id for n in counted if reducing and n.bot_id in self.plan.skips]
        names = tuple(node.bot_id for node in counted if node.bot_id not in skipped)
        votes = self.votes(self.plan.gates, skipped, wish, row, memory, cause, now, offset)
        required, digest = self.plan.required_gates, self.plan.gates_digest
        return gate.settle(wish, votes, names, required, skipped, self.smallest(row), digest)

    def smallest(self, row: Any) -> int:
        """Return the smallest order of the market."""
        return row.MarketDefinition.min_size_lots if row.MarketDefinition is not None else 1

    def votes(
        self, guards: Any, skipped: Any, subject: Any, row: Any, memory: Any, cause: int, now: int, offset: int
    ) -> list[RiskVote]:
        """Ask guards on a subject: first those whose votes are only kept, then the others up to the first refusal."""
        for node in guards:
            if node.mode not in COUNTED:
                vote = self.ask(node, subject, row, memory, cause, now, offset)
                self.say(node.rank, vote, row, memory, cause, now, offset)
        votes: list[RiskVote] = []
        for node in guards:
            if node.mode not in COUNTED or node.bot_id in skipped:
                continue
            votes.append(self.ask(node, subject, row, memory, cause, now, offset))
            if votes[-1].verdict in (REJECT, QUARANTINE):
                break
        return votes

    def ask(self, node: Node, wish: Any, row: Any, memory: Any, cause: int, now: int, offset: int) -> RiskVote:
        """Return one guard's vote; a guard that cannot vote refuses."""
        if node.mode == "quarantine":
            return faults.quarantined_vote(node)
        try:
            blind = self.blind(node, row, memory, now)
            vote = faults.refusal(node, blind) if blind else self.answer(node, wish, row, memory, cause, now)
            if type(vote) is tuple:
                vote, report = vote
                self.say(node.rank, report, row, memory, cause, now, offset)
        except Exception as err:
            fault(memory, row, node, err, cause, now, offset)
            return faults.refusal(node, "BOT_FAULT")
        return vote if type(vote) is RiskVote else faults.refusal(node, "BOT_FAULT")

    def execute_plan(self, memory: Any, row: Any, plan: Any, cause: int, now: int, offset: int) -> None:
        """Refine a plan bot by bot, seal it, and authorise its children."""
        for node in self.plan.refiners:
            if not plan.children:
                break
            try:
                if self.blind(node, row, memory, now):
                    miss(memory, row, node, "INPUT_MISSING", cause, now, offset)
                    return
                plan = self.answer(node, plan, row, memory, cause, now)
            except Exception as err:
                fault(memory, row, node, err, cause, now, offset)
                return
            if plan is None:
                return
            if type(plan) is BotNote:
                owner = memory.desk if node.per == "desk" else row
                note(memory, row, owner, node, plan, cause, now, offset)
                return
        last = self.plan.refiners[-1].rank if self.plan.refiners else GATE_RANK
        self.say(last, plan, row, memory, cause, now, offset)
        for authorised in self.allowed(plan, row, memory, cause, now, offset):
            memory.ordered = True
            self.say(AUTHORISE_RANK, authorised, row, memory, cause, now, offset)
            self.arrive(Slot(order.AuthorisedOrder), memory, row, authorised, cause, now, offset)
            memory.submit(row, authorised.child, now)

    def allowed(self, plan: Any, row: Any, memory: Any, cause: int, now: int, offset: int) -> Any:
        """Ask the pre-sign guards in order, unless the plan only cancels; return what may leave."""
        if not self.plan.presign or gate.only_cancels(plan):
            return gate.authorise_all(plan, self.plan.gates_digest)
        votes = self.votes(self.plan.presign, (), plan, row, memory, cause, now, offset)
        names = tuple(node.bot_id for node in self.plan.presign if node.mode in COUNTED)
        required, smallest = self.plan.required_presign, self.smallest(row)
        decision, allowed = gate.settle_plan(plan, votes, names, required, smallest, self.plan.gates_digest)
        self.say(AUTHORISE_RANK, decision, row, memory, cause, now, offset)
        return allowed
