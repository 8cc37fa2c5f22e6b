"""What a step remembers is taken up again under its version, or refused: never misread."""

from collections import Counter
from typing import cast

import pytest

from contracts.base import Refused
from operators.freshness import Budgets, Freshness
from operators.state import Keep, Migrations, Values, values_of


class Counting:
    """A step of version 2: how often, and what."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.total = 0

    def step(self, words: list[str]) -> int:
        self.seen.update(words)
        self.total += len(words)
        return self.total


class Slotted:
    """A step that keeps its values in slots."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held: list[int] = []


class Planned:
    """A step whose plan is made again and not kept."""

    def __init__(self, plan: str) -> None:
        self.plan, self.rows = plan, [1]

    def __getstate__(self) -> Values:
        return {"plan": self.plan, "rows": tuple(self.rows)}

    def __setstate__(self, state: Values) -> None:
        self.plan, self.rows = str(state["plan"]), list(state["rows"])  # type: ignore[call-overload]


def total_of(values: Values) -> Values:
    """Version 1 had no total."""
    seen = values["seen"]
    assert isinstance(seen, Counter)
    return {**values, "total": seen.total()}


UP: Migrations = {("count", 1): total_of}


def older(version: int, **values: object) -> bytes:
    """Return a snapshot as an older program wrote it."""
    past = type("Past", (), {})()
    past.__dict__.update(values)
    kept = Keep({"count": version}).pack("count", past)
    assert kept is not None
    return kept


def test_a_snapshot_is_a_copy() -> None:
    """What happens after a snapshot is not in it."""
    keep, step, again = Keep({"count": 2}), Counting(), Counting()
    step.step(["a", "b"])
    kept = keep.pack("count", step)
    step.step(["c"])
    keep.unpack("count", kept, again)
    assert (2, Counter("ab")) == (again.total, again.seen)


def test_slots_are_kept_too() -> None:
    """A class with slots is packed by their names."""
    keep, step, again = Keep({"s": 1}), Slotted(), Slotted()
    step.held.append(7)
    keep.unpack("s", keep.pack("s", step), again)
    assert [7] == again.held


def test_a_plan_is_not_kept() -> None:
    """What the assembly makes again stays what it is there."""
    keep, step, again = Keep({"p": 1}), Planned("old"), Planned("new")
    step.rows = [1, 2, 3]
    keep.unpack("p", keep.pack("p", step), again)
    assert ("new", [1, 2, 3]) == (again.plan, again.rows)
    assert {"rows"} == values_of(step).keys()


def test_without_versions_nothing_is_kept() -> None:
    """A flow without a store pays nothing."""
    keep, step = Keep(), Counting()
    assert keep.pack("count", step) is None
    keep.unpack("count", None, step)
    assert 0 == step.total


def test_a_warm_step_is_left_as_it_is() -> None:
    """A pause inside one process has nothing to take up."""
    keep, step = Keep({"count": 2}), Counting()
    kept = keep.pack("count", step)
    step.step(["a"])
    keep.warm = True
    keep.unpack("count", kept, step)
    assert 1 == step.total


def test_an_older_state_is_brought_up() -> None:
    """A stored state of version 1 goes through its migration and goes on as version 2."""
    again = Counting()
    Keep({"count": 2}, UP).unpack("count", older(1, seen=Counter("aab")), again)
    assert 3 == again.total
    assert 4 == again.step(["c"])


def test_migrations_run_in_a_row() -> None:
    """From version 0 to 2 by way of 1."""
    ups: Migrations = {**UP, ("count", 0): lambda values: {"seen": Counter(cast("list[str]", values["words"]))}}
    again = Counting()
    Keep({"count": 2}, ups).unpack("count", older(0, words=["a", "b"]), again)
    assert (2, Counter("ab")) == (again.total, again.seen)


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (older(0, words=["a"]), r"step 'count' has version 0; this program reads 2 and can bring up 1: go on with"),
        (older(3, seen=Counter()), r"step 'count' has version 3; this program reads 2"),
        (older(2, seen=Counter(), other=1), r"holds other values under its version \(other, total\); begin again"),
        (b"no snapshot", r"step 'count' cannot be read"),
        (older(2, seen=Counter(), total=0).replace(b"collections", b"kollections"), r"cannot be read"),
    ],
    ids=["too old", "too new", "other values", "ruin", "a class that is gone"],
)
def test_a_state_that_cannot_be_read_is_refused(kept: bytes, told: str) -> None:
    """Each says whose it is, what it is, and what to do; the step is left as it was."""
    again = Counting()
    with pytest.raises(Refused, match=told):
        Keep({"count": 2}, UP).unpack("count", kept, again)
    assert (0, Counter()) == (again.total, again.seen)


def test_a_state_of_another_step_is_refused() -> None:
    """A renamed step does not take another's memory."""
    with pytest.raises(Refused, match="snapshot of step 'count' stands under 'other'"):
        Keep({"other": 2}).unpack("other", older(2, seen=Counter()), Counting())


def test_a_real_step_survives() -> None:
    """A lane's step goes on with what it knew."""
    keep, step, again = Keep({"freshness": 1}), Freshness(Budgets(book_ms=7)), Freshness(Budgets())
    keep.unpack("freshness", keep.pack("freshness", step), again)
    assert 7 == again.budgets.book_ms
