"""Ask programs how they are, over HTTP as Prometheus does, without a Prometheus.

Whoever asks wants an answer about every program, so nothing raises: a program that does not answer is one that is told
of. Proxies of the environment have no part in it.
"""

import json
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from connectors.telemetry import address_of
from contracts.base import Refused

TIMEOUT_S = 2.0
ANSWER_MAX = 16_000_000
TOGETHER = 16

Series = dict[tuple[tuple[str, str], ...], float]


class Seen(NamedTuple):
    """What a program answered.

    address  host:port
    at       when, seconds of the monotonic clock
    metrics  name -> labels, sorted by name -> value
    unwell   checks that are not well -> what is wrong; of /ready
    wrong    why there is no answer; empty where there is one
    """

    address: str
    at: float
    metrics: dict[str, Series]
    unwell: dict[str, str]
    wrong: str

    @property
    def up(self) -> bool:
        """True when it answered."""
        return not self.wrong


def target_of(text: str) -> str:
    """Return host:port of an address, or of an URL with nothing but /metrics behind it; raises Refused."""
    bare = text.removeprefix("http://").removesuffix("/").removesuffix("/metrics")
    host, port = address_of(bare) if "/" not in bare else ("", 0)
    if not port:
        raise Refused(f"metrics of {text!r}; allowed: HOST:PORT, or http://HOST:PORT/metrics")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def looks(addresses: Sequence[str], timeout_s: float = TIMEOUT_S) -> list[Seen]:
    """Ask all of them at once, so that one which hangs holds up nobody else; in their order."""
    with ThreadPoolExecutor(max(1, min(TOGETHER, len(addresses)))) as pool:
        return list(pool.map(lambda address: look(address, timeout_s), addresses))


def look(address: str, timeout_s: float = TIMEOUT_S) -> Seen:
    """Ask one program for its metrics and whether it is ready; never raises."""
    try:
        status, text = _get(address, "/metrics", timeout_s)
        at = time.monotonic()
        if status != 200:
            return Seen(address, at, {}, {}, f"/metrics answers {status}")
        metrics = metrics_of_text(text)
        _, ready = _get(address, "/ready", timeout_s)
        return Seen(address, at, metrics, unwell_of(ready), "")
    except (OSError, HTTPException, ValueError, KeyError) as err:
        said = str(err) if isinstance(err, OSError) and str(err) else type(err).__name__
        return Seen(address, time.monotonic(), {}, {}, said)


def metrics_of_text(text: str) -> dict[str, Series]:
    """Read Prometheus' text format; raises ValueError or KeyError for anything else."""
    found: dict[str, Series] = {}
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            if not math.isfinite(each.value):
                continue
            found.setdefault(each.name, {})[tuple(sorted(each.labels.items()))] = float(each.value)
    return found


def unwell_of(text: str) -> dict[str, str]:
    """Read which checks are not well; what cannot be read is not well."""
    try:
        checks = json.loads(text)["checks"]
        return {str(name): str(wrong) for name, wrong in checks.items() if wrong}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"/ready": "cannot be read"}


def _get(address: str, path: str, timeout_s: float) -> tuple[int, str]:
    host, port = address_of(address)
    asked = HTTPConnection(host, port, timeout=timeout_s)
    try:
        asked.request("GET", path)
        answer = asked.getresponse()
        body = answer.read(ANSWER_MAX + 1)
        if len(body) > ANSWER_MAX:
            raise ValueError(f"{path}: more than {ANSWER_MAX} bytes")
        return answer.status, body.decode()
    finally:
        asked.close()
