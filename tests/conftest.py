"""Say where recorded data is, skip what needs it where there is none, and count both in the closing lines.

Recorded market data is large and not ours to give away: it is never in this tree. Tests marked `recorded` read it
from `../shared/data` beside the checkout, or from the folder that POLYTRADERS_RECORDED names.
"""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.brokers import RAN, broker, closing_line, cluster, mock_cluster, real_broker

__all__ = ["broker", "cluster", "mock_cluster", "real_broker"]  # fixtures, for every test
ROOT = Path(__file__).resolve().parent.parent
RECORDED = Path(os.environ.get("POLYTRADERS_RECORDED") or ROOT.parent / "shared" / "data")

MOCKED = (
    "tests/connectors/mocks/", "tests/connectors/venues/", "tests/flows/test_submit_", "tests/flows/test_canaries.py",
)  # fmt: skip

# Laws are deterministic here, so that a red build is red again; `make soak` draws new examples and many more.
settings.register_profile("law", derandomize=True, deadline=None, database=None, max_examples=60)
settings.register_profile("soak", deadline=None, database=None, max_examples=2_000, print_blob=True)
settings.load_profile(os.environ.get("POLYTRADERS_LAWS") or "law")


def pytest_configure(config: pytest.Config) -> None:
    """Hear Ctrl-C, which a shell's `&` makes deaf to: processes that tests start and interrupt would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what talks to a mock venue: a whole folder does, or a submitter's own tests."""
    for item in items:
        where = item.path.relative_to(ROOT).as_posix()
        if where.startswith(MOCKED):
            item.add_marker(pytest.mark.mocks)


@pytest.fixture
def recorded() -> Path:
    """Return the folder of recorded data; skips the test where there is none."""
    if not RECORDED.is_dir():
        pytest.skip("no recorded data beside the checkout")
    return RECORDED


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `recorded` where there is no recorded data."""
    if item.get_closest_marker("recorded") and not RECORDED.is_dir():
        pytest.skip("no recorded data beside the checkout")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that started this one, where there is one, what its tests ran on."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["kafka"] = (RAN.on, RAN.why_not)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take in what a worker's tests ran on; one that died says nothing."""
    on, why_not = getattr(node, "workeroutput", {}).get("kafka", ([], ""))
    RAN.on += on
    RAN.why_not = RAN.why_not or why_not


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Close with lines that say how many tests ran on recorded data and on a real broker.

    A quiet skip cannot pass for a pass.
    """
    ran, skipped = _counted(terminalreporter, "recorded")
    if ran or skipped:
        where = "" if ran else "; it belongs in ../shared/data next to the checkout"
        terminalreporter.write_line(f"recorded data: {ran} ran, {skipped} skipped{where}")
    if line := closing_line(*_counted(terminalreporter, "kafka")):
        terminalreporter.write_line(line)


def _counted(terminalreporter: pytest.TerminalReporter, mark: str) -> tuple[int, int]:
    """Count the tests of a mark that ran, and those that were skipped."""
    ran = skipped = 0
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            if mark not in getattr(report, "keywords", {}):
                continue
            if outcome == "skipped":
                skipped += 1
            elif report.when == "call":
                ran += 1
    return ran, skipped
