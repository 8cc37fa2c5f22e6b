"""Read the freshness budgets from the configuration folder."""

from pathlib import Path

from contracts.base import Refused
from operators.freshness import Budgets, read_budgets

FRESHNESS = "freshness.toml"


def budgets(config: Path | None) -> Budgets:
    """Return the budgets of a configuration folder; the defaults without one. Raises Refused naming the file."""
    if config is None:
        return Budgets()
    path = config / FRESHNESS
    try:
        return read_budgets(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise Refused(f"{path}: {err}; allowed: a readable {FRESHNESS}") from None
    except Refused as err:
        raise Refused(f"{path}: {err}") from None
