"""Readiness comes from evidence and from nothing else."""

from dataclasses import replace
from itertools import pairwise

import pytest

from bots.registry import library
from contracts.control import EvidenceArtifact
from control.readiness import (
    DEMO_WIRED,
    DEPRECATED,
    DOCUMENTATION,
    IMPLEMENTATION,
    PENDING,
    PRODUCTION_LIVE,
    RUNTIME,
    SHADOW_READY,
    Scores,
    readiness,
    scores,
    undocumented,
)

LIBRARY = library()
ROW = LIBRARY.by_id["risk.stale_book"]
CODE, CONFIG = "c" * 64, "d" * 64
HERE = {"code_hash": CODE, "config_hash": CONFIG}


def proof(item: str, **overrides: object) -> EvidenceArtifact:
    """Return a signed artefact that proves one item of ROW."""
    values = {
        "bot_id": ROW.id,
        "evidence": item,
        "code_hash": CODE,
        "config_hash": CONFIG,
        "data_range": "x",
        "tool_version": "1",
        "result": "PASS",
        "signed_by": "key-1",
        "signature": "s",
        **overrides,
    }
    return EvidenceArtifact(**values)  # type: ignore[arg-type]


IMPLEMENTED = [proof(item) for item in IMPLEMENTATION]
PROVEN = [*IMPLEMENTED, *map(proof, RUNTIME), proof("canary"), proof("approval"), proof("approval", signed_by="key-2")]


@pytest.mark.parametrize("row", LIBRARY.rows, ids=lambda row: row.id)
def test_every_row_is_documented_and_none_is_claimed(row: object) -> None:
    """All 27 conditions hold for every row, and without evidence every bot is pending with nothing implemented."""
    assert undocumented(row) == ()  # type: ignore[arg-type]
    assert scores(row) == Scores(27, 0, 0)  # type: ignore[arg-type]
    assert readiness(row) == PENDING  # type: ignore[arg-type]


def test_there_are_as_many_items_as_the_scores_say() -> None:
    """27, 15 and 8 items, each with an id of its own."""
    assert [item.id for item in DOCUMENTATION] == [f"D{number:02}" for number in range(1, 28)]
    assert (len(IMPLEMENTATION), len(RUNTIME)) == (15, 8)


BAD = {
    "D01": {"title": "stale book"},
    "D02": {"purpose": "Does this. And that."},
    "D03": {"phase": "P9"},
    "D04": {"stages": ("S12",)},
    "D05": {"inputs": ("NoSuchThing",)},
    "D06": {"outputs": ("OrderIntent",)},
    "D07": {"rule": "one line"},
    "D08": {"params": ({"name": "mystery_ms", "default": 1, "unit": "ms"},)},
    "D09": {"params": ({"name": "warn_frac", "unit": "frac"},)},
    "D10": {"params": ({"name": "warn_frac", "default": 1, "unit": ""},)},
    "D11": {"state": " "},
    "D12": {"runs_in": "lane"},
    "D13": {"freshness_ms": {}},
    "D14": {"on_failure": ""},
    "D15": {"on_failure": "carry on"},
    "D16": {"capital_impact": "Some"},
    "D17": {"modes": ("paper",)},
    "D18": {"reasons": ()},
    "D19": {"reasons": ()},
    "D20": {"reasons": ()},
    "D21": {"reasons": ()},
    "D22": {"reasons": ({"code": "EXEC_X_Y", "severity": "INFO", "meaning": "x"},)},
    "D23": {"fixtures": {}},
    "D24": {"fixtures": {}},
    "D25": {"fixtures": {"hard": "700 ms → REJECT, RISK_BOOK_FRESH"}},
    "D26": {"fixtures": {"failure": "no arrow RISK_BOOK_AGE_UNKNOWN"}},
    "D27": {"references": ("nobody_1900",)},
}


@pytest.mark.parametrize("item", DOCUMENTATION, ids=lambda item: item.id)
def test_each_documentation_item_can_fail(item: object) -> None:
    """A row that breaks one condition loses that point."""
    assert item.holds(ROW, LIBRARY)  # type: ignore[attr-defined]
    assert not item.holds(replace(ROW, **BAD[item.id]), LIBRARY)  # type: ignore[attr-defined]


def test_evidence_raises_readiness_step_by_step() -> None:
    """Pending, wired, shadow ready, live: each level needs the one before."""
    demo = [proof(item) for item in ("I01", "I02", "I09", "demo_run")]
    assert readiness(ROW, demo, **HERE) == DEMO_WIRED
    assert readiness(ROW, IMPLEMENTED, **HERE) == SHADOW_READY
    assert readiness(ROW, PROVEN, **HERE) == SHADOW_READY
    assert readiness(ROW, PROVEN, **HERE, path_live=True) == PRODUCTION_LIVE
    assert scores(ROW, PROVEN, **HERE) == Scores(27, 15, 8)


@pytest.mark.parametrize("without", range(len(PROVEN)))
def test_one_piece_less_and_nothing_is_live(without: int) -> None:
    """Every artefact is needed: take any one away, and the bot is not live."""
    left = PROVEN[:without] + PROVEN[without + 1 :]
    assert readiness(ROW, left, **HERE, path_live=True) != PRODUCTION_LIVE


@pytest.mark.parametrize(
    "voided",
    [
        {"bot_id": "risk.kill_switch"},
        {"result": "FAIL"},
        {"result": "UNKNOWN"},
        {"signature": ""},
        {"code_hash": "e" * 64},
        {"config_hash": "e" * 64},
    ],
    ids=lambda voided: next(iter(voided)),
)
def test_evidence_about_something_else_counts_as_absent(voided: dict[str, object]) -> None:
    """Another bot, another code, another configuration, a failure or no signature: all are the same as nothing."""
    evidence = [proof(item, **voided) for item in (*IMPLEMENTATION, *RUNTIME)]
    assert scores(ROW, evidence, **HERE) == Scores(27, 0, 0)
    assert readiness(ROW, evidence, **HERE, path_live=True) == PENDING


def test_one_approver_is_not_two() -> None:
    """Two approvals by the same key are one."""
    twice = [artefact for artefact in PROVEN if artefact.signed_by != "key-2"]
    assert readiness(ROW, [*twice, proof("approval")], **HERE, path_live=True) == SHADOW_READY


def test_a_tombstone_is_deprecated_whatever_it_has_proven() -> None:
    """A row that was replaced stays replaced."""
    assert readiness(ROW, PROVEN, **HERE, path_live=True, replaced_by="risk.other") == DEPRECATED


def test_readiness_never_looks_at_documentation() -> None:
    """The worst described row with all evidence is as ready as the best described one."""
    bare = replace(ROW, purpose="", rule="", reasons=(), fixtures={})
    assert readiness(bare, IMPLEMENTED, **HERE) == SHADOW_READY
    levels = [PENDING, DEMO_WIRED, SHADOW_READY, PRODUCTION_LIVE]
    assert all(lower != higher for lower, higher in pairwise(levels))
