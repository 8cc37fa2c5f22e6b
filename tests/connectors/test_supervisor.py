"""Programs are started again when they die, given up when that is too often, stopped together, never left behind."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors.errors import SupervisorError
from connectors.supervisor import BoundedLog, Ended, Limits, Supervisor, Task, alone, holder_of, spelled

ROOT = Path(__file__).resolve().parents[2]
QUICK = Limits(deaths=3, window_s=30.0, pause_s=0.02, pause_max_s=0.05, stop_s=5.0, log_bytes=100_000)
LIMIT_S = 20.0
DEAD = "echo 'pt: port 1: nobody listens' >&2; exit 2"
WAITS = 'trap \'echo "{\\"ended\\": \\"stopped\\"}"; exit 143\' TERM; while :; do sleep 0.02; done'
DEAF = "trap '' TERM; while :; do sleep 0.02; done"


def shell(folder: Path, name: str, script: str) -> Task:
    """Return a program that is a line of the shell."""
    return Task(name, ("/bin/sh", "-c", script), folder / "logs" / f"{name}.log")


def python(folder: Path, name: str, script: str, *words: str) -> Task:
    """Return a program that is a few lines of Python."""
    return Task(name, (sys.executable, "-I", "-S", "-c", script, *words), folder / "logs" / f"{name}.log")


def run(
    tasks: list[Task], limits: Limits = QUICK, stop_after: str = "", *, until_end: bool = True
) -> tuple[dict[str, Ended], str, list[str]]:
    """Run programs; returns how they ended, why they were given up, and what was said.

    They are asked to stop once something that was said begins with `stop_after`, and after 20 s in any case.
    """
    said: list[str] = []
    until = time.monotonic() + LIMIT_S

    def stop() -> bool:
        asked = bool(stop_after) and any(line.startswith(stop_after) for line in said)
        return asked or time.monotonic() > until

    with Supervisor(tasks, said.append, until_end=until_end, limits=limits) as supervisor:
        ended = supervisor.run(stop)
        failure = supervisor.failure
    assert time.monotonic() < until, said
    return ended, failure, said


def is_there(pid: int) -> bool:
    """True while a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """True once a process has ended, within a few seconds."""
    until = time.monotonic() + 5
    while is_there(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_there(pid)


# ---- work that ends ------------------------------------------------------------------------------------------------


def test_programs_work_to_their_end_and_answer(tmp_path: Path) -> None:
    """Each answer is kept, 1 with an answer is work done, and the log has what was said and when it ran."""
    tasks = [
        shell(tmp_path, "one", "echo words >&2; echo '{\"frames\": 7}'"),
        shell(tmp_path, "two", 'echo \'{"faults": ["x"]}\'; exit 1'),
        shell(tmp_path, "three", "echo no document"),
    ]
    ended, failure, said = run(tasks)
    assert ("", Ended(0, 0, {"frames": 7}, "words")) == (failure, ended["one"])
    assert Ended(1, 0, {"faults": ["x"]}, "it said nothing") == ended["two"]
    assert (0, None) == (ended["three"].code, ended["three"].answer)
    assert 6 == len(said)
    assert [f"{name}: ended, exit code {code}" for name, code in (("one", 0), ("two", 1))] == sorted(
        line for line in said if line.startswith(("one: ended", "two: ended"))
    )
    first, *words, last = (tmp_path / "logs" / "one.log").read_text().splitlines()
    assert ["words"] == words
    assert first.partition(" ")[2].startswith("up: started, process ")
    assert "up: ended, exit code 0" == last.partition(" ")[2]
    assert 0o600 == stat.S_IMODE((tmp_path / "logs" / "one.log").stat().st_mode)


def test_one_that_dies_is_started_again(tmp_path: Path) -> None:
    """A program that is killed twice and then works has ended well, with two deaths told."""
    starts = f"{tmp_path}/starts"
    script = f'echo x >>{starts}; [ $(wc -l <{starts}) -lt 3 ] && kill -9 $$; echo "{{}}"'
    ended, failure, said = run([shell(tmp_path, "one", script)])
    assert ("", Ended(0, 2, {}, "it said nothing")) == (failure, ended["one"])
    died = [line for line in said if "died" in line]
    assert ["one: died, SIGKILL: it said nothing; starts again in 0.02 s", died[1]] == died
    assert died[1].endswith("starts again in 0.04 s")


def test_a_start_that_failed_is_a_death_even_with_1(tmp_path: Path) -> None:
    """1 without an answer is a traceback, not work that was done."""
    _, failure, said = run([python(tmp_path, "one", "raise SystemExit('it broke')")])
    assert failure.startswith("one: died 3 times within 30 s, the last time with exit code 1: it broke; its log is ")
    assert 2 == sum("starts again" in line for line in said)


# ---- deaths --------------------------------------------------------------------------------------------------------


def test_one_that_dies_at_once_is_given_up_and_all_end(tmp_path: Path) -> None:
    """The third death within the window ends everything; the failure names the program and its last line."""
    ended, failure, said = run([shell(tmp_path, "bad", DEAD), shell(tmp_path, "good", WAITS)])
    log = tmp_path / "logs" / "bad.log"
    wanted = "bad: died 3 times within 30 s, the last time with exit code 2: port 1: nobody listens; its log is "
    assert f"{wanted}{log}" == failure
    assert "bad: given up after 3 deaths: port 1: nobody listens" in said
    assert Ended(2, 3, None, "port 1: nobody listens") == ended["bad"]
    assert (143, {"ended": "stopped"}) == (ended["good"].code, ended["good"].answer)
    assert 3 == log.read_text().count("pt: port 1: nobody listens\n")


def test_deaths_long_ago_do_not_count(tmp_path: Path) -> None:
    """With a window shorter than the pauses a program dies as often as it likes, and is started again."""
    limits = QUICK._replace(window_s=0.01, deaths=2)
    task = shell(
        tmp_path, "one", f"echo x >>{tmp_path}/starts; [ $(wc -l <{tmp_path}/starts) -lt 6 ] && exit 3; {WAITS}"
    )
    said: list[str] = []
    with Supervisor([task], said.append, limits=limits) as supervisor:
        until = time.monotonic() + LIMIT_S
        while sum("died" in line for line in said) < 5 and time.monotonic() < until:
            supervisor.step(0.05)
        assert ("", False) == (supervisor.failure, supervisor.done)
        pause = max(float(line.split()[-2]) for line in said if "starts again" in line)
    assert 0.02 == pause


def test_one_that_should_go_on_and_ends_is_a_death(tmp_path: Path) -> None:
    """Without --until-end an exit with 0 is no more expected than any other."""
    _, failure, said = run([shell(tmp_path, "one", "exit 0")], until_end=False)
    assert failure.startswith("one: died 3 times")
    assert "one: died, exit code 0: it said nothing; starts again in 0.02 s" in said


# ---- stopping ------------------------------------------------------------------------------------------------------


def test_a_stop_is_asked_once_and_answered(tmp_path: Path) -> None:
    """Every program gets one SIGTERM and has time to answer; one that pauses before a new start simply stays away."""
    said: list[str] = []
    tasks = [shell(tmp_path, "one", WAITS), shell(tmp_path, "two", DEAD)]
    with Supervisor(tasks, said.append, limits=QUICK._replace(pause_s=60.0, pause_max_s=60.0)) as supervisor:
        until = time.monotonic() + LIMIT_S
        while not any("two: died" in line for line in said) and time.monotonic() < until:
            supervisor.step(0.05)
        time.sleep(0.2)  # the shell sets its trap
        supervisor.stop()
        supervisor.stop()
        ended = supervisor.run(lambda: False)
    assert Ended(143, 0, {"ended": "stopped"}, "it said nothing") == ended["one"]
    assert (-signal.SIGTERM, 1) == ended["two"][:2]
    assert "one: ended, exit code 143" in said


def test_one_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    """After its time it gets SIGKILL, and so does whatever it started."""
    script = f"sleep 600 & echo $! >{tmp_path}/child; {DEAF}"
    begun = time.monotonic()
    said: list[str] = []
    with Supervisor([shell(tmp_path, "one", script)], said.append, limits=QUICK._replace(stop_s=0.3)) as supervisor:
        while not (tmp_path / "child").exists() and time.monotonic() < begun + LIMIT_S:
            supervisor.step(0.05)
        time.sleep(0.1)
        supervisor.stop()
        ended = supervisor.run(lambda: False)
    assert "one: did not end within 0.3 s; killed" in said
    assert -signal.SIGKILL == ended["one"].code
    assert gone(int((tmp_path / "child").read_text()))


def test_leaving_leaves_nobody_behind(tmp_path: Path) -> None:
    """Whatever breaks in the one who supervises, its programs are gone."""
    with (
        pytest.raises(ZeroDivisionError),
        Supervisor([shell(tmp_path, "one", DEAF)], lambda line: None, limits=QUICK) as supervisor,
    ):
        supervisor.step(0.05)
        (pid,) = supervisor.pids.values()
        raise ZeroDivisionError
    assert gone(pid)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv on this machine")
def test_programs_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    """Kill -9 of the supervisor ends its programs: the kernel does it."""
    script = (
        "import sys; from pathlib import Path; from connectors.supervisor import *\n"
        f"task = Task('one', ('/bin/sh', '-c', {DEAF!r}), Path({str(tmp_path)!r}) / 'one.log')\n"
        "with Supervisor([task], lambda line: None) as s:\n"
        "    s.step(0.1); print(s.pids['one'], flush=True); s.run(lambda: False)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        assert is_there(pid)
        running.kill()
    assert gone(pid)


# ---- logs ----------------------------------------------------------------------------------------------------------


def test_a_flood_is_bounded_and_holds_nobody_up(tmp_path: Path) -> None:
    """5 MB of words leave two files of at most the limit, the newest last, and the program comes to its end."""
    script = "import os\nfor n in range(50_000): os.write(2, b'%098d\\n' % n)\nprint('{}')"
    ended, failure, _ = run([python(tmp_path, "one", script)])
    log = tmp_path / "logs" / "one.log"
    assert ("", 0, {}) == (failure, ended["one"].code, ended["one"].answer)
    assert ended["one"].last.endswith("49999")
    sizes = [path.stat().st_size for path in (log, log.with_name("one.log.1"))]
    assert all(0 < size <= QUICK.log_bytes for size in sizes)
    assert sorted(["one.log", "one.log.1"]) == sorted(path.name for path in log.parent.iterdir())


def test_what_is_left_in_both_pipes_is_taken(tmp_path: Path) -> None:
    """A program that has ended before anybody listened loses neither its answer nor its last words."""
    script = "import os\nos.write(1, b'{}')\nos.write(2, b'last words\\n')"
    with Supervisor([python(tmp_path, "one", script)], lambda line: None, until_end=True, limits=QUICK) as supervisor:
        supervisor.step(0.0)
        (pid,) = supervisor.pids.values()
        assert gone(pid)
        ended = supervisor.run(lambda: False)
    assert Ended(0, 0, {}, "last words") == ended["one"]


def test_an_answer_without_an_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is kept up to a bound; what is cut is no document any more."""
    monkeypatch.setattr("connectors.supervisor.ANSWER_MAX", 1_000)
    ended, _, _ = run([python(tmp_path, "one", "print('{\"a\": \"' + 'x' * 1_000_000 + '\"}')")])
    assert (0, None) == (ended["one"].code, ended["one"].answer)


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    """A full disk loses lines, and counts them."""
    (tmp_path / "full.log").symlink_to("/dev/full")
    log = BoundedLog(tmp_path / "full.log", 100)
    log.write(b"words\n")
    log.close()
    log.write(b"words\n")
    assert 2 == log.lost


# ---- one at a time -------------------------------------------------------------------------------------------------


def test_a_folder_has_one_supervisor(tmp_path: Path) -> None:
    """A second one is refused, with the first one's process named; when the first has ended the folder is free."""
    state = tmp_path / "new" / "state"
    assert 0 == holder_of(state)
    with alone(state):
        assert os.getpid() == holder_of(state)
        with pytest.raises(SupervisorError, match=f"state: process {os.getpid()} runs it already"), alone(state):
            raise AssertionError("two are not alone")
    assert 0 == holder_of(state)
    with alone(state):
        assert os.getpid() == holder_of(state)


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (143, "exit code 143"), (-9, "SIGKILL"), (-99, "signal 99")]
)
def test_an_end_is_spelled(code: int, words: str) -> None:
    """A code is a number, a signal has its name."""
    assert words == spelled(code)
