"""A deployment says which programs run, and each gets the command line that a person would type."""

from pathlib import Path

import pytest

from contracts.base import Refused
from flows.deployment import load_deployment
from flows.planned import Planned, metrics_of, planned

BASE = """
prefix = "paper"
[lanes]
lane0 = ["kalshi/0"]
lane1 = ["binance/0"]
[desks]
lab = { partition = 0 }
"""


def read(folder: Path, more: str = "", workers: int | None = None) -> tuple[Planned, ...]:
    """Return what a deployment with further tables runs."""
    path = folder / "d.toml"
    path.write_text(BASE + more)
    return planned(load_deployment(path), workers)


def test_without_a_word_all_but_govern_run_once(tmp_path: Path) -> None:
    """Market, desk and record, one process each, all lanes and desks; --workers is for market and desk."""
    assert ("market", "desk", "record") == tuple(each.name for each in read(tmp_path))
    assert {("", 1, ())} == {(each.metrics, each.workers, each.only) for each in read(tmp_path)}
    assert [3, 3, 1] == [each.workers for each in read(tmp_path, workers=3)]


def test_a_table_says_which_and_how(tmp_path: Path) -> None:
    """Order, lanes, workers and address are the file's; its own address goes before the table [metrics]."""
    more = """
    [programs]
    desk = { metrics = "9103" }
    market = { only = ["lane1"], workers = 2 }
    [metrics]
    market = "127.0.0.1:9102"
    desk = "127.0.0.1:1"
    """
    wanted = (Planned("desk", (), 1, "127.0.0.1:9103"), Planned("market", ("lane1",), 2, "127.0.0.1:9102"))
    assert wanted == read(tmp_path, more)
    assert [1, 1] == [each.workers for each in read(tmp_path, more, workers=1)]


def test_a_program_is_a_command_line() -> None:
    """What differs from the plain case is said, and nothing else."""
    way, state, store = ("--access", "a.json"), Path("s"), Path("t")
    common = ("--deployment", "d.toml", "--access", "a.json", "--state", "s", "--json")
    assert ("program", "govern", *common) == Planned("govern").words(Path("d.toml"), way, state, store, until_end=False)
    found = Planned("market", ("a", "b"), 2, "h:1").words(Path("d.toml"), way, state, store, until_end=True)
    wanted = ("--only", "a,b", "--workers", "2", "--metrics", "h:1", "--until-end")
    assert ("program", "market", *common, *wanted) == found
    record = Planned("record").words(Path("d.toml"), way, state, store, until_end=False)
    assert ("program", "record", *common, "--store", "t") == record


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("[programs]", "programs {}; allowed: a table of market, desk, record, govern"),
        ("[programs]\nfeed = {}", "programs.feed: unknown program; allowed: market, desk"),
        ("[programs]\ndesk = 1", "programs.desk 1; allowed: a table of only, workers, metrics"),
        ("[programs]\ndesk = { lanes = [] }", "programs.desk {'lanes': []}; allowed: a table of only"),
        ("[programs]\nmarket = { only = ['lab'] }", "programs.market.only ['lab']; allowed: some of lane0, lane1"),
        ("[programs]\ndesk = { only = ['lane0'] }", "programs.desk.only ['lane0']; allowed: some of lab, each once"),
        ("[programs]\ndesk = { only = ['lab', 'lab'] }", "each once"),
        ("[programs]\ndesk = { only = 'lab' }", "programs.desk.only 'lab'"),
        ("[programs]\ndesk = { workers = 0 }", "programs.desk.workers 0; allowed: 1 to 16"),
        ("[programs]\ndesk = { workers = true }", "programs.desk.workers True; allowed: 1 to 16"),
        ("[programs]\ndesk = { metrics = 9100 }", "programs.desk.metrics 9100; allowed: HOST:PORT"),
        ("[programs]\ndesk = { metrics = 'here' }", "'here'; allowed: HOST:PORT"),
        ("[metrics]\ndesk = 9100", "metrics.desk 9100; allowed: HOST:PORT"),
    ],
)
def test_what_cannot_run_is_refused(tmp_path: Path, more: str, named: str) -> None:
    """The line names the table, the program, the value and what is allowed."""
    with pytest.raises(Refused) as refused:
        read(tmp_path, more)
    assert named in str(refused.value)


def test_the_addresses_of_programs(tmp_path: Path) -> None:
    """[metrics] is read as `pt top` reads it; no table is no address, and no table at all is refused."""
    path = tmp_path / "d.toml"
    path.write_text(BASE + '[metrics]\nmarket = "http://[::1]:9102/metrics"')
    assert {"market": "[::1]:9102"} == metrics_of(load_deployment(path))
    path.write_text(BASE)
    assert {} == metrics_of(load_deployment(path))
    path.write_text("metrics = 1\n" + BASE)
    with pytest.raises(Refused, match="metrics 1; allowed: a table of program = HOST:PORT"):
        metrics_of(load_deployment(path))
