"""Measure the deployment through a real broker on this machine beside the embedded run on the same frames.

`python -m scripts.bench_kafka [--json] [--rounds N] [--rate N] [--seconds N]` starts a broker of its own and one market
and one desk program as two processes.

    throughput  the demonstration pack stands in the raw topics; from the first record of the journal to the last of the
                envelopes, by the broker's clock. Embedded: the same pack in one process, no store. Medians of rounds
    latency     the benchmark stream, paced, each frame stamped with the moment that it is handed to the client; until
                an order that it caused (its journal time is that stamp) is polled from the outbox

The ratio counts, not the rates: others may be using the cores.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec

from connectors import namespace, topics
from connectors.access import Access
from connectors.broker import Broker
from connectors.capture import open_capture
from connectors.kafka_client import Reader, Writer
from connectors.kafka_records import frame_key, origin_of, record_of
from connectors.topic_layout import layout, read_layout
from contracts.base import read
from contracts.envelope import CheckedRow
from contracts.signed import Signed
from flows import embedded, stream
from flows.bench import instruments
from flows.desks import load_desk
from operators.normalise.frames import ENDED

ROOT = Path(__file__).resolve().parent.parent
PACK = {venue: ROOT / "fixtures" / f"demo_{venue}.jsonl.gz" for venue in ("binance", "bitget", "kalshi", "polymarket")}
RECORDS = ROOT / "fixtures" / "demo_instruments.jsonl"
ASSETS, TICK_S, WARM_S, LIMIT_S = 20, 0.005, 5.0, 600.0
START_NS = 1_760_000_000_000_000_000  # where the benchmark stream begins
_ZERO = time.monotonic_ns()
_ROW = msgspec.json.Decoder(CheckedRow).decode
Sums = dict[str, object]


class Bench:
    """Deployments on one broker, each under a prefix of its own."""

    def __init__(self, access: Access, folder: Path) -> None:
        """Take the broker's door that asks nobody, and a folder."""
        self.access, self.folder = access, folder

    def site(self, name: str, venues: Sequence[str], records: Path) -> Path:
        """Make the topics and the deployment file of one lane that joins these venues; returns the file."""
        prefix, file = f"paper.refeed.{name}", self.folder / f"{name}.toml"
        with topics.administration(self.access) as client:
            topics.create(client, layout(read_layout(), prefix), prefix)
        (self.folder / f"{name}.jsonl").write_bytes(records.read_bytes())
        lane = json.dumps([f"{venue}/0" for venue in venues])
        lines = f'prefix = "{prefix}"', f'instruments = "{name}.jsonl"', f"[lanes]\nlane0 = {lane}"
        file.write_text("\n".join(lines) + "\n[desks]\nlab = { partition = 0 }\n", "utf-8")
        return file

    def start(self, program: str, file: Path) -> subprocess.Popen[str]:
        """Start a program of a deployment; it ends where its input does."""
        way = "--bootstrap", self.access.bootstrap, "--state", str(file.with_suffix("")), "--until-end", "--json"
        words = [sys.executable, "-m", "cli.main", "program", program, "--deployment", str(file), *way]
        return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stamps_ms(self, topic: str) -> tuple[int, int]:
        """Return when the broker took the first and the last record of partition 0 of a topic."""
        reader = Reader(self.access, "bench", topic, 0)
        try:
            first, end = reader.bounds()
            found = []
            for offset in (first, end - 1):
                reader.begin(offset)
                while not (polled := reader.poll(1, 0.2)):
                    pass
                found.append(polled[0].timestamp()[1])
        finally:
            reader.close()
        return found[0], found[1]


def ended(process: subprocess.Popen[str]) -> Sums:
    """Wait for a program's end; returns its summary, and ends the measurement where it failed."""
    said, error = process.communicate(timeout=LIMIT_S)
    if process.returncode:
        raise SystemExit(f"{process.args!r}: ended with {process.returncode}: {error or ''}")
    return cast("Sums", json.loads(said))


# ---- throughput ---------------------------------------------------------------------------------------------------


def throughput(bench: Bench, rounds: int) -> Sums:
    """Return the medians of both rates, and their ratio round by round."""
    ranked = embedded.in_order([open_capture(path) for path in PACK.values()])
    by_path = {path: venue for venue, path in PACK.items()}
    order = {by_path[capture.path]: capture.path for capture in ranked}
    through, alone, digests = list[float](), list[float](), set[object]()
    for number in range(rounds):
        rate, digest = _through(bench, f"bench{number}", order)
        through.append(rate)
        own, own_digest = _alone(list(order.values()))
        alone.append(own)
        digests |= {digest, own_digest}
    ratios = [one / other for one, other in zip(through, alone, strict=True)]
    return {
        "frames_per_s": round(statistics.median(through)),
        "embedded_frames_per_s": round(statistics.median(alone)),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "same_decisions": len(digests) == 1,
    }


def _through(bench: Bench, name: str, order: Mapping[str, Path]) -> tuple[float, object]:
    file, frames = bench.site(name, list(order), RECORDS), 0
    for venue, path in order.items():
        writer, capture = Writer(bench.access, namespace.raw_topic(f"paper.refeed.{name}", venue)), open_capture(path)
        origin = origin_of(capture.source_id)
        records = [record_of(frame, origin) for frame in capture]
        frames += len(records)
        writer.write(0, [*records, (frame_key(0, len(records) + 1, origin, ENDED, ""), b"")])
        writer.flush()
    programs = [bench.start(program, file) for program in ("market", "desk")]
    _, desk = (ended(program) for program in programs)
    begun, _ = bench.stamps_ms(namespace.topic(f"paper.refeed.{name}", "journal"))
    _, done = bench.stamps_ms(namespace.topic(f"paper.refeed.{name}", "envelopes"))
    desks = cast("dict[str, Sums]", desk["desks"])
    return frames / (done - begun) * 1_000, desks["lab"]["decision_digest"]


