"""Days of intents: a maker in shadow keeps every schema, and guards are asked again over a week."""

from dataclasses import replace
from pathlib import Path

import pytest

from flows import embedded
from flows.desks import load_desk
from flows.shadow import shadow
from scripts.make_days import recording

pytestmark = pytest.mark.chdb
ROOT = Path(__file__).resolve().parent.parent.parent
STALE = "risk.stale_book"


def shaded(folder: Path, days: int) -> tuple[Path, dict[str, object]]:
    """A stored run of some days in shadow, and its summary."""
    capture = folder / "days.jsonl"
    capture.write_text(recording(days))
    desk = replace(load_desk("lab", ROOT / "config"), desk_id="shade", mode="shadow", account="shade")
    instruments = ROOT / "fixtures/demo_instruments.jsonl"
    settings = embedded.Settings((capture,), desk, instruments=instruments, store=folder / "store")
    return folder / "store", embedded.run(settings).summary


def asked(store: Path, days: int) -> tuple[int, int]:
    """How many intents of the last days a guard of the book's age heard, and how many more a second would refuse."""
    found = shadow(store, STALE, days, ["risk.stale_book.max_age_binary_ms=250"])
    return int(str(found["intents"])), int(str(found["would_refuse"]))


def test_a_maker_keeps_every_schema_for_a_day_in_shadow(tmp_path: Path) -> None:
    """24 hours, 0 envelopes that fail their schema, 0 dead letters; an intent is not refused and added at once."""
    store, summary = shaded(tmp_path, 1)
    assert (0, {}) == (summary["invalid"], summary["dead_letters"])
    assert int(str(summary["intents"])) > 1_000
    assert int(str(summary["approved"])) > 10
    intents, refused = asked(store, 7)
    assert 0 < refused < intents


@pytest.mark.soak
def test_a_week_of_intents_is_asked_by_days(tmp_path: Path) -> None:
    """Seven days count what seven days hold; the last day counts a part of it."""
    store, summary = shaded(tmp_path, 7)
    assert 0 == summary["invalid"]
    (week, refused), (day, refused_lately) = asked(store, 7), asked(store, 1)
    assert (0 < day < week, refused_lately < refused) == (True, True)
    assert week <= int(str(summary["intents"])) + int(str(summary["approved"]))
