"""A stored journal, said again by the lanes that said it, is the journal that the desk heard."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from connectors.clickhouse import Run
from connectors.kafka_strands import strand_of
from connectors.refeed import Fed
from connectors.refeed_feedings import Cut
from connectors.store import StoreError
from contracts.base import Refused
from contracts.envelope import Block, rows_of
from contracts.ids import CONTROL_SOURCE, fact_id
from flows.deployment import Deployment, load_deployment
from flows.refeed_store import JournalFeeding, of_store, renumber_back
from operators.control_entries import ENTRIES_FROM
from operators.envelope import Chain
from operators.plan import OPERATOR_RANK
from operators.strands import Strand, renumber
from tests import world
from tests.flows import several_lanes
from tests.flows.several_lanes import decided, deployed, interleaved, said_by
from tests.operators.test_control_entries import command

TO, SECONDS = "paper.refeed.a", 120
ONE = {"only": ["kalshi/0"]}


class Store:
    """A store that is a list of blocks."""

    where = "the store"

    def __init__(self, blocks: Sequence[Block], desks: Sequence[str] = ("lab",), sources: Sequence[str] = ()) -> None:
        self.blocks, self._desks, self._sources = list(blocks), list(desks), sources

    def desks(self) -> list[str]:
        """Return the desks."""
        return self._desks

    def runs(self) -> list[Run]:
        """Return the run that was recorded, over these sources."""
        return [Run("run", "lab", "", {number: {} for number in self._sources}, {}, {})]

    def read_blocks(self, desk_id: str, chain: str) -> Iterator[Block]:
        """Yield the blocks of a chain."""
        del desk_id
        return several_lanes.chain(self.blocks, chain)

    def query(self, sql: str, **parameters: object) -> list[tuple[int]]:
        """Return the only number that is asked for."""
        del sql, parameters
        return [(len(list(self.read_blocks("lab", "journal"))),)]


def feedings(
    store: Store, deployment: Deployment | None = None, cut: Cut | None = None, to: str = TO
) -> list[JournalFeeding]:
    """Return what a store feeds."""
    return of_store(store, to, deployment, cut or Cut())  # type: ignore[arg-type]


def strands(feeding: JournalFeeding) -> list[Strand]:
    """Return the records as strands."""
    return [strand_of(fed.value) for fed in feeding.records()]


def ran(
    folder: Path, lanes: dict[str, list[str]], records: Sequence[several_lanes.Record] = ()
) -> tuple[Deployment, list[Block]]:
    """Run a deployment without a broker; return it and what its desk sealed."""
    rng, deployment = Random(3), deployed(folder, lanes)
    logs = [said_by(deployment, lane, rng, SECONDS) for lane in deployment.lanes.values()]
    return deployment, decided(deployment, [*interleaved(logs, rng), *records], rng)


@pytest.mark.parametrize("lanes", [ONE, several_lanes.THREE])
def test_what_is_fed_gives_the_same_journal_and_decisions(tmp_path: Path, lanes: dict[str, list[str]]) -> None:
    """The strands of a stored journal, heard by a desk of the same deployment, seal the same blocks, of both chains."""
    deployment, blocks = ran(tmp_path, lanes)
    (feeding,) = feedings(Store(blocks), deployment)
    said = strands(feeding)
    again = decided(deployment, said, Random(5))
    for chain, least in (("journal", 20), ("decisions", 5)):
        heads = [[(each.number, each.head) for each in several_lanes.chain(found, chain)] for found in (blocks, again)]
        assert heads[0] == heads[1]
        assert len(heads[0]) >= least
    assert ("paper.refeed.a.journal", 0, {}) == (feeding.topic, feeding.partition, dict(feeding.left_out))
    assert list(lanes) == [each.lane for each in said if each.ended]
    assert feeding.done == feeding.total == len([block for block in blocks if block.chain == "journal"])


def test_records_are_the_same_each_time_and_short_in_time(tmp_path: Path) -> None:
    """A feeding that goes on finds the records where they were; none holds entries of more than a tenth of a second."""
    deployment, blocks = ran(tmp_path, ONE)
    (feeding,) = feedings(Store(blocks), deployment)
    fed = list(feeding.records())
    assert fed == list(feeding.records())
    rest = feeding.after(50, None)
    assert (fed[50:], {0: fed[0], 49: fed[49]}) == (list(rest.records), rest.known)
    assert fed == sorted(fed, key=lambda each: each.at_ns)
    spans = [each.at_ns for each in fed[:-1]]
    assert len(set(spans)) > SECONDS * 5
    (alone,) = feedings(Store(blocks))
    assert ["lane0"] == list({strand_of(each.value).lane for each in alone.records()})
    assert "lines 0 to " in feeding.spelt(fed[0])
    assert ", its end (plan" in feeding.spelt(fed[-1])
    assert feeding.spelt(Fed(0, b"k", b"no strand")) == "a record of 9 bytes under key b'k'"


def test_a_cut_ends_a_journal_early(tmp_path: Path) -> None:
    """--until takes what was heard up to then; the end is said unless nobody wants it."""
    deployment, blocks = ran(tmp_path, ONE)
    (whole,) = feedings(Store(blocks), deployment)
    middle = [fed.at_ns for fed in whole.records()][100]
    (feeding,) = feedings(Store(blocks), deployment, Cut(until=middle))
    cut = list(feeding.records())
    assert list(whole.records())[:100] == cut[:100]
    assert (True, True) == (strand_of(cut[-1].value).ended, middle >= cut[-1].at_ns)
    (open_end,) = feedings(Store(blocks), deployment, Cut(until=middle, ends=False))
    assert cut[:-1] == list(open_end.records())


def test_what_was_signed_is_left_out_and_counted(tmp_path: Path) -> None:
    """A command of an operator in the journal is not fed: nobody here may sign it again; the rest is."""
    deployment, blocks = ran(tmp_path, ONE)
    journal = list(several_lanes.chain(blocks, "journal"))
    entries = [row for block in journal for row in rows_of(block.data)]
    signed = replace(entries[0], cause=fact_id(CONTROL_SOURCE, ENTRIES_FROM + 1), rank=OPERATOR_RANK, payload=command())
    chain, kept = Chain("lab", "journal"), [each.payload if each.rank < 0 else each for each in entries]
    changed = [chain.link([*kept[:400], signed, *kept[400:]], [1])]
    (feeding,), (before,) = feedings(Store(changed), deployment), feedings(Store(blocks), deployment)
    lines = [b"".join(each.lines for each in strands(found)) for found in (feeding, before)]
    assert lines[0] == lines[1]
    assert ({"ControlCommand": 1}, {}) == (dict(feeding.left_out), dict(before.left_out))


def test_a_store_that_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    """No desk, several, another mode, another desk, lane, plan or source, a hole in the chain: each is named."""
    deployment, blocks = ran(tmp_path, ONE)
    for store, at, why in (
        (Store([], ()), None, "holds 0 desks (none); allowed: one, or several"),
        (Store(blocks, ("a", "b", "govern_a")), None, "holds 2 desks (a, b); allowed: one, or several"),
        (Store(blocks, ("other",)), deployment, "has no desk other; allowed"),
        (Store(blocks), deployed(tmp_path, {"a": ["kalshi/0"], "b": ["bitget/0"]}), "the stored one heard one lane"),
    ):
        with pytest.raises(Refused) as err:
            feedings(store, at)
        assert why in str(err.value)
    with pytest.raises(Refused, match=r"--to shadow.refeed.a: desk lab of the store ran in mode paper; allowed: paper"):
        feedings(Store(blocks), to="shadow.refeed.a")
    other = deployed(tmp_path, {"a": ["kalshi/0"], "b": ["bitget/0"]})
    with pytest.raises(Refused, match=r"source 0 is of no lane that the desk hears; allowed: 1, 125: its lanes have"):
        feedings(Store(blocks, sources=("0", "1")), heard_only(other, tmp_path))
    (feeding,) = feedings(Store(blocks), heard_only(other, tmp_path))
    with pytest.raises(Refused, match=r"source 127 is of no lane that the desk hears; allowed: 1, 125: its lanes have"):
        list(feeding.records())
    (feeding,) = feedings(Store([block for block in blocks if block.number != 3]), deployment)
    with pytest.raises(
        StoreError, match=r"the journal of desk lab in the store: block 3: missing; the next one stored is 4"
    ):
        list(feeding.records())


def heard_only(deployment: Deployment, folder: Path) -> Deployment:
    """Return the deployment with a desk that hears its second lane alone."""
    file = folder / "second.toml"
    text = deployment.path.read_text()
    file.write_text(text.replace("lab = { partition = 0 }", 'lab = { partition = 0, lanes = ["b"] }'))
    return load_deployment(file)


def test_numbers_of_markets_go_back_to_their_lanes() -> None:
    """What was numbered for a desk of three lanes has its lane's own numbers again; another lane's is refused."""
    for lane in range(3):
        entries = [world.delta(market=number) for number in (-1, 0, 1, 7)]
        renumber(entries, lane, 3)
        renumber_back(entries, lane, 3)  # type: ignore[arg-type]
        assert [-1, 0, 1, 7] == [entry.market for entry in entries]
    with pytest.raises(Refused, match="market 4 is said by lane 0 of 3, and is not its own"):
        renumber_back([world.delta(market=4)], 0, 3)  # type: ignore[list-item]
