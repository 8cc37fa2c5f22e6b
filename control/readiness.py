"""Derive what a bot may be called: three scores that are never added up, and a readiness that only evidence can raise.

Documentation is counted over the row (27 named conditions) and shown to readers; it is never an input of readiness.
Implementation (15) and runtime (8) count signed artefacts about exactly this code and this configuration. Absent,
unknown and failed are the same result, so without evidence on file every bot is `pending`, whatever its code does.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bots.registry import Library, Row, library
from contracts import control, envelope, intent, market, order, signal
from contracts.control import EvidenceArtifact
from contracts.units import REASON_PATTERN

PENDING, DEMO_WIRED, SHADOW_READY, PRODUCTION_LIVE = "pending", "demo_wired", "shadow_ready", "production_live"
DEPRECATED = "deprecated"
DOCUMENTATION_MAX, IMPLEMENTATION_MAX, RUNTIME_MAX = 27, 15, 8

LAYER_COUNTS: Mapping[str, int] = {"intel": 17, "disc": 6, "strat": 24, "risk": 19, "exec": 15, "sec": 9, "gov": 19}
PHASE_COUNTS: Mapping[str, Mapping[str, int]] = {
    "P2": {"intel": 17, "disc": 6, "gov": 1, "risk": 2},
    "P3": {"gov": 6},
    "P4": {"risk": 17},
    "P5": {"exec": 15, "sec": 9},
    "P6": {"strat": 1},
    "P7": {"gov": 12},
    "P8": {"strat": 23},
}
# Feeds that the catalogue names and whose contract comes with their adapter.
FEEDS_TO_COME = frozenset({"BuilderStatement", "ChainSnapshot", "NewsItem", "ReferencePrint", "VenueHealthSample"})
CONTRACT_NAMES = frozenset(
    name for module in (market, signal, intent, order, control, envelope) for name in vars(module)
)
STAGES = frozenset(f"S{number}" for number in range(1, 12))
IMPLEMENTATION: Mapping[str, str] = {
    "I01": "builds against the contracts at the registered version",
    "I02": "no clock, chance, network or file below the edge",
    "I03": "the configuration refuses values outside its bounds",
    "I04": "the normal fixture passes",
    "I05": "the warning fixture passes",
    "I06": "the hard fixture passes",
    "I07": "the failure fixture passes",
    "I08": "every declared code is produced by a test, and no other",
    "I09": "every answer is a valid envelope with versions and cause",
    "I10": "two runs, and runs with 1, 2 and 4 workers, are equal",
    "I11": "snapshot, restart and restore leave the answers unchanged",
    "I12": "each required input removed or aged gives the failure behaviour",
    "I13": "each declared mode exercised",
    "I14": "a full recorded session through the simulated venue",
    "I15": "branch coverage of 90 percent, and checks green on this hash",
}
RUNTIME: Mapping[str, str] = {
    "R1": "168 hours of shadow on live data",
    "R2": "errors and invalid envelopes at most 0.1 percent",
    "R3": "p99 latency inside its objective",
    "R4": "replay of the whole window matches every decision",
    "R5": "decision audit passed",
    "R6": "fault drill passed",
    "R7": "alerts fired in a drill and the runbook was followed",
    "R8": "kill switch and rollback exercised on this version",
}
DEMO_ITEMS = frozenset({"I01", "I02", "I09", "demo_run"})
APPROVALS_MIN = 2

_ID = re.compile(r"^(intel|disc|strat|risk|exec|sec|gov)\.[a-z][a-z0-9_]*$")
_UNIT_SUFFIX = re.compile(r"_(usd|bps|s|ms|h|d|min|frac|ticks|ann|pct|usd_h|bps_s)$")
_RUNS_IN = {
    "Signal Service": {"lane", "desk"},
    "Alpha Strategy": {"desk"},
    "Guardrail": {"desk"},
    "Execution Utility": {"desk"},
    "Governance Service": {"govern", "lane", "desk"},
}


class Scores(NamedTuple):
    """Three separate integers: never summed, never averaged; missing is 0."""

    documentation: int
    implementation: int
    runtime: int


class Item(NamedTuple):
    """One condition of the documentation score."""

    id: str
    claim: str
    holds: Callable[[Row, Library], bool]


def _has_code(severity: str) -> Callable[[Row, Library], bool]:
    return lambda row, _: any(code["severity"] == severity for code in row.reasons)


def _has_fixture(case: str, severity: str) -> Callable[[Row, Library], bool]:
    """A fixture line says what follows from what, and ends in a code of its own severity."""

    def holds(row: Row, _: Library) -> bool:
        line = row.fixtures.get(case, "")
        severities = {code["code"]: code["severity"] for code in row.reasons}
        named = [word for word in re.findall(r"[A-Z]+_[A-Z0-9_]+", line) if word in severities]
        return "→" in line and bool(named) and severities[named[-1]] == severity

    return holds


def _matrix(row: Row, lib: Library) -> bool:
    """The row stands in a layer, class and phase of the plan, and the plan's counts hold."""
    layers = Counter(other.layer for other in lib.rows)
    cell = sum(other.phase == row.phase and other.layer == row.layer for other in lib.rows)
    planned = PHASE_COUNTS.get(row.phase, {}).get(row.layer)
    return row.class_ in lib.may_emit and layers == LAYER_COUNTS and cell == planned


