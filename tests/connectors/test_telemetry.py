"""Programs tell how they are over real HTTP on loopback, and nothing that is asked or goes wrong there touches them."""

import http.client
import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main
from prometheus_client.parser import text_string_to_metric_families

from connectors.errors import EdgeError
from connectors.kafka_health import Lag
from connectors.kafka_records import OFFSETS_MAX
from connectors.metrics import METRICS, Sample, Spread, of_lag, of_spool, of_store, of_time, of_waiting, sample
from connectors.spool import Spool
from connectors.telemetry import LABEL_MAX, LOOPBACK, REQUESTS_MAX, SERIES_MAX, Epochs, Since, Telemetry, address_of
from contracts.base import Refused

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Return what a program named `market` tells."""
    with Telemetry("market", {"version": "v1", "config": "c1"}) as told:
        yield told


def get(port: int, path: str) -> tuple[int, str]:
    """Ask, and return status and body."""
    asked = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        asked.request("GET", path)
        answer = asked.getresponse()
        return answer.status, answer.read().decode()
    finally:
        asked.close()


def values(text: str) -> Values:
    """Read an answer with Prometheus' own parser."""
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_what_is_watched_is_told_in_prometheus_format(telemetry: Telemetry) -> None:
    """Counters keep their names, gauges their values, and the build stands in `polytraders_info`."""
    telemetry.watch(lambda: [sample("polytraders_frames_total", 7, lane="lane0")])
    telemetry.watch(lambda: of_waiting("paper.journal", 3))
    status, text = get(telemetry.serve(), "/metrics")
    found = values(text)
    assert 200 == status
    assert 7 == found["polytraders_frames_total", (("lane", "lane0"),)]
    assert 3 == found["polytraders_waiting_records", (("topic", "paper.journal"),)]
    assert 1 == found["polytraders_info", (("config", "c1"), ("program", "market"), ("version", "v1"))]
    assert "# TYPE polytraders_frames_total counter" in text


def test_nothing_of_the_process_is_told_by_itself(telemetry: Telemetry) -> None:
    """Only what is on the list is told: no default collectors, nothing of other libraries."""
    _, text = get(telemetry.serve(), "/metrics")
    assert {"polytraders_info"} == {name for name, _ in values(text)}


def test_a_histogram_has_its_buckets_and_sums() -> None:
    """A spread becomes buckets, count and sum, the last bucket infinite."""
    spread = Sample("x", "histogram", "h", (("lane", "a"),), Spread(((0.5, 2), (math.inf, 3)), 9.5))
    parts = [
        ("_bucket", {"lane": "a", "le": "0.5"}, 2),
        ("_bucket", {"lane": "a", "le": "+Inf"}, 3),
        ("_count", {"lane": "a"}, 3),
        ("_sum", {"lane": "a"}, 9.5),
    ]
    assert parts == list(spread.parts())


# ---- what goes wrong ----------------------------------------------------------------------------------------------


def broken() -> list[Sample]:
    """Raise, as a collect does whose object is half made."""
    raise RuntimeError("canary-in-the-message")


def test_a_collect_that_raises_is_named_and_the_others_answer(telemetry: Telemetry) -> None:
    """One that raises is counted under its name at each look; the rest of the answer is whole."""
    telemetry.watch(broken)
    telemetry.watch(lambda: of_waiting("paper.journal", 3), "waiting")
    port = telemetry.serve()
    get(port, "/metrics")
    _, text = get(port, "/metrics")
    found = values(text)
    assert 3 == found["polytraders_waiting_records", (("topic", "paper.journal"),)]
    assert 2 == found["polytraders_collect_errors_total", (("collect", "broken"),)]
    assert 0 == found["polytraders_collect_errors_total", (("collect", "waiting"),)]
    assert "canary" not in text


