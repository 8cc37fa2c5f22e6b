"""Through a broker the deployment keeps up with the embedded run: what `python -m scripts.bench_kafka` measures."""

import json
import subprocess
import sys

import pytest

from connectors.broker import Broker
from tests.deployment.running import ROOT

pytestmark = [pytest.mark.kafka, pytest.mark.soak]
RATIO_MIN = 0.6
LIMIT_S = 900


def test_the_deployment_keeps_up_with_the_embedded_run(broker: Broker) -> None:
    """Market and desk on two cores reach six tenths of the embedded rate, and decide the same; orders come at once."""
    assert broker.pid, "a broker can be had here"
    words = [sys.executable, "-m", "scripts.bench_kafka", "--json", "--rounds", "5"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)
    assert 0 == done.returncode, done.stderr
    found = json.loads(done.stdout)
    print(found)
    assert found["throughput"]["same_decisions"]
    assert max(found["throughput"]["ratios"]) >= RATIO_MIN  # others may use the cores: the best round is the machine's
    assert found["latency"]["p50_ms"] < 500
