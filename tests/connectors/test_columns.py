"""What is kept of a block can be found by its time, also where a lane was far behind the others."""

from msgspec.structs import replace

from connectors.columns import stored
from contracts.envelope import Row
from operators.envelope import Chain
from tests import world

HOUR = 3_600 * world.SECOND


def test_a_block_that_came_over_a_broker_spans_all_its_times() -> None:
    """Its first and last row need not be its oldest and newest: a lane was an hour behind, another ran ahead."""
    start = int(world.NOW)
    times = [start, start - HOUR, start + HOUR, start + 1]
    rows: list[object] = [world.delta(at_ns=at_ns) for at_ns in times[:2]]
    rows += [Row(1, 3, 0, at_ns, 0, world.quality()) for at_ns in times[2:]]
    kept = stored(replace(Chain("lab", "journal").link(rows, [1]), rows=[]))
    assert (4, start - HOUR, start + HOUR) == (kept.row_count, kept.first_ns, kept.last_ns)


def test_a_block_of_one_lane_is_not_decoded_for_its_times() -> None:
    """Where the rows are at hand, their ends say it; an empty block has no time."""
    block = Chain("lab", "journal").link([world.delta(at_ns=at_ns) for at_ns in (5, 6, 9)], [1])
    kept = stored(replace(block, data=b"not looked at"))
    assert (3, 5, 9) == (kept.row_count, kept.first_ns, kept.last_ns)
    empty = stored(Chain("lab", "journal").link([], []))
    assert (0, 0, 0) == (empty.row_count, empty.first_ns, empty.last_ns)
