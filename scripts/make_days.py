"""Write a synthetic recording of several days: Kalshi markets that speak in bursts, and are silent in between.

    python -m scripts.make_days --days 7 --into build/days/kalshi.jsonl

A guard's counts over days (`pt shadow`) need intents of days, and no recording here is that long. So the demonstration
plays for a few minutes at a time, each burst begun by images, since a book that was silent for minutes is not
believed. The same seed and days give the same bytes.
"""

import argparse
import sys
from pathlib import Path

from scripts.fixtures_pack.kalshi_stage import KalshiStage
from scripts.fixtures_pack.pack import SEED

DAY_S = 86_400
EVERY_S, BURST_S, STEP_MS, MARKETS = 3_600, 240, 200, 3


def recording(days: int, seed: int = SEED, every_s: int = EVERY_S) -> str:
    """Return the capture's text; `every_s` seconds from one burst to the next."""
    stage = KalshiStage(seed)
    stage.wire.subscribed()
    for begun_s in range(1, days * DAY_S, every_s):
        stage.recorder.now_ms = begun_s * 1_000
        stage.images()
        for number in range(MARKETS):
            actor, book = stage.stage.actors[number], stage.stage.ladders[number]
            book.open(stage.recorder.now_ms)
            stage.wire.snapshot(actor, book)
        for step_ms in range(STEP_MS, BURST_S * 1_000, STEP_MS):
            stage.recorder.now_ms = begun_s * 1_000 + step_ms
            number = step_ms // STEP_MS % MARKETS
            stage.live(stage.stage.actors[number], stage.stage.ladders[number], STEP_MS)
    return stage.recorder.text()


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make a synthetic recording of several days.")
    parser.add_argument("--days", type=int, default=7, help="length (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed gives others (default: %(default)s)")
    parser.add_argument("--every", type=int, default=EVERY_S, help="seconds between bursts (default: %(default)s)")
    parser.add_argument("--into", type=Path, required=True, help="file to write")
    chosen = parser.parse_args(arguments)
    chosen.into.parent.mkdir(parents=True, exist_ok=True)
    chosen.into.write_text(recording(chosen.days, chosen.seed, chosen.every))
    print(f"{chosen.into}: {chosen.into.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
