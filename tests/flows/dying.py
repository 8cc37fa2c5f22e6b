"""Stand in for the work of a point's process, for tests: the second point's process is killed, as a machine would."""

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from flows import sweep


def work(task: sweep.Task, out: Path, answers: Connection, spell: sweep.Spelling) -> None:
    """Die without a word at the second point; work as usual at any other."""
    if task.place == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    sweep._work(task, out, answers, spell)
