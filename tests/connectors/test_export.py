"""connectors.export: every envelope once, payloads to the byte, money in whole numbers with its unit, or no file."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import export as module
from connectors.clickhouse import EnvelopeTable
from connectors.envelopes import Envelope
from connectors.export import ExportError, Wanted, checked, export
from connectors.reader import StoreReader
from connectors.tables import flat_schema, typed
from contracts.base import Refused
from contracts.ids import envelope_id
from flows import embedded
from flows.desks import load_desk
from tests.flows.captures import INSTRUMENTS, ROOT, small

pytestmark = pytest.mark.chdb
CONFIG = ROOT / "config"


def silent(rows: int, total: int, done: int) -> None:
    """Say nothing."""


def read(folder: Path, name: str, to: str) -> pa.Table:
    """Read a table of an export."""
    path = folder / f"{name}.{to}"
    return pq.read_table(path) if to == "parquet" else pa.ipc.open_file(path).read_all()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a run of 6,000 lines of the pack that trades, with lines that cannot be read."""
    capture = small(tmp_path_factory.mktemp("captures") / "small.jsonl", 6_000)
    with capture.open("ab") as file:
        file.write(b'{"at_ns":1795194300000000000,"conn":"kalshi-1","n":99,"frame":"no json"}\n')
    folder = tmp_path_factory.mktemp("stores") / "store"
    desk = load_desk("lab", CONFIG, ["strat.maker_tight.clip_usd=40"])
    embedded.run(embedded.Settings((capture,), desk, instruments=INSTRUMENTS, store=folder, config=CONFIG))
    return folder


@pytest.fixture(scope="module")
def said(store: Path) -> list[Envelope]:
    """Everything that the store's reader gives."""
    with StoreReader(store) as reader:
        return list(reader.envelopes())


@pytest.fixture(scope="module")
def sealed(store: Path) -> dict[str, str]:
    """Each payload as its block holds it, by envelope id: read from the blocks' bytes, by nothing of the export."""
    found: dict[str, str] = {}
    with EnvelopeTable.embedded(store) as table:
        for desk_id, chain in table.chains():
            for block in table.read_blocks(desk_id, chain):
                for raw in msgspec.json.decode(block.data, type=list[msgspec.Raw]):
                    if bytes(raw)[:1] == b"[":
                        cause, rank, index, _, _, payload = msgspec.json.decode(
                            raw, type=tuple[int, int, int, int, int, msgspec.Raw]
                        )
                    else:
                        cause, rank, index, payload = json.loads(bytes(raw))["fact"], -1, 0, raw
                    found[envelope_id(desk_id, cause, rank, index)] = bytes(payload).decode()
    return found