@pytest.mark.parametrize(
    "wrong",
    [
        Sample("polytraders_secrets_total", "counter", "h", (), 1),
        Sample("polytraders_frames_total", "gauge", "h", (("lane", "a"),), 1),
        Sample("polytraders_frames_total", "counter", "h", (("market", "KXBTC-1"),), 1),
        Sample("polytraders_frames_total", "counter", "h", (("lane", "a" * (LABEL_MAX + 1)),), 1),
        Sample("polytraders_frames_total", "counter", "h", (("lane", "a"),), Spread(((math.inf, 1),), 1.0)),
        Sample("polytraders_frames_total", "counter", "h", (("lane", "a"),), None),  # type: ignore[arg-type]
    ],
    ids=["name", "kind", "label", "length", "spread", "none"],
)
def test_what_is_not_on_the_list_is_not_told(telemetry: Telemetry, wrong: Sample) -> None:
    """A sample of another name, kind, label or value is left out and counted."""
    telemetry.watch(lambda: [wrong, *of_waiting("t", 1)], "mixed")
    found = telemetry.samples()
    assert [*of_waiting("t", 1), sample("polytraders_collect_errors_total", 1, collect="mixed")] == found


def test_the_same_series_twice_is_told_once(telemetry: Telemetry) -> None:
    """Prometheus would take the second for a contradiction: it is left out and counted."""
    telemetry.watch(lambda: [*of_waiting("t", 1), *of_waiting("t", 2)], "twice")
    assert [*of_waiting("t", 1), sample("polytraders_collect_errors_total", 1, collect="twice")] == telemetry.samples()


def test_series_are_bounded(telemetry: Telemetry) -> None:
    """A label that grows without end stops at the bound, and the rest is counted."""
    telemetry.watch(lambda: [each for n in range(SERIES_MAX + 5) for each in of_waiting(f"t{n}", 1)], "many")
    found = telemetry.samples()
    assert SERIES_MAX + 1 == len(found)
    assert sample("polytraders_collect_errors_total", 5, collect="many") == found[-1]


