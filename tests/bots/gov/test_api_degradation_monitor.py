"""gov.api_degradation_monitor: what each surface's health is, when it is said, and what becomes an incident."""

import pytest

from bots.gov import api_degradation_monitor as monitor
from bots.gov.api_degradation_monitor import Config, Watched
from bots.kit import configure
from bots.maths.safety import trips
from contracts.base import Refused
from contracts.control import IncidentReport
from contracts.reasons import GOV_API_DEGRADED, GOV_API_DOWN, GOV_API_OK, GOV_API_PROBE_LOST
from contracts.signal import SignalReport
from contracts.venue import ChainSnapshot, VenueHealthSample
from tests import world
from tests.bots.gov.stream import after

CONFIG = Config()
EMPTY = Watched()


def sample(seconds=0, *, venue="kalshi", surface="rest_trade", latency_ms=100, maintenance=False, **counts):
    """Return a sample of a hundred requests without a failure."""
    counted = {"requests": 100, "errors": 0, "gaps": 0, "rejects": 0} | counts
    asked = (counted["requests"], counted["errors"], counted["gaps"], counted["rejects"])
    return VenueHealthSample(world.FACT, int(after(seconds)), -1, venue, surface, latency_ms, *asked, -1, maintenance)


def chain(error_milli=0, chain_id=137, provider="p1"):
    """Return a provider's view of a chain."""
    return ChainSnapshot(
        world.FACT, int(world.NOW), -1, provider, chain_id, 1, "00", 50, error_milli, "a", 0, (), (), 0, 0, 0
    )


def split(said):
    """Return the reports and the incidents."""
    return (
        [one for one in said if isinstance(one, SignalReport)],
        [one for one in said if isinstance(one, IncidentReport)],
    )


def sampled(seconds=0, state=EMPTY, config=CONFIG, **more):
    """Return the state, reports and incidents after a sample."""
    state, said = monitor.on_sample(config, state, sample(seconds, **more), after(seconds))
    return state, *split(said)


def ticked(state, seconds, config=CONFIG):
    """Return the state, reports and incidents after a tick."""
    state, said = monitor.on_tick(config, state, world.tick(), after(seconds))
    return state, *split(said)


# ---- the four fixtures ---------------------------------------------------------------------------------------------


def test_normal_a_surface_at_its_baseline_is_whole():
    """Latency at baseline and no errors: 1.0, GOV_API_OK, and no incident."""
    _, reports, incidents = sampled()
    (report,) = reports
    assert ("health", 1.0, "OK", GOV_API_OK) == (report.signal, report.value, report.label, report.reason)
    assert ("kalshi", "rest_trade") == report.refs
    assert int(after(15)) == report.valid_until_ns
    assert (("latency_ratio", 1.0), ("error_rate", 0.0), ("gap_rate", 0.0), ("reject_rate", 0.0)) == report.parts
    assert [] == incidents


def test_warning_six_percent_of_errors():
    """1 - .4 * .3 = .88, GOV_API_DEGRADED, one incident with the counts."""
    _, (report,), (incident,) = sampled(errors=6)
    assert (0.88, "DEGRADED", GOV_API_DEGRADED) == (report.value, report.label, report.reason)
    assert ("kalshi/rest_trade", "api_degradation", "P2") == (incident.scope, incident.cause_family, incident.severity)
    assert ("requests=100", "errors=6", "gaps=0", "rejects=0") == incident.evidence[:4]
    assert GOV_API_DEGRADED == incident.reason


def test_hard_a_fifth_of_errors_and_some_gaps():
    """20 percent errors and 5 percent gaps: .5, GOV_API_DOWN; it is reported, and stops nothing by itself."""
    _, (report,), (incident,) = sampled(errors=20, gaps=5)
    assert (0.5, "DOWN", GOV_API_DOWN) == (report.value, report.label, report.reason)
    assert ("P1", False) == (incident.severity, trips(incident))


@pytest.mark.parametrize(("seconds", "label"), [(10, "OK"), (10.001, "LOST"), (16, "LOST")])
def test_failure_a_silent_probe_is_no_health(seconds, label):
    """Silent for 16 s: 0, GOV_API_PROBE_LOST; 10 s are allowed."""
    state, _, _ = sampled()
    state, (report,), incidents = ticked(state, seconds)
    assert label == report.label
    lost = (0.0, GOV_API_PROBE_LOST, ["P1"])
    healthy = (1.0, GOV_API_OK, [])
    assert (lost if label == "LOST" else healthy) == (report.value, report.reason, [one.severity for one in incidents])


