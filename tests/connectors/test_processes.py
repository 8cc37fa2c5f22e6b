"""A process is named by its number and its beginning."""

import os
import subprocess
import sys

import pytest

from connectors.processes import is_gone, started_at, tied


def test_this_process_runs() -> None:
    """Our own number with our own beginning is there; with another beginning it is somebody else's."""
    assert not is_gone(os.getpid(), started_at(os.getpid()))
    assert is_gone(os.getpid(), "1")


def test_a_process_that_ended_is_gone() -> None:
    """One that waits to be collected is gone already, and one that was collected is."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = started_at(child.pid)
    assert not is_gone(child.pid, began)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(child.pid, began)
    child.wait()
    assert is_gone(child.pid, began)


def test_where_the_kernel_does_not_say_the_number_counts() -> None:
    """Without a beginning, whoever has the number is taken for it."""
    assert not is_gone(os.getpid(), "")


def test_a_tie_is_put_in_front_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `setpriv` the kernel is asked to end the process with us; without it the words stay as they are."""
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert ["/bin/setpriv", "--pdeathsig", "KILL", "java", "x"] == tied(("java", "x"))
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert ["java", "x"] == tied(("java", "x"))
