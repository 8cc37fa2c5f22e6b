"""Follow a binary through proposal, dispute and settlement at its oracle, and undo what the chain took back.

    "" -> PROPOSED -> DISPUTED -> RESOLVED | VOID;  PROPOSED -> "" when a proposal is rejected

Events come in block order; one from an earlier block is late and changes nothing. When a block number comes with
another hash, everything remembered from that block on is undone. A second dispute escalates. OBSERVED only proves
that somebody looked. At most 16 blocks are remembered; a reorganisation deeper than that is beyond the finality of
the venue's chain.
Source: docs.uma.xyz, optimistic oracle; rule of intel.market_resolution_watcher.
"""

from msgspec import Struct
from msgspec.structs import replace

from contracts.market import OracleEvent

REMEMBERED = 16
ORDER = ("", "PROPOSED", "DISPUTED", "RESOLVED", "VOID")
_NEXT = {"PROPOSED": "PROPOSED", "DISPUTED": "DISPUTED", "RESOLVED": "RESOLVED", "VOIDED": "VOID"}


class Verdict(Struct, frozen=True, gc=False):
    """Where the oracle stands: state, time of the proposal, proposed value of YES (-1 none), disputes."""

    state: str = ""
    proposed_ns: int = 0
    outcome_micros: int = -1
    disputes: int = 0


class Oracle(Struct, frozen=True, gc=False):
    """The verdict, when it was last looked at, and the verdicts before each remembered block."""

    verdict: Verdict = Verdict()
    seen_ns: int = 0
    blocks: tuple[tuple[int, str, Verdict], ...] = ()


def hear(oracle: Oracle, event: OracleEvent) -> Oracle:
    """Return the oracle's state after an event; arrival time counts as the time of a proposal."""
    blocks, verdict = oracle.blocks, oracle.verdict
    for place, (number, block_hash, before) in enumerate(blocks):
        if number == event.block and block_hash != event.block_hash:
            blocks, verdict = blocks[:place], before
            break
    late = bool(blocks) and 0 < event.block < blocks[-1][0]
    fresh = verdict if late else _after(verdict, event)
    if event.block and not late and (not blocks or blocks[-1][0] != event.block):
        blocks = (*blocks, (event.block, event.block_hash, verdict))[-REMEMBERED:]
    return Oracle(fresh, event.at_ns, blocks)


def _after(verdict: Verdict, event: OracleEvent) -> Verdict:
    if event.event == "REJECTED":
        return Verdict(disputes=verdict.disputes) if verdict.state == "PROPOSED" else verdict
    state = _NEXT.get(event.event, "")
    if not state:
        return verdict
    if state == "PROPOSED":
        verdict = replace(verdict, proposed_ns=event.at_ns, outcome_micros=event.outcome_micros)
    elif state == "DISPUTED":
        verdict = replace(verdict, disputes=verdict.disputes + 1)
    elif event.outcome_micros >= 0:
        verdict = replace(verdict, outcome_micros=event.outcome_micros)
    forward = ORDER.index(state) > ORDER.index(verdict.state)
    return replace(verdict, state=state) if forward else verdict
