"""Write down what the synthetic pack leads to, so that a change of any decision is seen: fixtures/demo.golden.json.

`python -m scripts.make_golden` runs the pack through the lab desk and keeps counts and digest. Whoever changes a
decision on purpose runs it again and says why in the commit.
"""

import sys
import tomllib
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "fixtures" / "demo.golden.json"
KEPT = (
    "fingerprint", "decision_digest", "frames", "facts_frames", "control", "dead_letters", "facts", "gaps",
    "stale_spells", "resyncs", "markets", "entries", "envelopes", "blocks", "invalid", "intents", "approved",
    "rejected", "reshaped", "orders", "cancels", "fills", "votes", "pnl",
)  # fmt: skip


def outcome(batch: int = 256) -> dict[str, object]:
    """Run the pack without a store; return what is kept of its summary. About 8 s."""
    from flows import embedded
    from flows.desks import load_desk

    contents = tomllib.loads((ROOT / "fixtures" / "demo.toml").read_text("utf-8"))
    captures = tuple(ROOT / "fixtures" / part["file"] for part in contents["captures"].values())
    instruments = ROOT / "fixtures" / "demo_instruments.jsonl"
    desk = load_desk("lab", ROOT / "config")
    summary = embedded.run(embedded.Settings(captures, desk, instruments=instruments, batch=batch)).summary
    return {key: summary[key] for key in KEPT}


def main() -> int:
    """Write the file; returns the exit code."""
    found = msgspec.json.format(msgspec.json.encode(outcome()), indent=2)
    GOLDEN.write_bytes(found + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