@pytest.fixture(scope="module", params=["arrow", "parquet"])
def exported(request: pytest.FixtureRequest, store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The whole store, in each format."""
    out = tmp_path_factory.mktemp("exports") / "deep" / "out"
    export(store, request.param, out, Wanted(), False, silent)
    return out, request.param


def test_every_envelope_is_a_row(exported: tuple[Path, str], said: list[Envelope], sealed: dict[str, str]) -> None:
    """As many rows as the store has envelopes, in journal order, each id once."""
    table = read(exported[0], "envelopes", exported[1])
    assert table.num_rows == len(said) == len(sealed)
    assert table["envelope_id"].to_pylist() == [each["envelope_id"] for each in said]


def test_payloads_are_equal_to_the_byte(exported: tuple[Path, str], sealed: dict[str, str]) -> None:
    """The payload of each row is the text that was hashed into its block."""
    table = read(exported[0], "envelopes", exported[1])
    found = dict(zip(table["envelope_id"].to_pylist(), table["payload"].to_pylist(), strict=True))
    assert found == sealed


def test_the_flat_columns_are_the_keys_of_the_command_line(exported: tuple[Path, str], said: list[Envelope]) -> None:
    """Everything but the payload reads back as `pt envelopes` prints it."""
    table = read(exported[0], "envelopes", exported[1]).drop_columns(["payload"])
    assert table.to_pylist() == [{key: each[key] for key in each if key != "payload"} for each in said]


def test_typed_tables_hold_their_kinds(exported: tuple[Path, str], said: list[Envelope]) -> None:
    """As many fills, orders, decisions, positions and books as were said, and a row for each vote."""
    kinds = Counter(each["kind"] for each in said)
    rows = {table.name: read(exported[0], table.name, exported[1]).num_rows for table in typed()}
    votes = sum(len(each["payload"]["votes"]) for each in said if each["kind"] in ("RiskDecision", "AuthorisedOrder"))
    assert rows == {
        "fills": kinds["Fill"] + kinds["Settlement"],
        "orders": kinds["OrderUpdate"],
        "intents": kinds["OrderIntent"],
        "positions": kinds["PositionState"],
        "books": kinds["OrderBookSnapshot"],
        "snapshots": kinds["MarketSnapshot"],
        "trades": kinds["TradePrint"],
        "markets": kinds["MarketDefinition"],
        "decisions": kinds["RiskDecision"],
        "votes": votes,
        "dead_letters": rows["dead_letters"],
    }
    assert min(rows[name] for name in ("fills", "orders", "positions", "books", "votes", "dead_letters")) > 0


def test_typed_rows_have_the_payload_s_values(exported: tuple[Path, str], said: list[Envelope]) -> None:
    """Each field of a fill and of a position stands in its column; a book's sides are prices and sizes, best first."""
    for name, kind in (("fills", "Fill"), ("positions", "PositionState")):
        wanted = [each["payload"] for each in said if each["kind"] == kind]
        rows = [row for row in read(exported[0], name, exported[1]).to_pylist() if name != "fills" or row["trade_id"]]
        assert [{key: row[key] for key in payload} for row, payload in zip(rows, wanted, strict=True)] == wanted
    book = next(each for each in said if each["kind"] == "OrderBookSnapshot")
    row = read(exported[0], "books", exported[1]).to_pylist()[0]
    assert row["envelope_id"] == book["envelope_id"]
    assert [list(level) for level in zip(row["bid_ticks"], row["bid_lots"], strict=True)] == book["payload"]["bids"]
    assert [list(level) for level in zip(row["ask_ticks"], row["ask_lots"], strict=True)] == book["payload"]["asks"]


def fields(schema: pa.Schema) -> Iterator[pa.Field]:
    """Yield every column, those inside lists and structs too."""
    waiting = list(schema)
    while waiting:
        field = waiting.pop()
        yield field
        waiting += [field.type.field(place) for place in range(field.type.num_fields)]


def test_nothing_is_a_float_and_units_are_named(exported: tuple[Path, str]) -> None:
    """No column of any file is a float; each of money, price, size or time says its unit, each column its meaning."""
    folder, to = exported
    for path in folder.glob(f"*.{to}"):
        schema = read(folder, path.stem, to).schema
        assert not [field.name for field in fields(schema) if pa.types.is_floating(field.type)], path
        for field in schema:
            told = field.metadata or {}
            assert told.get(b"meaning"), (path.name, field.name)
            if field.name.endswith(("_micros", "_ticks", "_lots", "_ns", "_ms", "_milli", "_ppb")):
                assert told.get(b"unit"), (path.name, field.name)
    assert read(folder, "fills", to).schema.field("tick_micros").metadata[b"unit"].endswith(b"in one tick")


def test_the_manifest_says_what_is_there(exported: tuple[Path, str]) -> None:
    """Files and rows, as they are; and nothing lies in the folder that it does not name."""
    folder, to = exported
    tables = json.loads((folder / "export.json").read_text())["tables"]
    assert {file["file"] for file in tables.values()} | {"export.json"} == {file.name for file in folder.iterdir()}
    assert {name: file["rows"] for name, file in tables.items()} == {
        name: read(folder, name, to).num_rows for name in tables
    }
    assert [file.name for file in folder.parent.iterdir()] == [folder.name]


def test_kinds_and_times_choose(store: Path, said: list[Envelope], tmp_path: Path) -> None:
    """Only those kinds, in that time, in the tables that they feed; definitions whatever the time, to read prices."""
    middle = said[len(said) // 2]["at_ns"]
    wanted = Wanted(("Fill", "OrderUpdate"), None, middle, None)
    export(store, "parquet", tmp_path / "out", wanted, False, silent)
    chosen = [each["envelope_id"] for each in said if each["kind"] in wanted.kinds and each["at_ns"] >= middle]
    assert read(tmp_path / "out", "envelopes", "parquet")["envelope_id"].to_pylist() == chosen
    assert len(chosen) > 0
    names = {path.stem for path in (tmp_path / "out").glob("*.parquet")}
    assert names == {"envelopes", "fills", "orders", "markets"}
    definitions = sum(each["kind"] == "MarketDefinition" for each in said)
    assert read(tmp_path / "out", "markets", "parquet").num_rows == definitions


def test_a_market_chooses(store: Path, said: list[Envelope], tmp_path: Path) -> None:
    """Only what concerns one market, its definition too, and no frame that could not be read: that is nobody's."""
    market = next(each["market_id"] for each in said if each["kind"] == "Fill")
    export(store, "arrow", tmp_path / "out", Wanted(market=market), False, silent)
    table = read(tmp_path / "out", "envelopes", "arrow")
    assert table["envelope_id"].to_pylist() == [each["envelope_id"] for each in said if each["market_id"] == market]
    assert set(read(tmp_path / "out", "markets", "arrow")["market_id"].to_pylist()) == {market}
    assert read(tmp_path / "out", "dead_letters", "arrow").num_rows == 0


def test_rows_are_written_in_batches(
    store: Path, said: list[Envelope], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With at most 500 rows a batch no more than 500 wait in memory; a heavy batch is written sooner."""
    monkeypatch.setattr(module, "BATCH_ROWS", 500)
    export(store, "arrow", tmp_path / "rows", Wanted(), False, silent)
    file = pa.ipc.open_file(tmp_path / "rows" / "envelopes.arrow")
    sizes = [file.get_batch(number).num_rows for number in range(file.num_record_batches)]
    assert (max(sizes), sum(sizes)) == (500, len(said))
    monkeypatch.setattr(module, "BATCH_BYTES", 1_000)
    export(store, "arrow", tmp_path / "bytes", Wanted(kinds=("OrderIntent",)), False, silent)
    assert pa.ipc.open_file(tmp_path / "bytes" / "envelopes.arrow").num_record_batches > 10


def test_a_failure_leaves_nothing(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full in the middle, neither the folder nor a part of it is there, and an old one stays."""

    def full(said: Envelope) -> dict[str, object]:
        raise OSError(28, "No space left on device")

    out = tmp_path / "out"
    export(store, "parquet", out, Wanted(kinds=("Fill",)), False, silent)
    before = (out / "export.json").read_bytes()
    monkeypatch.setattr(module, "flat_row", full)
    for place, force in ((tmp_path / "new", False), (out, True)):
        with pytest.raises(ExportError, match="cannot be written \\(No space left on device\\)"):
            export(store, "parquet", place, Wanted(), force, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / "export.json").read_bytes() == before


def test_an_earlier_export_is_replaced_only_when_asked(store: Path, tmp_path: Path) -> None:
    """Without --force it is refused; with it the folder is the new one, whole."""
    out = tmp_path / "out"
    out.mkdir()
    export(store, "parquet", out, Wanted(), False, silent)
    with pytest.raises(Refused, match="holds an export already; allowed: a new folder, or --force"):
        export(store, "arrow", out, Wanted(), False, silent)
    export(store, "arrow", out, Wanted(kinds=("Fill",)), True, silent)
    assert {path.name for path in out.iterdir()} == {"envelopes.arrow", "fills.arrow", "markets.arrow", "export.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_no_export_is_never_replaced(tmp_path: Path) -> None:
    """A file, or a folder with something else in it, is refused even with --force."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    for name, named in (("file", "is a file"), ("mine", "holds something that is no export")):
        with pytest.raises(Refused, match=named):
            checked("arrow", tmp_path / name, True)
    with pytest.raises(Refused, match="--to 'csv': unknown; allowed: arrow, parquet"):
        checked("csv", tmp_path / "new", False)


def test_the_flat_schema_has_every_key_of_an_envelope() -> None:
    """A key that `pt envelopes` gains must gain a column."""
    assert flat_schema().names == list(Envelope.__annotations__)
