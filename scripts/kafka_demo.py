"""Run the demonstration over a real Apache Kafka, from nothing to the same table and report: `make kafka-demo`.

    build/kafka-demo/broker/     a broker of its own: TLS, SCRAM, one principal per program; in a container where an
                                 engine answers, else with the machine's Java
    build/kafka-demo/demo.toml   the deployment that is written for it
    build/kafka-demo/state/      places, keys, logs and store of the programs

Everything is made afresh, on loopback and on free ports, and everything that was started is stopped, whatever happens.
"""

import json
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple, cast

import typer
from rich.live import Live

from cli import demo, run, settings, top, up
from cli.main import Pt, end_with
from cli.output import DIFFERS, PLAIN_EVERY_S, console, progress, put, say, table_of
from cli.store_verbs import opened, write_report
from connectors import namespace, topics
from connectors.access import Access
from connectors.broker import Broker
from connectors.broker_settings import ADMIN
from connectors.capture import Capture, open_capture
from connectors.refeed import feed
from connectors.refeed import opened as looked_at
from connectors.refeed_feedings import Cut, of_captures
from connectors.scrape import looks
from connectors.signing import PublicKey, make_key
from connectors.stopping import Stop
from connectors.supervisor import Ended, Supervisor, alone
from connectors.topic_layout import Layout, layout, principals, read_layout
from contracts.base import Refused
from flows.assemble import fingerprint
from flows.deployment import load_deployment
from flows.desk import key_path
from flows.embedded import in_order
from flows.programs import NAMES
from scripts import composed_broker
from scripts.composed_broker import ComposedBroker, free_port

FOLDER = Path("build/kafka-demo")
MODE, PREFIX, LANE, DESK = "paper", "paper.refeed.demo", "lane0", "lab"
GOLDEN = settings.ROOT / "fixtures" / "demo.golden.json"
ASK_S, LOOK_EVERY_S, STEP_S = 0.5, 1.0, 0.1
Summary = dict[str, object]


class Place(NamedTuple):
    """A broker that runs, and where its access files stand."""

    admin: Access
    refeed: Access
    access_dir: Path
    about: str


class Row(NamedTuple):
    """How far a program is.

    done     frames or journal entries taken; None for a program that counts neither
    per_s    of them each second, between the last two looks
    waiting  records that wait to be read
    """

    done: int | None
    per_s: float
    waiting: int

    def __str__(self) -> str:
        """Spell it in a few words."""
        counted = "" if self.done is None else f"{self.done:,} ({self.per_s:,.0f}/s), "
        return f"{counted}lag {self.waiting:,}"


def demonstrate(folder: Path) -> int:
    """Do everything, once; returns the exit code: 1 where the decisions are not those of the embedded run."""
    begun = time.monotonic()
    paths, records = demo.pack(demo.FIXTURES)
    with Stop() as stop, ExitStack() as held:
        held.enter_context(emptied(folder))
        place = held.enter_context(provisioned(folder))
        captures = in_order([open_capture(path) for path in paths])
        file = written(folder, captures, records)
        made = time.monotonic()
        put(f"kafka: {place.about}; topics and rights made: {made - begun:.1f} s")
        fed_frames(place, captures)
        fed = time.monotonic()
        put(f"fed: {len(captures)} captures into {PREFIX}.raw.*: {fed - made:.1f} s")
        ended = supervised(file, folder / "state", place.access_dir, stop)
        seconds = time.monotonic() - fed
        put(f"programs: {', '.join(ended)}: {seconds:.1f} s")
        put("")
        code = told(folder, ended, seconds)
    put(f"everything stopped; all of it took {time.monotonic() - begun:.1f} s")
    return code


