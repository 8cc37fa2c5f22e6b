"""Build the summary of a small run, with every key of the command line."""

MARKET = "KXDEMO-1"


def summary(**changes: object) -> dict[str, object]:
    """Return the summary of a small run, with every key of the command line."""
    return {
        "run_id": "r1",
        "fingerprint": "x86_64/py3.11/glibc",
        "seconds": 1.5,
        "frames_per_s": 1_000,
        "peak_rss_mb": 300,
        "truncated": [],
        "frames": 1_500,
        "facts_frames": 1_490,
        "control": 8,
        "dead_letters": {"INTEL_FRAME_NOT_JSON": 2},
        "facts": 1_600,
        "gaps": 1,
        "stale_spells": 2,
        "resyncs": 1,
        "markets": [MARKET],
        "entries": 1_700,
        "envelopes": 2_000,
        "blocks": 9,
        "invalid": 0,
        "intents": 12,
        "approved": 10,
        "rejected": 2,
        "reshaped": 0,
        "orders": 10,
        "cancels": 4,
        "fills": 3,
        "votes": {"risk.kill_switch": {"APPROVE": 10, "REJECT": 2}},
        "reasons": {f"RISK_CODE_{number:02d}": number for number in range(1, 15)},
        "pnl": {
            "realised_micros": 1_500_000,
            "unrealised_micros": -250_001,
            "fees_micros": 10_000,
            "funding_micros": 0,
            "total_micros": 1_239_999,
            "marks_micros": {MARKET: 480_000},
        },
        "decision_digest": "ab" * 32,
        **changes,
    }
