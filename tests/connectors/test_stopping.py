"""A request to stop is noted where work can be taken up again, and ends everything else at once."""

import os
import signal
import threading
from contextlib import suppress

import pytest

from connectors.stopping import Stop, Stopped


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_request_is_noted_and_the_second_ends_at_once(number: int, code: int) -> None:
    """Inside the gentle part the work looks; a person who asks twice does not wait."""
    with Stop() as stop:
        with stop.gently():
            assert not stop()
            os.kill(os.getpid(), number)
            assert stop()
            with pytest.raises(Stopped):
                os.kill(os.getpid(), number)
        assert code == stop.reason().code


def test_elsewhere_the_first_request_ends() -> None:
    """Before and after the gentle part there is nothing to wait for."""
    with Stop() as stop:
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop()


def test_a_request_that_was_swallowed_is_not_lost() -> None:
    """Where somebody swallowed what the signal raised, the next gentle part does not begin."""
    begun = []
    with Stop() as stop:
        with suppress(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped), stop.gently():
            begun.append(True)
    assert [] == begun


def test_signals_go_back_to_whoever_had_them() -> None:
    """Also where the process was told to ignore one: it stays ignored."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        had = signal.getsignal(signal.SIGINT)
        with Stop() as stop, stop.gently():
            os.kill(os.getpid(), signal.SIGTERM)
            assert not stop()
            assert had != signal.getsignal(signal.SIGINT)
        assert (signal.SIG_IGN, had) == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
    finally:
        signal.signal(signal.SIGTERM, before)


def test_another_thread_listens_to_nothing() -> None:
    """Only the main thread may; a flow in another one runs as before."""
    found = []

    def work() -> None:
        with Stop() as stop:
            found.append(stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [False] == found
