"""Write a plan out as straight-line functions, the loop one would write by hand; the only `exec` of the house.

Not clever code: for each type that can trigger, one function that calls its bots in the plan's order with their
readings as plain attributes. `operators/interpret.py` runs the same plan step by step; the law that both say the same,
to the byte, over random plans and streams is what lets anyone trust this one (tests/laws/test_engine.py).

The text is registered with linecache, so tracebacks and the debugger show it; its hash is part of DeskConfigured.
"""

import linecache
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from bots.kit import Slot
from bots.maths.notional import reduces
from contracts import control, intent, market, order
from contracts.envelope import Row
from contracts.intent import APPROVE, QUARANTINE, REJECT, WITHDRAW, BotNote, RiskVote
from operators import faults, gate
from operators.generate_gates import write_authorise, write_vote
from operators.generate_parts import Text, arguments, blind, counts, is_kept, place, say
from operators.plan import FACTS, GATE_RANK, INNER, KEPT, Node, Plan
from operators.rows import awake, fault, miss, note

INTENT, APPROVED, PLAN, AUTHORISED = (
    Slot(intent.OrderIntent),
    Slot(intent.ApprovedIntent),
    Slot(order.ExecutionPlan),
    Slot(order.AuthorisedOrder),
)


class Compiled(NamedTuple):
    """The functions of a plan: handler of each slot, their source, and its hash."""

    handlers: dict[Slot, Callable[..., None]]
    source: str
    hash: str


def compile_functions(plan: Plan) -> Compiled:
    """Return one function per slot that triggers anything, compiled from generated text."""
    text = Text()
    roots = list(_roots(plan))
    for slot in roots:
        _write_root(text, plan, slot)
    if plan.where == "desk":
        write_vote(text, plan)
        _write_execute(text, plan)
        write_authorise(text, plan)
        _write_intent(text, plan)
    source = "\n".join(text.lines) + "\n"
    digest = sha256(source.encode()).hexdigest()[:16]
    name = f"<plan {digest}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    names = _names(plan)
    exec(compile(source, name, "exec"), names)  # noqa: S102
    return Compiled({slot: names[f"on_{slot.field}"] for slot in roots}, source, digest)


def _names(plan: Plan) -> dict[str, Any]:
    """Every name that the text may use."""
    names: dict[str, Any] = {cls.__name__: cls for cls in (*FACTS, *INNER, Row, BotNote, RiskVote)}
    for slot in (*plan.row_slots, *plan.desk_slots):
        names[slot.type.__name__] = slot.type
    names |= {"settle": gate.settle, "pass_withdrawal": gate.pass_withdrawal, "only_cancels": gate.only_cancels}
    names |= {"authorise_all": gate.authorise_all, "settle_plan": gate.settle_plan}
    names |= {f"SLOT_{slot.field}": slot for slot in _roots(plan)} | {"awake": awake}
    names |= {"reduces": reduces, "miss": miss, "fault": fault, "note": note, "NO_MIN": 1, "WITHDRAW": WITHDRAW}
    names |= {"APPROVE": APPROVE, "REJECT": REJECT, "QUARANTINE": QUARANTINE, "OrderIntent": intent.OrderIntent}
    for node in (*plan.nodes, *plan.gates, *plan.refiners, *plan.presign):
        names |= {slot.type.__name__: slot.type for slot in node.step.says}
        names[f"f{node.key}"], names[f"c{node.key}"], names[f"node{node.key}"] = node.step.fn, node.config, node
    for node in (*plan.gates, *plan.presign):
        names[f"MISSING{node.key}"] = faults.refusal(node, "INPUT_MISSING")
        names[f"STALE{node.key}"] = faults.refusal(node, "INPUT_STALE")
        names[f"FAULT{node.key}"] = faults.refusal(node, "BOT_FAULT")
        names[f"ISOLATED{node.key}"] = faults.quarantined_vote(node)
    names["GATES"] = tuple(node.bot_id for node in plan.gates if node.mode in ("enforced", "quarantine"))
    names["GATES_REDUCING"] = tuple(gate_id for gate_id in names["GATES"] if gate_id not in plan.skips)
    names["SKIPPED"] = tuple(gate_id for gate_id in names["GATES"] if gate_id in plan.skips)
    names["PRESIGN"] = tuple(node.bot_id for node in plan.presign if node.mode in ("enforced", "quarantine"))
    names["REQUIRED"], names["REQUIRED_PRESIGN"] = plan.required_gates, plan.required_presign
    names["DIGEST"] = plan.gates_digest
    return names