def _parameters_used(row: Row, _: Library) -> bool:
    """Each parameter is named in the row's text, possibly without its unit, or says where it enters."""
    text = f"{row.rule} {row.purpose} {row.on_failure}"
    for param in row.params:
        stem = re.escape(_UNIT_SUFFIX.sub("", param["name"]))
        named = param["name"] in text or re.search(rf"(?<![A-Za-z0-9_]){stem}(?![A-Za-z0-9])", text)
        if not named and not param.get("use"):
            return False
    return True


def _modes(row: Row, _: Library) -> bool:
    """Every bot has three modes; those that can isolate have a fourth."""
    isolating = {"quarantine"} if row.layer in {"risk", "exec", "sec"} else set()
    return set(row.modes) == {"paper", "shadow", "live"} | isolating


DOCUMENTATION: tuple[Item, ...] = (
    Item("D01", "id and title follow the naming rule", lambda r, _: bool(_ID.match(r.id)) and r.title[:1].isupper()),
    Item("D02", "purpose is one sentence", lambda r, _: r.purpose.endswith(".") and ". " not in r.purpose),
    Item("D03", "layer, class and phase agree with the plan", _matrix),
    Item("D04", "stages listed", lambda r, _: bool(r.stages) and set(r.stages) <= STAGES),
    Item("D05", "inputs all exist", lambda r, _: bool(r.inputs) and set(r.inputs) <= CONTRACT_NAMES | FEEDS_TO_COME),
    Item(
        "D06",
        "outputs all exist and are allowed for the class",
        lambda r, lib: bool(r.outputs) and set(r.outputs) <= CONTRACT_NAMES & set(lib.may_emit.get(r.class_, ())),
    ),
    Item("D07", "rule present, 2 to 6 lines", lambda r, _: 2 <= len(r.rule.strip().splitlines()) <= 6),
    Item("D08", "every parameter is named in the rule or says where it enters", _parameters_used),
    Item("D09", "every parameter has a default", lambda r, _: all("default" in p for p in r.params)),
    Item("D10", "every parameter has a unit", lambda r, _: all(p.get("unit") for p in r.params)),
    Item("D11", "state described", lambda r, _: bool(r.state.strip())),
    Item("D12", "state lives where its class may run", lambda r, _: r.runs_in in _RUNS_IN.get(r.class_, set())),
    Item("D13", "freshness given for every input", lambda r, _: set(r.freshness_ms) == set(r.inputs)),
    Item("D14", "failure behaviour stated", lambda r, _: bool(r.on_failure.strip())),
    Item(
        "D15",
        "a guardrail fails closed",
        lambda r, _: r.class_ != "Guardrail" or "fail closed" in r.on_failure,
    ),
    Item("D16", "capital impact set", lambda r, _: r.capital_impact in {"Critical", "Direct", "Indirect"}),
    Item("D17", "modes set for the layer", _modes),
    Item("D18", "INFO code declared", _has_code("INFO")),
    Item("D19", "WARN code declared", _has_code("WARN")),
    Item("D20", "HARD code declared", _has_code("HARD")),
    Item("D21", "CRITICAL code declared", _has_code("CRITICAL")),
    Item(
        "D22",
        "every code has a meaning and the layer's prefix",
        lambda r, _: all(
            c["meaning"] and re.match(REASON_PATTERN, c["code"]) and c["code"].startswith(r.layer.upper() + "_")
            for c in r.reasons
        ),
    ),
    Item("D23", "normal fixture line", _has_fixture("normal", "INFO")),
    Item("D24", "warning fixture line", _has_fixture("warning", "WARN")),
    Item("D25", "hard fixture line", _has_fixture("hard", "HARD")),
    Item("D26", "failure fixture line", _has_fixture("failure", "CRITICAL")),
    Item("D27", "references resolve", lambda r, lib: set(r.references) <= set(lib.references)),
)