# ---- made before ---------------------------------------------------------------------------------------------------


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Make the folder afresh and be alone in it; raises EdgeError where an earlier demonstration still runs."""
    with alone(folder):
        broker = Broker(folder / "broker")
        if broker.pid is not None:
            raise Refused(f"{folder}: a broker runs there as process {broker.pid}; end it, or name another folder")
        for old in folder.iterdir():
            if old.is_dir():
                shutil.rmtree(old)
        yield


@contextmanager
def provisioned(folder: Path) -> Iterator[Place]:
    """Start a broker, give each program its rights, make the topics; stop it in the end."""
    file, where = read_layout(), folder / "broker"
    with ExitStack() as held:
        if composed_broker.engine():
            composed = held.enter_context(ComposedBroker(where))
            admin, refeed = composed.access(ADMIN), composed.access(namespace.principal(MODE, namespace.REFEED))
            place = Place(admin, refeed, composed.access_dir, f"in a container, {admin.bootstrap}")
        else:
            broker = held.enter_context(Broker(where, principals(file, MODE), bound=True))
            admin, refeed = broker.access(ADMIN), broker.access(namespace.principal(MODE, namespace.REFEED))
            about = f"{broker.made.version} with this machine's Java, process {broker.pid}, {admin.bootstrap}"
            place = Place(admin, refeed, broker.folder / "access", about)
        with topics.administration(place.admin) as client:
            topics.create(client, Layout((), layout(file, MODE).rights), MODE)  # what may be done below refeeds
            topics.create(client, layout(file, PREFIX), PREFIX)
        yield place


def written(folder: Path, captures: Sequence[Capture], records: Path | None) -> Path:
    """Write the deployment: one lane that joins all venues in the order of the embedded run, and the desk's key."""
    path, key = folder / "demo.toml", key_path(folder / "state", MODE)
    key.parent.mkdir(mode=0o700, parents=True)
    file = deployment_text(captures, records, make_key(key), {name: f"127.0.0.1:{free_port()}" for name in NAMES})
    path.write_text(file, "utf-8")
    return path


def deployment_text(
    captures: Sequence[Capture], records: Path | None, key: PublicKey, metrics: Mapping[str, str]
) -> str:
    """Return the file of a deployment for recordings, one a venue, in their order."""
    parts = ", ".join(f'"{capture.venue}/0"' for capture in captures)
    lines = [f'prefix = "{PREFIX}"', *([f'instruments = "{records.resolve()}"'] if records is not None else [])]
    lines += ["[programs]", *(f"{name} = {{}}" for name in NAMES)]
    lines += ["[lanes]", f"{LANE} = [{parts}]", "[desks]", f"{DESK} = {{ partition = 0 }}"]
    lines += ["[keys.order]", f'{key.key_id} = "{key.public}"']
    lines += ["[metrics]", *(f'{name} = "{address}"' for name, address in metrics.items())]
    return "\n".join([*lines, ""])


def fed_frames(place: Place, captures: Sequence[Capture]) -> None:
    """Feed the recordings, each to the first partition of its venue, and say in each that nothing more comes."""
    feedings = of_captures(captures, PREFIX, None, Cut())
    with progress("feeding", plain=True) as bar:
        feed(place.refeed, looked_at(place.refeed, feedings), None, report=bar)


# ---- while they run ------------------------------------------------------------------------------------------------


def supervised(file: Path, state: Path, access_dir: Path, stop: Stop) -> dict[str, Ended]:
    """Run the programs to the end of their input, and show how far they are; raises Refused for one that fails."""
    deployment = load_deployment(file)
    tasks = up.tasks_of(deployment, state, None, None, access_dir, until_end=True)
    targets = top.targets_of(file, None)
    with Supervisor(tasks, say, until_end=True, environ=up.environment()) as supervisor, stop.gently():
        with shown_live() as show:
            watch = Watch(targets)
            while not supervisor.done:
                supervisor.step(STEP_S)
                if stop():
                    supervisor.stop()
                if watch.is_due and not supervisor.stopping:
                    show(watch.rows(supervisor.ended))
        if stop():
            raise stop.reason()
        ended = supervisor.ended
    bad = {name: each for name, each in ended.items() if each.answer is None}
    if supervisor.failure or bad:
        raise Refused(
            supervisor.failure or f"{next(iter(bad))}: ended without an answer; its log is in {state / 'logs'}"
        )
    return ended


class Watch:
    """Looks at the programs once a second; one that has ended keeps what it said last."""

    def __init__(self, targets: top.Targets) -> None:
        """Take address -> program."""
        self._targets, self._next = targets, 0.0
        self._before = looks([])
        self._rows: dict[str, Row] = {}

    @property
    def is_due(self) -> bool:
        """True when it is time to look again."""
        return time.monotonic() >= self._next

    def rows(self, ended: Iterable[str]) -> dict[str, str]:
        """Return program -> how far it is, in words."""
        seen = looks(list(self._targets), ASK_S)
        found = top.document(self._targets, self._before, seen)
        self._before, self._next = seen, time.monotonic() + LOOK_EVERY_S
        for name in self._targets.values():
            row, last = row_of(found, name), self._rows.get(name)
            if row is not None and (last is None or (row.done or 0) >= (last.done or 0)):
                self._rows[name] = row
        told = {name: str(row) for name, row in self._rows.items()} | dict.fromkeys(ended, "ended")
        return {name: told[name] for name in self._targets.values() if name in told}