def _roots(plan: Plan) -> Iterator[Slot]:
    """Every slot that is said or arrives, and triggers or is kept for somebody."""
    given = [Slot(kind) for kind in (*FACTS, *INNER, control.DeskConfigured, control.ControlCommand)]
    given += [Slot(order.VenueOrderEvent), Slot(market.Settlement), Slot(control.PolicyBundle), Slot(order.Account)]
    said = [slot for node in (*plan.nodes, *plan.refiners) for slot in node.step.says]
    triggers = [slot for node in plan.nodes for slot in node.step.on]
    wanted = dict.fromkeys([*given, *plan.row_slots, *plan.desk_slots, *said, *triggers])
    if plan.where == "desk":
        wanted[AUTHORISED] = None
    for slot in wanted:
        if slot.type not in (intent.OrderIntent, intent.ApprovedIntent, order.ExecutionPlan):
            yield slot


def _write_root(w: Text, plan: Plan, slot: Slot) -> None:
    """One function: keep the value, then run what it triggers."""
    w(0, f"def on_{slot.field}(M, row, value, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out")
    if is_kept(plan, slot):
        w(1, f"{place(plan, slot)} = value")
        if slot in plan.timed:
            w(1, f"{'desk' if plan.is_desk_wide(slot) else 'row'}.t_{slot.field} = now")
    w(1, f"v_{slot.field} = value")
    live = {slot}
    first = [node for node in plan.nodes if slot in node.step.on]
    if plan.is_desk_wide(slot):
        wide = [node for node in first if node.per == "desk"]
        each = [node for node in first if node.per != "desk"]
        _write_cascade(w, 1, plan, wide, set(live))
        if each:
            w(1, f"for row in awake(M.rows, SLOT_{slot.field}, value):")
            _write_cascade(w, 2, plan, each, set(live))
        return
    _write_cascade(w, 1, plan, first, live)


def _write_cascade(w: Text, depth: int, plan: Plan, first: list[Node], live: set[Slot]) -> None:
    """Run `first` and all that their statements trigger, in the plan's order."""
    reached = [node for node in _reach(plan, first, live) if node.mode != "quarantine"]
    own = dict.fromkeys(s for node in reached if node.step.form == "one" for s in node.step.says if s not in live)
    for slot in own:
        w(depth, f"v_{slot.field} = None")
    for node in reached:
        for slot in node.step.on:
            if slot in live:
                _write_call(w, depth, plan, node, f"v_{slot.field}")
            elif slot in own:
                w(depth, f"if v_{slot.field} is not None:")
                _write_call(w, depth + 1, plan, node, f"v_{slot.field}")


def _reach(plan: Plan, first: list[Node], live: set[Slot]) -> list[Node]:
    chosen = {node.key for node in first}
    said = set(live)
    for node in plan.nodes:
        if node.key in chosen or any(slot in said and slot not in live for slot in node.step.on):
            chosen.add(node.key)
            if node.step.form == "one" and node.mode not in ("shadow", "advisory"):
                said.update(node.step.says)
    return [node for node in plan.nodes if node.key in chosen]


def _write_call(w: Text, depth: int, plan: Plan, node: Node, trigger: str) -> None:
    """Call one step with its readings, and deal with its answer."""
    if node.mode == "quarantine":
        return
    key, owner = node.key, "desk" if node.per == "desk" else "row"
    state = f"{owner}.s{node.rank}"
    absent, old = blind(plan, node)
    w(depth, "try:")
    inner = depth + 1
    if absent or old:
        w(inner, f"if {absent or 'False'}: miss(M, row, node{key}, 'INPUT_MISSING', cause, now, offset)")
        if old:
            w(inner, f"elif {old}: miss(M, row, node{key}, 'INPUT_STALE', cause, now, offset)")
        w(inner, "else:")
        inner += 1
    call = f"f{key}({arguments(plan, node, trigger)})"
    if absent or old:
        w(inner, f"if row.silent and row.silent >> {2 * node.rank} & 3: row.silent &= ~{3 << 2 * node.rank}")
    if node.step.form == "silent":
        w(inner, f"{state} = {call}")
    else:
        w(inner, f"{state}, y = {call}" if node.step.remembers else f"y = {call}")
        if node.step.form == "one":
            _write_statement(w, inner, plan, node)
        else:
            w(inner, "for y in y:")
            _write_acts(w, inner + 1, plan, node)
    w(depth, f"except Exception as err: fault(M, row, node{key}, err, cause, now, offset)")


def _write_statement(w: Text, depth: int, plan: Plan, node: Node) -> None:
    w(depth, "if y is not None:")
    if len(node.step.says) != 1:
        _write_acts(w, depth + 1, plan, node)
        return
    slot = node.step.says[0]
    owner = "desk" if node.per == "desk" else "row"
    w(depth + 1, f"if type(y) is {slot.type.__name__}:")
    kept = is_kept(plan, slot) and counts(node)
    if slot == PLAN and counts(node):
        w(depth + 2, "execute_plan(M, row, y, cause, now, offset)")
    elif not kept:
        w(depth + 2, f"{owner}.n{node.rank} = None; {say(node.rank, 'y')}")
        if counts(node):
            w(depth + 2, f"v_{slot.field} = y")
    else:
        w(depth + 2, f"if y != {place(plan, slot)}:")
        if slot.type is order.PositionState:
            w(depth + 3, "M.account_for(row, y, cause, now, offset)")
        w(depth + 3, f"{place(plan, slot)} = v_{slot.field} = y; {owner}.n{node.rank} = None")
        if slot not in KEPT:
            w(depth + 3, say(node.rank, "y"))
        if slot in plan.timed:
            w(depth + 2, f"{'desk' if plan.is_desk_wide(slot) else 'row'}.t_{slot.field} = now")
    _write_note(w, depth + 1, node)


