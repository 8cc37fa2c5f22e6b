"""Governance over a recorded desk: every envelope valid, the audit chain acknowledged, no bot at fault."""

import gzip
from pathlib import Path

import pytest

from connectors.reader import StoreReader
from contracts.envelope import ReportEnvelope
from flows import embedded
from flows.desks import load_desk
from flows.govern import Govern, govern, report_of

pytestmark = pytest.mark.chdb
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored run over the beginning of the synthetic pack."""
    folder = tmp_path_factory.mktemp("govern")
    capture = folder / "kalshi.jsonl"
    with gzip.open(ROOT / "fixtures/demo_kalshi.jsonl.gz", "rt") as file:
        capture.write_text("".join(line for _, line in zip(range(4_000), file, strict=False)))
    desk = load_desk("lab", ROOT / "config")
    instruments = ROOT / "fixtures/demo_instruments.jsonl"
    embedded.run(embedded.Settings((capture,), desk, instruments=instruments, store=folder / "store"))
    return folder / "store"


def test_every_envelope_of_a_run_is_valid(store: Path) -> None:
    """The validator refuses nothing that the engine sealed, and no governance bot faults."""
    found = govern(store)
    assert [] == found["faults"]
    assert {} == {
        code: n for code, n in found["reasons"].items() if code.startswith("GOV_ENVELOPE_") and "VALID" != code[13:]
    }
    assert found["envelopes"] > 4_000


def test_the_audit_log_acknowledges_what_is_durable(store: Path) -> None:
    """With the store's word at each tick the chain is acknowledged, and its head is that of the whole stream."""
    found = govern(store)
    assert found["reasons"]["GOV_AUDIT_ACK"] > 10
    assert "GOV_AUDIT_SINK_DOWN" not in found["reasons"]
    assert found["audit_head"] == govern(store)["audit_head"]


def test_an_envelope_without_authority_is_refused(store: Path) -> None:
    """An intel bot that says an OrderIntent is refused by name."""
    memory = Govern()
    with StoreReader(store) as reader:
        stream = [report_of(envelope) for envelope in reader.envelopes(limit=200)]
        intent = report_of(next(reader.envelopes(kind="OrderIntent")))
    for envelope in stream:
        memory.hear(envelope)
    forged = ReportEnvelope(
        **{**{f: getattr(intent, f) for f in intent.__struct_fields__}, "bot_id": "intel.book_builder"}
    )
    said = memory.hear(forged)
    assert ["GOV_ENVELOPE_INVALID"] == [
        report.reason for report in said if getattr(report, "signal", "") == "envelope_check"
    ]