def row_of(found: top.Document, name: str) -> Row | None:
    """Return how far a program is, in frames or entries; None for one that does not answer, or has not begun."""
    mine = {title: [row for row in rows if row.get("program") == name] for title, rows in found.items()}
    if not mine["partitions"]:
        return None
    counted = [(row["frames"], row["frames_per_s"]) for row in mine["lanes"]]
    counted += [(row["entries"], row["entries_per_s"]) for row in mine["desks"]]
    done = sum(int(cast("int", count)) for count, _ in counted) if counted else None
    per_s = sum(float(cast("float", rate or 0.0)) for _, rate in counted)
    return Row(done, per_s, sum(max(0, int(cast("int", row["lag_records"]))) for row in mine["partitions"]))


class _Lines:
    """Says a line for each program every two seconds: a log has no table that moves."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, rows: Mapping[str, str]) -> None:
        if time.monotonic() < self._next or not rows:
            return
        self._next = time.monotonic() + PLAIN_EVERY_S
        print(f"running: {'; '.join(f'{name} {text}' for name, text in rows.items())}", file=sys.stderr, flush=True)


class _Table:
    """Shows one table that moves."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def __call__(self, rows: Mapping[str, str]) -> None:
        if rows:
            self._live.update(table_of(("", ""), list(rows.items())), refresh=True)


@contextmanager
def shown_live() -> Iterator[_Lines | _Table]:
    """Return what shows rows: a table on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    with Live(console=console(sys.stderr), auto_refresh=False, transient=True) as live:
        yield _Table(live)


# ---- told in the end -----------------------------------------------------------------------------------------------


def told(folder: Path, ended: Mapping[str, Ended], seconds: float) -> int:
    """Write the table of `make demo`, the report, and whether the decisions are those of the embedded run."""
    summary = merged({name: each.answer or {} for name, each in ended.items()}, seconds)
    put(f"frames: {summary['frames']}")
    put("")
    run.show(summary)
    store, report = up.store_of(folder / "state", MODE), folder / "report.html"
    with opened(store) as reader:
        write_report(reader, report)
    put(f"report: {report}")
    run.put_next(summary, store)
    golden = json.loads(GOLDEN.read_text("utf-8"))
    if summary["decision_digest"] == golden["decision_digest"]:
        put("digest: equal to the embedded run's (fixtures/demo.golden.json)")
        return run.verdict(summary)
    put(f"digest: {summary['decision_digest']}, and the embedded run's is {golden['decision_digest']}")
    if golden["fingerprint"] != summary["fingerprint"]:
        put(f"        which is of {golden['fingerprint']}; this machine is {summary['fingerprint']}")
    return DIFFERS


def merged(answers: Mapping[str, Summary], seconds: float) -> Summary:
    """Return one summary under the keys of `pt run`: market's frames and facts, record's decisions and votes."""
    market, record = answers["market"], answers["record"]
    desk = cast("dict[str, Summary]", record["desks"])[DESK]
    frames = cast("int", market["frames"])
    return {
        **market,
        **desk,
        "run_id": market["run_id"],
        "fingerprint": fingerprint(),
        "seconds": round(seconds, 3),
        "frames_per_s": round(frames / seconds),
        "peak_rss_mb": max(cast("int", each["peak_rss_mb"]) for each in answers.values()),
    }


def main(
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Where everything is made, afresh.")] = FOLDER,
) -> int:
    """Run the demonstration over Kafka."""
    return demonstrate(into)


app = typer.Typer(cls=Pt, add_completion=False, pretty_exceptions_enable=False)
app.command("kafka-demo")(main)


@app.callback()
def _only() -> None:
    """Run the demonstration over Kafka."""


if __name__ == "__main__":
    end_with(app, ["kafka-demo", *sys.argv[1:]])
