"""Tell one process from another that was given its number later.

A number in a file names whoever has it today. The kernel's word on when that process began makes it a name.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path


def is_gone(pid: int, started: str) -> bool:
    """True when no such process runs, it has ended and waits to be collected, or another one has its number now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return bool(started) and started != started_at(pid)


def started_at(pid: int) -> str:
    """Return when a process began, in ticks since boot; empty where there is no /proc, or for a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def tied(words: Sequence[str]) -> list[str]:
    """Return a command line whose process the kernel kills with the thread that starts it, where `setpriv` exists."""
    tie = shutil.which("setpriv")
    return [*words] if tie is None else [tie, "--pdeathsig", "KILL", *words]