# ---- more ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "value"),
    [
        ({"errors": 5}, 0.9),
        ({"gaps": 5}, 0.9),
        ({"rejects": 10}, 0.85),
        ({"errors": 100, "gaps": 100, "rejects": 100}, 0.0),
        ({"maintenance": True}, 0.0),
        ({"requests": 0, "latency_ms": -1}, 1.0),
    ],
)
def test_each_trouble_takes_its_part(trouble, value):
    """Errors, gaps and rejects weigh as configured; an announced maintenance leaves nothing; at .9 all is well."""
    _, (report,), incidents = sampled(**trouble)
    assert value == report.value
    assert (value < 0.9) == (len(incidents) == 1)


def test_maintenance_is_down_and_ends_with_a_sample():
    """While the venue is away it is DOWN; back, it must first stay for a minute."""
    state, (report,), _ = sampled(maintenance=True)
    assert ("DOWN", GOV_API_DOWN) == (report.label, report.reason)
    for second in range(5, 65, 5):
        state, reports, incidents = sampled(second, state)
        assert ({"DOWN"}, []) == ({one.label for one in reports}, incidents)
    state, (report,), (incident,) = sampled(65, state)
    assert ("OK", GOV_API_OK, "P2") == (report.label, incident.reason, incident.severity)


def test_it_says_what_changes_and_repeats_itself_every_five_seconds():
    """The same health is said once in five seconds, a hundredth of difference at once, a changed label always."""
    state, (_,), _ = sampled(requests=100_000)
    for second in (1, 4.999):
        state, reports, _ = ticked(state, second)
        assert [] == reports
    state, (report,), _ = ticked(state, 5)
    assert int(after(20)) == report.valid_until_ns
    moved, reports, _ = sampled(6, state, requests=0, errors=0, rejects=0)
    assert [] == reports
    _, (report,), _ = sampled(6, moved, errors=500, requests=500)
    assert report.value <= 0.99


def test_a_quiet_tick_keeps_the_state():
    """Where nothing is due, a second leaves the very same state."""
    state, _, _ = sampled()
    again, _, _ = ticked(state, 1)
    assert state is again
    assert (EMPTY, ()) == monitor.on_tick(CONFIG, EMPTY, world.tick(), after(1))


def test_slowness_degrades():
    """A latency that grows against its own hour takes a part of the score."""
    state = EMPTY
    for second in range(0, 600, 5):
        state, _, _ = sampled(second, state)
    for second in range(600, 720, 5):
        state, reports, _ = sampled(second, state, latency_ms=600)
    assert ("DEGRADED", True) == (reports[-1].label, 3.0 < reports[-1].part("latency_ratio") < 6.0)
    assert 0.65 < reports[-1].value < 0.85


def test_surfaces_and_venues_are_judged_apart():
    """One venue's trouble is not another's, nor one surface's another's."""
    state, _, _ = sampled(errors=50)
    state, (user,), _ = sampled(state=state, surface="ws_user")
    _, (other,), _ = sampled(state=state, venue="polymarket")
    assert [("OK", ("kalshi", "ws_user")), ("OK", ("polymarket", "rest_trade"))] == [
        (one.label, one.refs) for one in (user, other)
    ]


def test_a_chain_is_measured_by_its_providers():
    """A snapshot of Polygon is a sample of polymarket's chain, which may be silent for a minute."""
    state, said = monitor.on_chain(CONFIG, EMPTY, chain(error_milli=60), after(0))
    (report,), (incident,) = split(said)
    assert (("polymarket", "chain"), 0.88) == (report.refs, report.value)
    assert "requests=1000" in incident.evidence
    state, (report,), _ = ticked(state, 60)
    assert "DEGRADED" == report.label
    _, (report,), _ = ticked(state, 60.001)
    assert "LOST" == report.label
    assert (EMPTY, ()) == monitor.on_chain(CONFIG, EMPTY, chain(chain_id=1), after(0))


def test_what_is_no_surface_is_not_kept_and_neither_is_the_65th():
    """An unknown word is ignored; the table of surfaces has an end, beyond which nothing is measured."""
    assert (EMPTY, [], []) == sampled(surface="telephone")
    state = EMPTY
    for number in range(monitor.SURFACES_MAX):
        state, _, _ = sampled(state=state, venue=f"v{number}")
    full, reports, _ = sampled(state=state, venue="v64")
    assert (monitor.SURFACES_MAX, []) == (len(full.keys), reports)
    _, (report,), _ = sampled(state=full, venue="v1", errors=50)
    assert "DOWN" == report.label


@pytest.mark.parametrize("name", ["window_s", "l_span", "e_hard", "g_hard", "r_hard"])
def test_what_is_divided_by_is_never_zero(name):
    """A memory or a limit of zero is refused by name."""
    with pytest.raises(Refused, match=name):
        configure(monitor.BOT_ID, Config, {name: 0})
