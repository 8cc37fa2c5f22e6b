"""The synthetic pack leads to the decisions that are written down, whatever the batch."""

import json

import pytest

from flows.assemble import fingerprint
from scripts.make_golden import GOLDEN, outcome


@pytest.fixture(scope="module")
def golden() -> dict:
    """What was written down."""
    return json.loads(GOLDEN.read_text())


def test_the_pack_leads_where_it_led(golden: dict) -> None:
    """Counts, money and digest are those of the file; on another platform the digest is compared only with itself."""
    expected, found = dict(golden), json.loads(json.dumps(outcome()))
    if expected["fingerprint"] != fingerprint():
        for values in (expected, found):
            del values["fingerprint"], values["decision_digest"]
    assert expected == found


def test_every_oddity_of_the_pack_is_met(golden: dict) -> None:
    """The run saw gaps, silences and healings, unreadable frames, refusals, fills, and lost nothing."""
    assert golden["frames"] == golden["facts_frames"] + golden["control"] + sum(golden["dead_letters"].values())
    assert golden["frames"] >= 60_000
    assert min(golden[key] for key in ("gaps", "stale_spells", "resyncs", "rejected", "reshaped", "fills")) > 0
    assert 0 == golden["invalid"]


@pytest.mark.parametrize("batch", [1, 1_000])
def test_the_digest_of_the_pack_does_not_depend_on_the_batch(golden: dict, batch: int) -> None:
    """One frame at a time or a thousand: the same decisions."""
    found = outcome(batch)
    expected = golden["decision_digest"] if golden["fingerprint"] == fingerprint() else outcome()["decision_digest"]
    assert expected == found["decision_digest"]
