"""What a guard would have done to the intents of a stored run: counted, by reason, and without any effect."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from connectors.clickhouse import EnvelopeTable
from contracts.base import Refused
from contracts.envelope import rows_of
from contracts.intent import REJECT, RESHAPE, RiskDecision, RiskVote
from flows import embedded
from flows.desks import load_desk
from flows.shadow import shadow

pytestmark = pytest.mark.chdb
ROOT = Path(__file__).resolve().parent.parent.parent
STALE = "risk.stale_book"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored run of the lab over the beginning of a recording."""
    folder = tmp_path_factory.mktemp("shadow")
    path = folder / "kalshi.jsonl"
    with gzip.open(ROOT / "fixtures/demo_kalshi.jsonl.gz", "rt") as file:
        path.write_text("".join(line for _, line in zip(range(8_000), file, strict=False)))
    desk = load_desk("lab", ROOT / "config")
    instruments = ROOT / "fixtures/demo_instruments.jsonl"
    embedded.run(embedded.Settings((path,), desk, instruments=instruments, store=folder / "store"))
    return folder / "store"


@pytest.fixture(scope="module")
def decided(store: Path) -> list[RiskDecision]:
    """What the run decided of intents that guards voted on."""
    with EnvelopeTable.embedded(store) as table:
        rows = [row for block in table.read_blocks("lab", "decisions") for row in rows_of(block.data)]
    return [row.payload for row in rows if isinstance(row.payload, RiskDecision) and row.payload.votes]


def votes(decided: list[RiskDecision], gate: str) -> list[RiskVote]:
    """The votes of one guard."""
    return [vote for decision in decided for vote in decision.votes if vote.gate == gate]


def test_a_guard_as_it_was_changes_nothing(store: Path, decided: list[RiskDecision]) -> None:
    """Its twin says what it said, for every intent."""
    found = shadow(store, STALE, 7, [])
    assert (len(decided), 0, 0, 0) == tuple(
        found[key] for key in ("intents", "would_refuse", "would_add", "would_reshape")
    )
    assert len(decided) > 50


def test_a_tighter_limit_would_have_refused(store: Path, decided: list[RiskDecision]) -> None:
    """As many as were approved and had a book older than the new limit; nothing is added."""
    approved = [decision for decision in decided if decision.verdict != REJECT]
    older = [vote for vote in votes(approved, STALE) if vote.seen > 1]
    found = shadow(store, STALE, 7, ["risk.stale_book.max_age_binary_ms=1"])
    assert (len(older), 0) == (found["would_refuse"], found["would_add"])
    assert found["would_refuse"]
    assert {"RISK_STALE_BOOK": len(older)} == found["reasons"]["would_refuse"]  # type: ignore[index]


def test_a_looser_limit_would_have_added(store: Path, decided: list[RiskDecision]) -> None:
    """What the guard itself refused for its age, and for nothing else, by the reason that it gave."""
    refused = [vote for vote in votes(decided, STALE) if vote.verdict == REJECT and vote.reason == "RISK_STALE_BOOK"]
    loose = [f"risk.stale_book.{name}={value}" for name, value in (("max_age_binary_ms", 10**9), ("q_min", 0))]
    found = shadow(store, STALE, 7, loose)
    assert (0, len(refused)) == (found["would_refuse"], found["would_add"])
    assert Counter(vote.reason for vote in refused) == Counter(found["reasons"]["would_add"])  # type: ignore[index]


def test_a_smaller_size_is_a_reshape(store: Path, decided: list[RiskDecision]) -> None:
    """A share of the book that fits no order cuts or refuses all that was approved."""
    found = shadow(store, "risk.market_quality", 7, ["risk.market_quality.take_frac=0.02"])
    approved = sum(decision.verdict in ("APPROVE", RESHAPE) for decision in decided)
    assert 0 < int(str(found["would_reshape"])) + int(str(found["would_refuse"])) <= approved


def test_a_guard_that_was_not_there(store: Path, decided: list[RiskDecision]) -> None:
    """One that needs a policy refuses all that was approved, since the run had none; alone its own reasons are told."""
    found = shadow(store, "risk.compliance_gate", 7, [])
    approved = sum(decision.verdict != REJECT for decision in decided)
    assert (approved, 0) == (found["would_refuse"], found["would_add"])
    assert {"RISK_COMPLIANCE_POLICY_STALE": approved} == found["reasons"]["would_refuse"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("bot", "sets", "words"),
    [
        ("strat.maker_tight", [], "votes on no intent; allowed: risk.kill_switch"),
        ("risk.nobody", [], "risk.nobody"),
        (
            STALE,
            ["risk.exposure.cap_total_usd=5"],
            "is not the bot that is asked about; allowed: risk.stale_book.PARAM",
        ),
        (STALE, ["risk.stale_book.nothing=5"], "has no parameter 'nothing'"),
    ],
)
def test_what_cannot_be_asked(store: Path, bot: str, sets: list[str], words: str) -> None:
    """A bot that is no guard, another bot's parameter, one that it does not have."""
    with pytest.raises(Refused, match=words):
        shadow(store, bot, 7, sets)
