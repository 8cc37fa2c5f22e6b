"""Run a campaign against one decoder in a process of its own, or replay one input.

    python -m tests.fuzz.campaign DECODER --runs 100000 --seed 1
    python -m tests.fuzz.campaign DECODER --replay HEX        (or @FILE)

Atheris (libFuzzer) guides the campaign by the branches that an input reaches; half of its inputs are damaged in their
structure, half as libFuzzer sees fit. Where there is no atheris for a platform the same damage is dealt blindly. A
broken promise prints the input in hexadecimal and the line that replays it, and ends with exit code 1.
"""

import argparse
import importlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

GUIDED = ("operators", "connectors", "flows")
"""Packages whose branches guide a campaign: the readers, and what they call of their own package."""
UNGUIDED = ("contracts.envelope", "operators.order_book", "operators.engine", "tests.fuzz.mutate", "tests.world")
"""What is loaded before, and so never instrumented: it reads no bytes, and would only slow the campaign down."""
SECONDS_MAX, MEMORY_MAX_MB = 30, 2_000  # what one input may take


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and run; returns the exit code, unless libFuzzer ends the process itself."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.campaign", description=__doc__)
    parser.add_argument("decoder")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--blind", action="store_true", help="without guidance by coverage")
    parser.add_argument("--replay", metavar="HEX", default="")
    asked = parser.parse_args(arguments)
    atheris = None if asked.blind or asked.replay else guide()
    decoder = _decoder(asked.decoder, atheris)
    trial = Trial(asked.decoder, decoder)
    if asked.replay:
        return trial(_input(asked.replay))
    if atheris is None:
        return _blind(trial, decoder, asked.runs, asked.seed)
    _guided(atheris, trial, decoder, asked.runs, asked.seed)
    return 0


def guide() -> ModuleType | None:
    """Return atheris; None where it is not installed."""
    try:
        return importlib.import_module("atheris")
    except ImportError:
        return None


def _decoder(name: str, atheris: ModuleType | None) -> Any:
    if atheris is None:
        return importlib.import_module("tests.fuzz.decoders").decoder(name)
    for module in UNGUIDED:
        importlib.import_module(module)
    with atheris.instrument_imports(include=[*GUIDED, *(["tests"] if name == "planted" else [])]):
        return importlib.import_module("tests.fuzz.decoders").decoder(name)


def _input(text: str) -> bytes:
    return Path(text[1:]).read_bytes() if text.startswith("@") else bytes.fromhex(text)


class Trial:
    """Try one input: 0 when every promise held; 1, and said how to see it again, when one did not."""

    def __init__(self, name: str, decoder: Any) -> None:
        self.name, self.check = name, decoder.check
        self.count, self.begun = 0, time.perf_counter()

    def __call__(self, data: bytes) -> int:
        self.count += 1
        try:
            self.check(data)
        except Exception:
            said = traceback.format_exc()
            print(f"{said}\n{self.name} broke on input {self.count}, {len(data)} bytes:\n{data.hex()}")
            print(f"replay: python -m tests.fuzz.campaign {self.name} --replay {data.hex()}", flush=True)
            return 1
        return 0

    def tell(self, guided: bool) -> None:
        """Print one line of JSON: what was done."""
        seconds = time.perf_counter() - self.begun
        told = {"decoder": self.name, "inputs": self.count, "seconds": round(seconds, 1), "guided": guided}
        print(json.dumps(told | {"per_s": round(self.count / seconds)}), flush=True)


def _blind(trial: Trial, decoder: Any, runs: int, seed: int) -> int:
    """Damage seeds without guidance."""
    draw = Random(seed)
    for number in range(runs):
        seeds = decoder.seeds
        data = seeds[number] if number < len(seeds) else decoder.damage(draw.choice(seeds), draw)
        if trial(data):
            return 1
    trial.tell(guided=False)
    return 0


def _guided(atheris: ModuleType, trial: Trial, decoder: Any, runs: int, seed: int) -> None:
    """Let libFuzzer run the campaign; it ends the process."""
    most = decoder.most

    def try_one(data: bytes) -> None:
        if trial(data):
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(1)  # an exception would leave by way of libFuzzer, which says it all again in its own words
        if trial.count == runs:
            trial.tell(guided=True)

    def damaged(data: bytes, size: int, number: int) -> bytes:
        draw = Random(number)
        made: bytes = decoder.damage(data, draw)[:size] if draw.random() < 0.5 else atheris.Mutate(data, size)
        return made

    with tempfile.TemporaryDirectory(prefix=f"fuzz-{trial.name}-") as folder:
        for number, data in enumerate(decoder.seeds):
            (Path(folder) / f"seed{number:04}").write_bytes(data[:most])
        options = {
            "runs": runs, "seed": seed, "max_len": most, "len_control": 0, "timeout": SECONDS_MAX,
            "rss_limit_mb": MEMORY_MAX_MB + _peak_mb(), "artifact_prefix": f"{folder}/", "print_final_stats": 1,
            "verbosity": 0,
        }  # fmt: skip
        command = [sys.argv[0], folder, *(f"-{key}={value}" for key, value in options.items())]
        atheris.Setup(command, try_one, custom_mutator=damaged)
        atheris.Fuzz()


def _peak_mb() -> int:
    """The most memory that this process had until now: the kernel counts in what its parent had when it was made."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024


if __name__ == "__main__":
    sys.exit(main())