def undocumented(row: Row, lib: Library | None = None) -> tuple[str, ...]:
    """Return the documentation items that do not hold, as `D05 inputs all exist`."""
    lib = lib or library()
    return tuple(f"{item.id} {item.claim}" for item in DOCUMENTATION if not item.holds(row, lib))


def _proven(row: Row, evidence: Sequence[EvidenceArtifact], code_hash: str, config_hash: str) -> list[EvidenceArtifact]:
    """Keep what speaks of exactly this bot, code and configuration, passed and is signed; the rest counts as absent."""
    return [
        artefact
        for artefact in evidence
        if artefact.bot_id == row.id
        and artefact.result == "PASS"
        and artefact.signature
        and artefact.code_hash == code_hash
        and artefact.config_hash == config_hash
    ]


def scores(
    row: Row,
    evidence: Sequence[EvidenceArtifact] = (),
    *,
    code_hash: str = "",
    config_hash: str = "",
    lib: Library | None = None,
) -> Scores:
    """Return the three scores of a row: of 27, of 15, of 8.

    `evidence` holds artefacts whose signatures the caller has verified and whose age it has judged; an artefact names
    the item it proves in its field `evidence` (`I04`, `R1`). The hashes are those of what runs.
    """
    items = {artefact.evidence for artefact in _proven(row, evidence, code_hash, config_hash)}
    return Scores(
        DOCUMENTATION_MAX - len(undocumented(row, lib)),
        len(items & set(IMPLEMENTATION)),
        len(items & set(RUNTIME)),
    )


def readiness(
    row: Row,
    evidence: Sequence[EvidenceArtifact] = (),
    *,
    code_hash: str = "",
    config_hash: str = "",
    path_live: bool = False,
    replaced_by: str = "",
) -> str:
    """Return what the bot may be called; `pending` whenever nothing proves more.

    `path_live` says that every bot upstream is at least shadow_ready and every gate in its path production_live.
    `replaced_by` marks a tombstone. Documentation is deliberately not looked at.
    """
    if replaced_by:
        return DEPRECATED
    proven = _proven(row, evidence, code_hash, config_hash)
    items = {artefact.evidence for artefact in proven}
    approvers = {artefact.signed_by for artefact in proven if artefact.evidence == "approval"}
    if not set(IMPLEMENTATION) <= items:
        return DEMO_WIRED if items >= DEMO_ITEMS else PENDING
    if set(RUNTIME) <= items and "canary" in items and len(approvers) >= APPROVALS_MIN and path_live:
        return PRODUCTION_LIVE
    return SHADOW_READY
