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

from bots.kit import Book, Cause, ConfirmedAt, Read, Slot
from bots.maths.notional import reduces
from contracts import control, intent, market, order
from contracts.envelope import Row
from contracts.intent import APPROVE, QUARANTINE, REJECT, WITHDRAW, BotNote, RiskVote
from operators import faults, gate
from operators.plan import AUTHORISE_RANK, FACTS, GATE_RANK, INNER, KEPT, Node, Plan, missing
from operators.rows import awake, fault, miss, note

INDENT = "    "
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


class Text:
    """Lines of source with their indentation."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.lines: list[str] = []

    def __call__(self, depth: int, line: str) -> None:
        """Add a line."""
        self.lines.append(INDENT * depth + line)


def compile_functions(plan: Plan) -> Compiled:
    """Return one function per slot that triggers anything, compiled from generated text."""
    text = Text()
    roots = list(_roots(plan))
    for slot in roots:
        _write_root(text, plan, slot)
    if plan.where == "desk":
        _write_vote(text, plan)
        _write_execute(text, plan)
        _write_authorise(text, plan)
        _write_intent(text)
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
    names |= {"settle": gate.settle, "authorise_child": gate.authorise, "pass_withdrawal": gate.pass_withdrawal}
    names |= {f"SLOT_{slot.field}": slot for slot in _roots(plan)} | {"awake": awake}
    names |= {"reduces": reduces, "miss": miss, "fault": fault, "note": note, "NO_MIN": 1, "WITHDRAW": WITHDRAW}
    names |= {"APPROVE": APPROVE, "REJECT": REJECT, "QUARANTINE": QUARANTINE, "OrderIntent": intent.OrderIntent}
    for node in (*plan.nodes, *plan.gates, *plan.refiners):
        names |= {slot.type.__name__: slot.type for slot in node.step.says}
        names[f"f{node.key}"], names[f"c{node.key}"], names[f"node{node.key}"] = node.step.fn, node.config, node
    for node in plan.gates:
        names[f"MISSING{node.key}"] = faults.refusal(node, "INPUT_MISSING")
        names[f"STALE{node.key}"] = faults.refusal(node, "INPUT_STALE")
        names[f"FAULT{node.key}"] = faults.refusal(node, "BOT_FAULT")
        names[f"ISOLATED{node.key}"] = faults.quarantined_vote(node)
    names["GATES"] = tuple(node.bot_id for node in plan.gates if node.mode in ("enforced", "quarantine"))
    names["GATES_REDUCING"] = tuple(gate_id for gate_id in names["GATES"] if gate_id not in plan.skips)
    names["SKIPPED"] = tuple(gate_id for gate_id in names["GATES"] if gate_id in plan.skips)
    names["REQUIRED"], names["PRESIGN"], names["DIGEST"] = plan.required_gates, (), plan.gates_digest
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


def _place(plan: Plan, slot: Slot) -> str:
    return f"desk.{slot.field}" if plan.is_desk_wide(slot) else f"row.{slot.field}"


def _is_kept(plan: Plan, slot: Slot) -> bool:
    return slot in plan.row_slots or slot in plan.desk_slots


def _write_root(w: Text, plan: Plan, slot: Slot) -> None:
    """One function: keep the value, then run what it triggers."""
    w(0, f"def on_{slot.field}(M, row, value, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out")
    if _is_kept(plan, slot):
        w(1, f"{_place(plan, slot)} = value")
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


def _reading(plan: Plan, read: Read) -> str:
    """The expression of a reading; an optional one that is too old reads as None."""
    kind = read.slot.type
    if kind is Book:
        return "row.book"
    if kind is ConfirmedAt:
        return "row.book_at"
    if kind is Cause:
        return "cause"
    place = _place(plan, read.slot) if _is_kept(plan, read.slot) else "None"
    if read.optional and read.within_ns and place != "None":
        return f"({place} if now - {_age_of(plan, read)} <= {read.within_ns} else None)"
    return place


def _age_of(plan: Plan, read: Read) -> str:
    if read.slot in plan.book_rooted:
        return "row.book_at"
    return f"{'desk' if plan.is_desk_wide(read.slot) else 'row'}.t_{read.slot.field}"


def _arguments(plan: Plan, node: Node, trigger: str) -> str:
    owner = "desk" if node.per == "desk" else "row"
    parts = [f"c{node.key}"] + ([f"{owner}.s{node.rank}"] if node.step.stateful else [])
    return ", ".join([*parts, trigger, *(_reading(plan, read) for read in node.step.reads), "now"])


def _blind(plan: Plan, node: Node) -> tuple[str, str]:
    """Conditions under which a required reading is missing, and under which one is too old."""
    reads = missing(node.step.reads)
    absent = [f"{_reading(plan, read)} is None" for read in reads]
    old = [f"now - {_age_of(plan, read)} > {read.within_ns}" for read in reads if read.within_ns]
    return " or ".join(dict.fromkeys(absent)), " or ".join(dict.fromkeys(old))


def _say(rank: int, value: str) -> str:
    return f"out.append(Row(cause, {rank}, len(out) - M.base, now, row.market, {value})); M.offsets.append(offset)"


def _write_call(w: Text, depth: int, plan: Plan, node: Node, trigger: str) -> None:
    """Call one step with its readings, and deal with its answer."""
    if node.mode == "quarantine":
        return
    key, owner = node.key, "desk" if node.per == "desk" else "row"
    state = f"{owner}.s{node.rank}"
    absent, old = _blind(plan, node)
    w(depth, "try:")
    inner = depth + 1
    if absent or old:
        w(inner, f"if {absent or 'False'}: miss(M, row, node{key}, 'INPUT_MISSING', cause, now, offset)")
        if old:
            w(inner, f"elif {old}: miss(M, row, node{key}, 'INPUT_STALE', cause, now, offset)")
        w(inner, "else:")
        inner += 1
    call = f"f{key}({_arguments(plan, node, trigger)})"
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


def _counts(node: Node) -> bool:
    return node.mode not in ("shadow", "advisory")


def _write_statement(w: Text, depth: int, plan: Plan, node: Node) -> None:
    w(depth, "if y is not None:")
    if len(node.step.says) != 1:
        _write_acts(w, depth + 1, plan, node)
        return
    slot = node.step.says[0]
    owner = "desk" if node.per == "desk" else "row"
    w(depth + 1, f"if type(y) is {slot.type.__name__}:")
    kept = _is_kept(plan, slot) and _counts(node)
    if slot == PLAN:
        w(depth + 2, "execute_plan(M, row, y, cause, now, offset)")
    elif not kept:
        w(depth + 2, f"{owner}.n{node.rank} = None; {_say(node.rank, 'y')}")
        if _counts(node):
            w(depth + 2, f"v_{slot.field} = y")
    else:
        w(depth + 2, f"if y != {_place(plan, slot)}:")
        if slot.type is order.PositionState:
            w(depth + 3, "M.account_for(row, y, cause, now, offset)")
        w(depth + 3, f"{_place(plan, slot)} = v_{slot.field} = y; {owner}.n{node.rank} = None")
        if slot not in KEPT:
            w(depth + 3, _say(node.rank, "y"))
        if slot in plan.timed:
            w(depth + 2, f"{'desk' if plan.is_desk_wide(slot) else 'row'}.t_{slot.field} = now")
    _write_note(w, depth + 1, node)


def _write_note(w: Text, depth: int, node: Node, branch: str = "elif") -> None:
    owner = "desk" if node.per == "desk" else "row"
    w(depth, f"{branch} type(y) is BotNote: note(M, row, {owner}, node{node.key}, y, cause, now, offset)")
    w(depth, "else: raise TypeError(f'answered {type(y).__name__}')")


def _arrival(plan: Plan, slot: Slot) -> str:
    """What an act does when it arrives: where nobody waits for it, it is kept without a call."""
    if slot in plan.timed or not _is_kept(plan, slot) or any(slot in node.step.on for node in plan.nodes):
        return f"on_{slot.field}(M, row, y, cause, now, offset)"
    return f"{_place(plan, slot)} = y"


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
            w(depth + 1, f"{owner}.n{node.rank} = None; {_say(node.rank, 'y')}")
            if _counts(node):
                w(depth + 1, "on_OrderIntent(M, row, y, cause, now, offset)")
            continue
        kept = _is_kept(plan, slot) and _counts(node)
        if kept:
            w(depth + 1, f"if y != {_place(plan, slot)}:")
        inner = depth + 2 if kept else depth + 1
        w(inner, f"{owner}.n{node.rank} = None")
        if slot not in KEPT:
            w(inner, _say(node.rank, "y"))
        if slot.type is order.PositionState and _counts(node):
            w(inner, "M.account_for(row, y, cause, now, offset)")
        if _counts(node):
            w(inner, _arrival(plan, slot))
    _write_note(w, depth, node, branch)


def _write_vote(w: Text, plan: Plan) -> None:
    """vote(M, row, intent, ...): every guard in order, the first refusal ends; then the gate settles."""
    w(0, "def vote(M, row, intent, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out; votes = []; reducing = intent.reduce_only and reduces(intent, row.PositionState)")
    w(1, "definition = row.MarketDefinition; smallest = definition.min_size_lots if definition is not None else NO_MIN")
    for node in plan.gates:
        if not _counts(node):
            _write_guard(w, 1, plan, node)
            w(1, _say(node.rank, "v"))
    w(1, "while True:")
    for node in plan.gates:
        if not _counts(node):
            continue
        depth = 2
        if node.bot_id in plan.skips:
            w(2, "if not reducing:")
            depth = 3
        _write_guard(w, depth, plan, node)
        w(depth, "votes.append(v)")
        w(depth, "if v.verdict != APPROVE and (v.verdict == REJECT or v.verdict == QUARANTINE): break")
    w(2, "break")
    w(1, "if reducing: return settle(intent, votes, GATES_REDUCING, REQUIRED, SKIPPED, smallest, DIGEST)")
    w(1, "return settle(intent, votes, GATES, REQUIRED, (), smallest, DIGEST)")


def _write_guard(w: Text, depth: int, plan: Plan, node: Node) -> None:
    key, owner = node.key, "desk" if node.per == "desk" else "row"
    if node.mode == "quarantine":
        w(depth, f"v = ISOLATED{key}")
        return
    absent, old = _blind(plan, node)
    call = f"f{key}({_arguments(plan, node, 'intent')})"
    w(depth, "try:")
    inner = depth + 1
    branch = "if"
    for condition, answer in ((absent, "MISSING"), (old, "STALE")):
        if condition:
            w(inner, f"{branch} {condition}: v = {answer}{key}")
            branch = "elif"
    if branch == "elif":
        w(inner, "else:")
        inner += 1
    w(inner, f"{owner}.s{node.rank}, v = {call}" if node.step.remembers else f"v = {call}")
    w(depth, f"except Exception as err: v = FAULT{key}; fault(M, row, node{key}, err, cause, now, offset)")
    w(depth, f"if type(v) is not RiskVote: v = FAULT{key}")


def _write_execute(w: Text, plan: Plan) -> None:
    """execute(M, row, approved, ...): what an approval triggers; execute_plan: refine a plan, then authorise it."""
    w(0, "def execute(M, row, approved, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out; v_ApprovedIntent = approved")
    _write_cascade(w, 1, plan, [n for n in plan.nodes if APPROVED in n.step.on], {APPROVED})
    w(0, "def execute_plan(M, row, plan, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out")
    for node in plan.refiners:
        key, owner = node.key, "desk" if node.per == "desk" else "row"
        absent, old = _blind(plan, node)
        w(1, "if plan.children:")
        w(2, "try:")
        if absent or old:
            w(3, f"if {' or '.join(x for x in (absent, old) if x)}:")
            w(4, f"miss(M, row, node{key}, 'INPUT_MISSING', cause, now, offset); return")
        call = f"f{key}({_arguments(plan, node, 'plan')})"
        w(3, f"{owner}.s{node.rank}, plan = {call}" if node.step.remembers else f"plan = {call}")
        w(2, f"except Exception as err: fault(M, row, node{key}, err, cause, now, offset); return")
        w(2, "if plan is None: return")
        w(2, f"if type(plan) is BotNote: note(M, row, {owner}, node{key}, plan, cause, now, offset); return")
    last = plan.refiners[-1].rank if plan.refiners else GATE_RANK
    w(1, _say(last, "plan"))
    w(1, "authorise(M, row, plan, cause, now, offset)")


def _write_authorise(w: Text, plan: Plan) -> None:
    """authorise(M, row, plan, ...): pre-sign votes per child, then it may leave for the venue."""
    w(0, "def authorise(M, row, plan, cause, now, offset):")
    w(1, "out = M.out")
    w(1, "for child in plan.children:")
    w(2, "authorised = authorise_child(plan, child, (), PRESIGN, DIGEST)")
    w(2, "if authorised is None: continue")
    w(2, "M.ordered = True")
    w(2, _say(AUTHORISE_RANK, "authorised"))
    w(2, "on_AuthorisedOrder(M, row, authorised, cause, now, offset)")
    w(2, "M.submit(row, child, now)")


def _write_intent(w: Text) -> None:
    """on_OrderIntent: vote, then execute what was approved."""
    w(0, "def on_OrderIntent(M, row, intent, cause, now, offset):")
    w(1, "out = M.out")
    w(1, "if intent.intent_kind == WITHDRAW: decision, approved = pass_withdrawal(intent, DIGEST)")
    w(1, "else: decision, approved = vote(M, row, intent, cause, now, offset)")
    w(1, _say(GATE_RANK, "decision"))
    w(1, "if approved is not None: execute(M, row, approved, cause, now, offset)")
