"""Write the votes of a desk's plan as straight-line text: of the guards on an intent, and of those on its plan.

One guard after the other, each with its readings as plain attributes; the first refusal ends. `operators/gate.py`
settles both.
"""

from bots.kit import Slot
from contracts.intent import GuardReport
from operators.generate_parts import Text, arguments, blind, counts, say
from operators.plan import AUTHORISE_RANK, Node, Plan

REPORT = Slot(GuardReport)
SMALLEST = "smallest = row.MarketDefinition.min_size_lots if row.MarketDefinition is not None else NO_MIN"


def write_vote(w: Text, plan: Plan) -> None:
    """vote(M, row, intent, ...): every guard in order, the first refusal ends; then the gate settles."""
    w(0, "def vote(M, row, intent, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out; votes = []; reducing = intent.reduce_only and reduces(intent, row.PositionState)")
    w(1, SMALLEST)
    _write_uncounted(w, plan, plan.gates, "intent")
    w(1, "while True:")
    for node in plan.gates:
        if not counts(node):
            continue
        depth = 2
        if node.bot_id in plan.skips:
            w(2, "if not reducing:")
            depth = 3
        _write_guard(w, depth, plan, node, "intent")
        w(depth, "votes.append(v)")
        w(depth, "if v.verdict != APPROVE and (v.verdict == REJECT or v.verdict == QUARANTINE): break")
    w(2, "break")
    w(1, "if reducing: return settle(intent, votes, GATES_REDUCING, REQUIRED, SKIPPED, smallest, DIGEST)")
    w(1, "return settle(intent, votes, GATES, REQUIRED, (), smallest, DIGEST)")


def _write_guard(w: Text, depth: int, plan: Plan, node: Node, subject: str) -> None:
    key, owner = node.key, "desk" if node.per == "desk" else "row"
    if node.mode == "quarantine":
        w(depth, f"v = ISOLATED{key}")
        return
    absent, old = blind(plan, node)
    call = f"f{key}({arguments(plan, node, subject)})"
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
    if REPORT in node.step.says:
        w(inner, "if type(v) is tuple:")
        w(inner + 1, f"v, report = v; {say(node.rank, 'report')}")
    w(depth, f"except Exception as err: v = FAULT{key}; fault(M, row, node{key}, err, cause, now, offset)")
    w(depth, f"if type(v) is not RiskVote: v = FAULT{key}")


def _write_uncounted(w: Text, plan: Plan, guards: tuple[Node, ...], subject: str) -> None:
    """Ask the guards whose votes are only kept."""
    for node in guards:
        if not counts(node):
            _write_guard(w, 1, plan, node, subject)
            w(1, say(node.rank, "v"))


def write_authorise(w: Text, plan: Plan) -> None:
    """authorise(M, row, plan, ...): the pre-sign votes on a plan, then its children may leave for the venue.

    A plan that only cancels is not voted on: a cancel is never blocked.
    """
    w(0, "def authorise(M, row, plan, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out; votes = []")
    if plan.presign:
        w(1, SMALLEST)
        w(1, "if only_cancels(plan): decision, allowed = None, authorise_all(plan, DIGEST)")
        w(1, "else:")
        w(2, "decision, allowed = presign(M, row, plan, smallest, cause, now, offset)")
        w(2, say(AUTHORISE_RANK, "decision"))
    else:
        w(1, "allowed = authorise_all(plan, DIGEST)")
    w(1, "for authorised in allowed:")
    w(2, "M.ordered = True")
    w(2, say(AUTHORISE_RANK, "authorised"))
    w(2, "on_AuthorisedOrder(M, row, authorised, cause, now, offset)")
    w(2, "M.submit(row, authorised.child, now)")
    if plan.presign:
        _write_presign(w, plan)


def _write_presign(w: Text, plan: Plan) -> None:
    """presign(M, row, plan, ...): every pre-sign guard in order, the first refusal ends; then the gate settles."""
    w(0, "def presign(M, row, plan, smallest, cause, now, offset):")
    w(1, "desk = M.desk; out = M.out; votes = []")
    _write_uncounted(w, plan, plan.presign, "plan")
    w(1, "while True:")
    for node in plan.presign:
        if counts(node):
            _write_guard(w, 2, plan, node, "plan")
            w(2, "votes.append(v)")
            w(2, "if v.verdict != APPROVE and (v.verdict == REJECT or v.verdict == QUARANTINE): break")
    w(2, "break")
    w(1, "return settle_plan(plan, votes, PRESIGN, REQUIRED_PRESIGN, smallest, DIGEST)")