def test_a_collect_that_hangs_holds_up_neither_health_nor_the_program(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one look hangs the next is told so with 503, health answers, and more requests than allowed are cut."""
    monkeypatch.setattr("connectors.telemetry.GATHER_S", 0.1)
    hangs, go_on = threading.Event(), threading.Event()

    def hang() -> list[Sample]:
        hangs.set()
        go_on.wait(10)
        return []

    telemetry.watch(hang)
    port = telemetry.serve()
    first = threading.Thread(target=get, args=(port, "/metrics"))
    first.start()
    assert hangs.wait(5)
    assert (503, 200) == (get(port, "/metrics")[0], get(port, "/health")[0])
    silent = [socket.create_connection((LOOPBACK, port)) for _ in range(REQUESTS_MAX - 1)]
    time.sleep(0.1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        get(port, "/health")
    for each in silent:
        each.close()
    go_on.set()
    first.join(5)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            assert 200 == get(port, "/metrics")[0]
            break
        except (http.client.RemoteDisconnected, ConnectionResetError):
            time.sleep(0.02)  # the silent ones are still being let go


# ---- health -------------------------------------------------------------------------------------------------------


def test_health_and_readiness_are_two_things(telemetry: Telemetry) -> None:
    """A live check that fails fails both; one of readiness leaves the program alive."""
    states = {"epoch": "", "store": ""}
    telemetry.check("epoch", lambda: states["epoch"])
    telemetry.check("store", lambda: states["store"], "ready")
    port = telemetry.serve()
    assert (200, 200) == (get(port, "/health")[0], get(port, "/ready")[0])
    states["store"] = "not open yet"
    assert (200, 503) == (get(port, "/health")[0], get(port, "/ready")[0])
    states["epoch"] = "stands still"
    status, body = get(port, "/health")
    assert 503 == status
    assert {"program": "market", "well": False, "checks": {"epoch": "stands still"}} == json.loads(body)


def test_a_check_that_raises_is_not_well(telemetry: Telemetry) -> None:
    """What cannot be observed is not healthy, and its message is not repeated."""
    telemetry.check("broken", lambda: str(broken()))
    status, body = get(telemetry.serve(), "/health")
    assert 503 == status
    assert {"broken": "the check itself failed: RuntimeError"} == json.loads(body)["checks"]


def test_other_paths_and_methods_are_refused(telemetry: Telemetry) -> None:
    """Three paths can be read; nothing can be sent."""
    port = telemetry.serve()
    assert 404 == get(port, "/")[0]
    asked = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    asked.request("POST", "/metrics", b"x")
    assert 501 == asked.getresponse().status
    asked.close()


def test_epochs_of_the_slowest_partition_count() -> None:
    """Age and length are those of the partition that is behind; before the second epoch no length is known."""
    now = [100.0]
    epochs = Epochs(lambda: now[0])
    assert "no epoch has ended yet" == epochs.ready()
    now[0] = 130.0
    assert ("", 30.0) == (epochs.live(), epochs.age_s)
    now[0] = 161.0
    assert "no epoch has ended for 61.0 s; allowed: 60 s" == epochs.live()
    epochs.heard("a")
    epochs.heard("b")
    assert [sample("polytraders_epoch_age_seconds", 0.0)] == epochs.samples()
    now[0] = 162.0
    epochs.heard("a")
    now[0] = 172.0
    assert ("", "no epoch has ended for 11.0 s; allowed: 10 s") == (epochs.ready(), epochs.live())
    assert [sample("polytraders_epoch_seconds", 1.0), sample("polytraders_epoch_age_seconds", 11.0)] == epochs.samples()
    epochs.ended("b")
    assert ("", 10.0) == (epochs.live(), epochs.age_s)
    epochs.ended("a")
    assert ("", 0.0) == (epochs.live(), epochs.age_s)


# ---- where it listens ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["", "*"])
def test_another_host_must_be_named_on_purpose(telemetry: Telemetry, host: str) -> None:
    """Neither an empty host nor a star opens all interfaces."""
    with pytest.raises(Refused, match="named on purpose"):
        telemetry.serve(host)


def test_a_taken_port_is_said(telemetry: Telemetry) -> None:
    """The refusal names host and port."""
    port = telemetry.serve()
    with Telemetry("desk", {}) as second, pytest.raises(EdgeError, match=f"127.0.0.1:{port}: cannot be served"):
        second.serve(port=port)


def test_after_close_nobody_answers(telemetry: Telemetry) -> None:
    """`close` frees the port; a second time does nothing."""
    port = telemetry.serve()
    telemetry.close()
    telemetry.close()
    with pytest.raises(ConnectionRefusedError):
        get(port, "/health")


def test_addresses() -> None:
    """A port alone is this machine's own; IPv6 stands in brackets; the rest is refused by name."""
    assert (LOOPBACK, 9101) == address_of("9101") == address_of(":9101")
    assert ("0.0.0.0", 0) == address_of("0.0.0.0:0")
    assert ("::1", 9101) == address_of("[::1]:9101")
    for wrong in ("", "host", "host:", "host:x", "host:70000", "::1:9101", "host:-1", "host:1²"):
        with pytest.raises(Refused, match="metrics address"):
            address_of(wrong)


def test_label_names_of_the_build_are_checked() -> None:
    """A name that Prometheus would refuse is refused before anything is served."""
    with pytest.raises(Refused, match="info 'Pass-Word'"):
        Telemetry("market", {"Pass-Word": "x"})


# ---- our own values -----------------------------------------------------------------------------------------------


def test_a_lag_becomes_seven_samples() -> None:
    """Behind, age, both nearnesses, repeats, refused and trouble; the age counts from the arrival."""
    lag = Lag("paper.raw.kalshi", 1, 120, 100, 1_100, 5_000_000_000, 4, 2, "down: no broker")
    found = {each.name.removeprefix("polytraders_"): each.value for each in of_lag(lag, 7_500_000_000)}
    expected = {"lag_records": 980, "lag_age_seconds": 2.5, "near_log_start": True, "near_end_of_ids": False}
    expected |= {"repeats_total": 4, "refused_records_total": 2, "client_trouble": True}
    assert expected == found
    assert {(("topic", "paper.raw.kalshi"), ("partition", "1"))} == {each.labels for each in of_lag(lag)}


def test_what_is_unknown_is_minus_one_and_never_zero() -> None:
    """A reader that has heard nothing yet is neither up to date nor fresh."""
    found = of_lag(Lag("t", 0, 0, -1, -1, 0, 0, 0, ""), 7_500_000_000)
    assert [-1, -1] == [each.value for each in found[:2]]
    assert of_lag(Lag("t", 0, OFFSETS_MAX - 1, 0, 0, 0, 0, 0, ""), 0)[3].value is True


def test_a_spool_tells_bytes_share_and_one_state(tmp_path: Path) -> None:
    """Exactly one of the three states is 1."""
    spool = Spool(tmp_path / "s", 4_000)
    for _ in range(9):
        spool.append([b"x" * 380])
    found = [(each.labels[-1][1], each.value) for each in of_spool("raw", spool)]
    assert [("raw", 3_564), ("raw", 0.891), ("NORMAL", False), ("SAFE", True), ("FULL", False)] == found
    spool.close()


def test_store_and_time() -> None:
    """Times are seconds of a lane or a desk, and absent before the first."""
    assert [5, 1] == [each.value for each in of_store(5, 1)]
    assert [sample("polytraders_journal_time_seconds", 1.5, desk="lab")] == of_time("desk", "lab", 1_500_000_000)
    assert [] == of_time("lane", "lane0", 0)


def test_a_sample_must_be_on_the_list() -> None:
    """An unknown name or label is refused where it is made, with what is allowed."""
    with pytest.raises(Refused, match="'polytraders_frames' is not on the list"):
        sample("polytraders_frames", 1)
    with pytest.raises(Refused, match=r"labels \{market\}; allowed: \{lane\} or \{desk\}"):
        sample("polytraders_journal_time_seconds", 1, market="KXBTC")


def test_the_list_keeps_prometheus_names() -> None:
    """Counters end in _total and nothing else does; no label could name a market."""
    assert all(name.endswith("_total") == (known.kind == "counter") for name, known in METRICS.items())
    labels = {label for known in METRICS.values() for labels in known.labels for label in labels}
    bounded = {"program", "version", "config", "lane", "reason", "topic", "partition", "desk", "verdict", "gate"}
    assert bounded | {"scope", "family", "spool", "state", "collect"} == labels


def test_counts_that_outlive_the_process_are_told_as_of_this_process() -> None:
    """What a snapshot brought back is the base; what comes after it counts, a new series whole; gauges stay."""
    counts = {"a": 1_000}
    since = Since(
        lambda: [
            *(sample("polytraders_frames_total", count, lane=lane) for lane, count in counts.items()),
            *of_waiting("t", 9),
        ]
    )
    assert [1_000, 9] == [each.value for each in since()]
    since.begin()
    counts |= {"a": 1_002, "b": 5}
    assert [2, 5, 9] == [each.value for each in since()]


# ---- beside a flow ------------------------------------------------------------------------------------------------


def test_it_answers_while_a_flow_runs(telemetry: Telemetry) -> None:
    """A flow is looked at while it works, whatever the machine's speed, and gives what it gives alone."""
    seen, looked = [0], threading.Event()

    def count(item: int) -> int:
        seen[0] += 1
        if item % 50_000 == 49_999:  # a machine may be through before anybody looks
            looked.clear()
            looked.wait(10)
        return item

    flow = Dataflow("counted")
    out: list[int] = []
    op.output("out", op.map("count", op.input("in", flow, TestingSource(range(200_000), 256)), count), TestingSink(out))
    telemetry.watch(lambda: [sample("polytraders_frames_total", seen[0], lane="lane0")])
    port, looks, done = telemetry.serve(), [], threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            looks.append(values(get(port, "/metrics")[1])["polytraders_frames_total", (("lane", "lane0"),)])
            looked.set()

    watcher = threading.Thread(target=look)
    watcher.start()
    run_main(flow)
    done.set()
    watcher.join(10)
    assert list(range(200_000)) == out
    assert len([each for each in looks if 0 < each < 200_000]) >= 2
    assert sorted(looks) == looks
