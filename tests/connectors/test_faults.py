"""A place in the order path breaks when it is told to, and otherwise does nothing."""

import re
import time

import pytest

from connectors import faults
from contracts.base import Refused
from tests.tidy.house import ROOT


def test_without_anything_set_a_place_does_nothing() -> None:
    """Neither does it look its name up."""
    assert (None, None) == (faults.hit("F6"), faults.hit("nowhere"))


def test_a_place_acts_at_the_time_that_was_said_and_names_are_checked() -> None:
    """The second passing acts, the others do not; a name that is not registered is an error; the end restores."""
    did: list[int] = []
    with faults.armed({"F6": (2, lambda: did.append(1))}) as seen:
        for _ in range(3):
            faults.hit("F6")
        with pytest.raises(KeyError):
            faults.hit("F12")
    assert ([1], 3) == (did, seen["F6"])
    faults.hit("F6")
    assert [1] == did


def test_the_environment_sets_places() -> None:
    """F6:raise raises, F7@2:hang waits, several with commas; empty sets nothing."""
    with faults.armed({}):
        assert not faults.from_environment({})
        assert faults.from_environment({faults.VARIABLE: "F6:raise,F7@2:hang:0.05,F8:kill"})
        with pytest.raises(faults.Injected, match="fault F6"):
            faults.hit("F6")
        faults.hit("F7")
        began = time.monotonic()
        faults.hit("F7")
        assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize("text", ["F12:kill", "F6", "F6:burn", "F6@x:kill", "F6:hang:soon"])
def test_what_cannot_be_set_is_refused(text: str) -> None:
    """The variable and what is allowed are named."""
    with faults.armed({}), pytest.raises(Refused, match=faults.VARIABLE):
        faults.from_environment({faults.VARIABLE: text})


def test_every_registered_place_stands_in_the_code_and_no_other() -> None:
    """The names that the code passes are the names of the registry."""
    code = "".join(path.read_text() for path in (ROOT / "flows").glob("submit*.py"))
    assert set(faults.POINTS) == set(re.findall(r'\bhit\("(\w+)"\)', code))