def _write_note(w: Text, depth: int, node: Node, branch: str = "elif") -> None:
    owner = "desk" if node.per == "desk" else "row"
    w(depth, f"{branch} type(y) is BotNote: note(M, row, {owner}, node{node.key}, y, cause, now, offset)")
    w(depth, "else: raise TypeError(f'answered {type(y).__name__}')")


def _arrival(plan: Plan, slot: Slot) -> str:
    """What an act does when it arrives: where nobody waits for it, it is kept without a call."""
    if slot in plan.timed or not is_kept(plan, slot) or any(slot in node.step.on for node in plan.nodes):
        return f"on_{slot.field}(M, row, y, cause, now, offset)"
    return f"{place(plan, slot)} = y"


def _write_acts(w: Text, depth: int, plan: Plan, node: Node) -> None:
    """Deal with one answer of several: each is said, kept, and runs what it triggers before the next."""
    owner = "desk" if node.per == "desk" else "row"
    branch = "if"
    for slot in node.step.says:
        named = "aspect" if slot.type.__name__ == "MarketCandidate" else "signal"
        name = f" and y.{named} == {slot.name!r}" if slot.name else ""
        w(depth, f"{branch} type(y) is {slot.type.__name__}{name}:")
        branch = "elif"
        if slot == INTENT:
            w(depth + 1, f"{owner}.n{node.rank} = None; {say(node.rank, 'y')}")
            if counts(node):
                w(depth + 1, "on_OrderIntent(M, row, y, cause, now, offset)")
            continue
        kept = is_kept(plan, slot) and counts(node)
        if kept:
            w(depth + 1, f"if y != {place(plan, slot)}:")
        inner = depth + 2 if kept else depth + 1
        w(inner, f"{owner}.n{node.rank} = None")
        if slot not in KEPT:
            w(inner, say(node.rank, "y"))
        if slot.type is order.PositionState and counts(node):
            w(inner, "M.account_for(row, y, cause, now, offset)")
        if counts(node):
            w(inner, _arrival(plan, slot))
    _write_note(w, depth, node, branch)


def _write_execute(w: Text, plan: Plan) -> None:
    """execute(M, row, approved, ...): what an approval triggers; execute_plan: refine a plan, then authorise it."""
    w(0, "def execute(M, row, approved, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out; v_ApprovedIntent = approved")
    for watching in (True, False):  # who only watches knows of it before anybody acts on it
        _write_cascade(w, 1, plan, _waiting(plan, APPROVED, watching), {APPROVED})
    w(0, "def execute_plan(M, row, plan, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out")
    for node in plan.refiners:
        key, owner = node.key, "desk" if node.per == "desk" else "row"
        absent, old = blind(plan, node)
        w(1, "if plan.children:")
        w(2, "try:")
        if absent or old:
            w(3, f"if {' or '.join(x for x in (absent, old) if x)}:")
            w(4, f"miss(M, row, node{key}, 'INPUT_MISSING', cause, now, offset); return")
        call = f"f{key}({arguments(plan, node, 'plan')})"
        w(3, f"{owner}.s{node.rank}, plan = {call}" if node.step.remembers else f"plan = {call}")
        w(2, f"except Exception as err: fault(M, row, node{key}, err, cause, now, offset); return")
        w(2, "if plan is None: return")
        w(2, f"if type(plan) is BotNote: note(M, row, {owner}, node{key}, plan, cause, now, offset); return")
    last = plan.refiners[-1].rank if plan.refiners else GATE_RANK
    w(1, say(last, "plan"))
    w(1, "authorise(M, row, plan, cause, now, offset)")


def _waiting(plan: Plan, slot: Slot, watching: bool) -> list[Node]:
    """Return the nodes that a slot triggers: those that only keep a state, or the others."""
    return [node for node in plan.nodes if slot in node.step.on and (node.step.form == "silent") == watching]


def _write_intent(w: Text, plan: Plan) -> None:
    """on_OrderIntent: let those who watch know, vote, then execute what was approved."""
    w(0, "def on_OrderIntent(M, row, intent, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out; v_OrderIntent = intent")
    _write_cascade(w, 1, plan, _waiting(plan, INTENT, watching=True), {INTENT})
    w(1, "if intent.intent_kind == WITHDRAW: decision, approved = pass_withdrawal(intent, DIGEST)")
    w(1, "else: decision, approved = vote(M, row, intent, cause, now, offset)")
    w(1, say(GATE_RANK, "decision"))
    w(1, "if approved is not None: execute(M, row, approved, cause, now, offset)")
