"""What a replay derives: everything of a desk that heard its whole lane, the decisions of one that heard a part."""

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.base import Refused
from flows import embedded
from flows.desks import load_desk
from flows.replay import replay

pytestmark = pytest.mark.chdb
ROOT = Path(__file__).resolve().parent.parent.parent
MARKETS = ("KXDEMOTEMP-26DEC31-T45", "KXDEMORATE-26DEC31-CUT")


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of a recording of six markets."""
    path = tmp_path_factory.mktemp("replay") / "kalshi.jsonl"
    with gzip.open(ROOT / "fixtures/demo_kalshi.jsonl.gz", "rt") as file:
        path.write_text("".join(line for _, line in zip(range(4_000), file, strict=False)))
    return path


def stored(capture: Path, folder: Path, scope: tuple[str, ...]) -> Path:
    """A stored run of the lab, with a scope of its own."""
    desk = replace(load_desk("lab", ROOT / "config"), scope=scope)
    instruments = ROOT / "fixtures/demo_instruments.jsonl"
    embedded.run(embedded.Settings((capture,), desk, instruments=instruments, store=folder / "store"))
    return folder / "store"


@pytest.mark.parametrize(
    ("scope", "derived"), [((), "signals and decisions"), (MARKETS[:1], "decisions"), (MARKETS, "decisions")]
)
def test_every_desk_can_be_replayed(capture: Path, tmp_path: Path, scope: tuple[str, ...], derived: str) -> None:
    """With a scope or without, each envelope is the same; it is said what was derived."""
    found = replay(stored(capture, tmp_path, scope))
    assert (derived, 0, 0, None) == tuple(
        found[key] for key in ("derived", "differs", "input_missing", "first_difference")
    )
    assert int(str(found["same"])) > 2_000
    assert int(str(found["decisions"])) > 50


def test_a_desk_is_chosen_by_its_name(capture: Path, tmp_path: Path) -> None:
    """A name that the store does not hold is refused, with those that it does."""
    store = stored(capture, tmp_path, MARKETS[:1])
    with pytest.raises(Refused, match=r"--desk other: is not in .*; allowed: lab"):
        replay(store, desk="other")
    assert "lab" == replay(store, desk="lab")["desk"]