def _alone(captures: Sequence[Path]) -> tuple[float, object]:
    """Run the pack embedded in a process of its own, as the programs are; returns frames/s and the digest."""
    words = [sys.executable, "-m", "scripts.bench_kafka", "--embedded", *map(str, captures)]
    found = ended(subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    return float(str(found["frames"])) / float(str(found["seconds"])), found["decision_digest"]


def run_embedded(captures: Sequence[str]) -> Sums:
    """Run captures in this process, without a store and without checking each envelope again, as the desk does not."""
    desk = load_desk("lab", ROOT / "config")
    files = tuple(Path(file) for file in captures)
    return embedded.run(embedded.Settings(files, desk, instruments=RECORDS, validate=False)).summary


# ---- latency ------------------------------------------------------------------------------------------------------


def latency(bench: Bench, rate: int, seconds: int) -> Sums:
    """Return p50 and p99 from the stamp of a frame to its orders, the first seconds left out."""
    prefix, records = "paper.refeed.latency", bench.folder / "stream.json"
    records.write_bytes(instruments(ASSETS))
    file = bench.site("latency", ["polymarket"], records)
    programs = [bench.start(program, file) for program in ("market", "desk")]
    outbox = Reader(bench.access, "bench", namespace.topic(prefix, "outbox"), 0)
    outbox.begin(outbox.bounds()[0])
    found, over = list[tuple[int, int]](), threading.Event()
    ear = threading.Thread(target=_listen, args=(outbox, found, over))
    ear.start()
    time.sleep(WARM_S)  # both programs have started
    late_s = _paced(bench, prefix, rate, seconds)
    for program in programs:
        ended(program)
    time.sleep(0.5)
    over.set()
    ear.join()
    outbox.close()
    warm = found[0][0] + int(WARM_S * 1e9) if found else 0
    waits = sorted((heard - stamped) / 1e6 for stamped, heard in found if stamped > warm)
    if len(waits) < 100:
        raise SystemExit(f"latency: {len(waits)} orders after {WARM_S:g} s; allowed: 100 or more (--seconds)")
    return {
        "rate": rate,
        "seconds": seconds,
        "orders": len(waits),
        "p50_ms": round(waits[len(waits) // 2], 1),
        "p99_ms": round(waits[len(waits) * 99 // 100], 1),
        "max_ms": round(waits[-1], 1),
        "feed_late_ms": round(late_s * 1_000, 1),
    }


def _listen(outbox: Reader, found: list[tuple[int, int]], over: threading.Event) -> None:
    """Note for each order the journal time of its cause and when it was polled."""
    while not over.is_set():
        messages, now = outbox.poll(64, 0.02), stream_ns()
        found += [(_ROW(read(Signed, message.value() or b"").body).at_ns, now) for message in messages]


def _paced(bench: Bench, prefix: str, rate: int, seconds: int) -> float:
    """Write the stream at a rate, stamped as it goes; returns by how much the writer itself was late at worst."""
    opening, frames = stream.opening(rate * seconds, ASSETS), stream.frames(rate * seconds, ASSETS)
    writer, origin = Writer(bench.access, namespace.raw_topic(prefix, "polymarket")), origin_of("bench")
    begun, burst, late, number = time.perf_counter(), max(1, round(rate * TICK_S)), 0.0, 0
    for first in range(-len(opening), len(frames), burst):
        wait = begun + (first + burst) / rate - time.perf_counter()
        late = max(late, -wait) if first > rate * WARM_S else 0.0
        time.sleep(max(0.0, wait))
        now, records = stream_ns(), []
        for data in (opening + frames)[number : number + burst] if first < 0 else frames[first : first + burst]:
            number += 1
            records.append((frame_key(now, number, origin, "clob_v2", "bench"), stamped(data, now)))
        writer.write(0, records)
    writer.write(0, [(frame_key(stream_ns(), number + 1, origin, ENDED, ""), b"")])
    writer.flush()
    return late


def stream_ns() -> int:
    """Return the time in the stream's own year, whose markets are long over by now: the clock, less a constant."""
    return time.monotonic_ns() - _ZERO + START_NS


def stamped(data: bytes, now_ns: int) -> bytes:
    """Return a frame of the stream as if the venue had sent it now; 13 digits, in milliseconds."""
    head, mark, tail = data.partition(b'"timestamp":"')
    return head + mark + str(now_ns // 1_000_000).encode() + tail[13:]


def main(words: Sequence[str] | None = None) -> int:
    """Measure and say it; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--rounds", type=int, default=3, help="of the throughput; medians are told")
    parser.add_argument("--rate", type=int, default=5_000, help="frames a second of the latency")
    parser.add_argument("--seconds", type=int, default=20, help="of the latency")
    parser.add_argument("--embedded", nargs="*", metavar="FILE", help=argparse.SUPPRESS)
    chosen = parser.parse_args(words)
    if chosen.embedded:
        print(json.dumps(run_embedded(chosen.embedded)))
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-kafka-") as folder, Broker(Path(folder) / "broker") as broker:
        bench = Bench(broker.plain, Path(folder))
        found: Sums = {"throughput": throughput(bench, chosen.rounds)}
        found["latency"] = latency(bench, chosen.rate, chosen.seconds)
    print(json.dumps(found) if chosen.json else msgspec.json.format(json.dumps(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
