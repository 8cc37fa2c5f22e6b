"""A long run does not grow: memory is flat once every market of the day has been met."""

from pathlib import Path

import pytest

from flows import embedded
from flows.desks import load_desk

pytestmark = [pytest.mark.recorded, pytest.mark.soak]
ROOT = Path(__file__).resolve().parent.parent.parent
MILLION = 1_000_000


def resident_mb() -> float:
    """Memory of this process in megabytes, as the kernel counts it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096 / MILLION


def test_memory_is_flat_after_the_first_million(recorded: Path) -> None:
    """33 Kalshi files in one run: less than one megabyte per million frames, beside what the newly met markets hold."""
    captures = tuple(sorted((recorded / "kalshi").glob("btc15m_*.jsonl.gz")))
    seen: list[tuple[int, float]] = []
    desk = load_desk("lab", ROOT / "config")
    summary = embedded.run(
        embedded.Settings(captures, desk), lambda done, *_: seen.append((done, resident_mb()))
    ).summary
    after = [(done, mb) for done, mb in seen if done > MILLION]
    mean = [sum(column) / len(after) for column in zip(*after, strict=True)]
    slope = sum((done - mean[0]) * (mb - mean[1]) for done, mb in after) / sum(
        (done - mean[0]) ** 2 for done, _ in after
    )
    print(f"{slope * MILLION:.2f} MB per million frames, {after[-1][1]:.0f} MB at the end")
    assert 1_920_188 == summary["frames"]
    assert slope * MILLION < 1.0
