"""Keep the rules of the house: each rule reads one file and yields the lines that break it, with what to write instead.

A rule is a function of (path from the root, text), so it can be shown a bad snippet, and is: test_house.py proves that
every rule can fail. An exception is one entry in exceptions.toml with its reason.
"""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("contracts", "bots", "operators", "control", "connectors", "flows", "cli", "web")
BELOW = ("contracts/", "bots/", "operators/", "control/")
LAYERS = ("intel", "disc", "strat", "risk", "exec", "sec", "gov")
TEXT = {".py", ".md", ".toml", ".in", ".txt", ".json", ".sql", ".yaml", ".yml", ".html", ".css", ".sh", ".cfg", ""}
LINE_MAX, FUNCTION_MAX, MODULE_MAX, BOT_MAX, BYTES_MAX = 120, 60, 400, 80, 2_000_000

Broken = Iterator[tuple[int, str]]


class Finding(NamedTuple):
    """One broken rule: where, which, and what to write instead."""

    file: str
    line: int
    rule: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.instead}"


# ---- the tree ------------------------------------------------------------------------------------------------------


@cache
def files() -> tuple[str, ...]:
    """Return every file of the project, as git sees it, or as the folder holds it where there is no git."""
    asked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    names = asked.stdout.splitlines() if asked.returncode == 0 else _walked()
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def _walked() -> list[str]:
    hidden = re.compile(r"(^|/)(\.(?!ci/|gitignore)[^/]+|__pycache__|build|[^/]+\.egg-info)(/|$)")
    found = (path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file())
    return [name for name in found if not hidden.search(name)]


@cache
def text_of(name: str) -> str:
    """Return a file's text, read once."""
    return (ROOT / name).read_text("utf-8")


@cache
def tree_of(text: str) -> ast.Module:
    """Return the syntax tree of a module, parsed once."""
    return ast.parse(text)


def is_code(name: str) -> bool:
    """True for a module of a package or of scripts."""
    return name.endswith(".py") and name.startswith((*(f"{package}/" for package in PACKAGES), "scripts/"))


def is_below(name: str) -> bool:
    """True for a module below the edge, where nothing has a side effect."""
    return name.endswith(".py") and name.startswith(BELOW)


def is_bot(name: str) -> bool:
    """True for a bot's module."""
    return bool(re.match(rf"bots/({'|'.join(LAYERS)})/(?!__)\w+\.py$", name))


def is_test(name: str) -> bool:
    """True for a module of tests."""
    return bool(re.match(r"tests/.*test_\w+\.py$", name))


def is_text(name: str) -> bool:
    """True for anything a person may read, the lock files aside."""
    return Path(name).suffix in TEXT and not name.startswith(("requirements/run.txt", "requirements/dev.txt"))


# ---- length --------------------------------------------------------------------------------------------------------


def long_lines(name: str, text: str) -> Broken:
    """Lines are at most 120 characters."""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LINE_MAX:
            yield number, f"{len(line)} characters; break it before {LINE_MAX + 1}"


def long_functions(name: str, text: str) -> Broken:
    """Functions are at most 60 lines."""
    for node in ast.walk(tree_of(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_MAX:
                yield node.lineno, f"{node.name} has {lines} lines; name a part of it and take it out"


def long_modules(name: str, text: str) -> Broken:
    """Modules are at most 400 lines."""
    lines = len(text.splitlines())
    if lines > MODULE_MAX:
        yield MODULE_MAX + 1, f"{lines} lines; two subjects live here: give the second a module"


def code_lines(text: str) -> int:
    """Count a bot's lines of code; an import or a signature counts once.

    Not counted: docstrings, comments, blanks, and tables: data of the module, and the fields of Config and State.
    """
    tree = tree_of(text)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    tables = {id(node) for node in tree.body if _is_data(node) and node.end_lineno != node.lineno}
    tables |= {id(node) for cls in classes for node in cls.body if _is_data(node)}
    counted: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt) or _is_docstring(node) or id(node) in tables:
            continue
        whole = not hasattr(node, "body") and not isinstance(node, ast.Import | ast.ImportFrom)
        counted.update(range(node.lineno, (node.end_lineno if whole and node.end_lineno else node.lineno) + 1))
    bare = {number for number, line in enumerate(text.splitlines(), 1) if line.strip() in ("", ")", "]", "}")}
    return len(counted - bare)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_data(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign | ast.AnnAssign)


def long_bots(name: str, text: str) -> Broken:
    """Bots are at most 80 lines of code."""
    lines = code_lines(text)
    if lines > BOT_MAX:
        yield 1, f"{lines} lines of code; its arithmetic belongs in bots/maths/, or it is two bots"


# ---- what must not stand there -------------------------------------------------------------------------------------

SIDE_EFFECTS = {"print", "open", "input", "breakpoint", "eval", "exec", "compile", "__import__"}
FILE_METHODS = {"read_text", "write_text", "read_bytes", "write_bytes"}
EDGE_MODULES = {
    "time", "random", "secrets", "uuid", "os", "socket", "asyncio", "threading", "multiprocessing", "subprocess",
    "logging", "kafka", "confluent_kafka", "websockets", "prometheus_client", "cryptography", "ccxt", "chdb",
    "clickhouse_connect", "pyarrow",
}  # fmt: skip


def side_effects(name: str, text: str) -> Broken:
    """Below the edge nothing prints, opens, logs or runs text."""
    for node in ast.walk(tree_of(text)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in SIDE_EFFECTS:
            yield node.lineno, f"{called.id}() is an effect: answer with a value; files and terminals live at the edge"
        elif isinstance(called, ast.Attribute) and called.attr in FILE_METHODS:
            yield node.lineno, f".{called.attr}() touches a file: take the content as an argument"


def imported(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of every import."""
    for node in ast.walk(tree_of(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def edge_imports(name: str, text: str) -> Broken:
    """Below the edge there is no clock, chance or network to import."""
    for line, module in dict.fromkeys((line, module.partition(".")[0]) for line, module in imported(text)):
        if module in EDGE_MODULES:
            yield line, f"{module} lives in connectors/; take what it gives as an argument or an entry"


def bot_imports(name: str, text: str) -> Broken:
    """No bot imports a bot."""
    for line, module in imported(text):
        if re.match(rf"bots\.({'|'.join(LAYERS)})(\.|$)", module):
            yield line, f"{module} is a bot: read what it says with Latest[...], or share a formula in bots/maths/"


def loose_types(name: str, text: str) -> Broken:
    """`Any` says nothing; it stands only where types are data."""
    for node in ast.walk(tree_of(text)):
        if isinstance(node, ast.ImportFrom) and node.module == "typing" and any(a.name == "Any" for a in node.names):
            yield node.lineno, "name the type; where any type is meant, `object` says so and is checked"


# Written with gaps, so that this file does not break its own rule.
HOSTS = re.compile(
    r"py[p]i\.org|pythonhos[t]ed\.org|registry\.npm[j]s|deb\.deb[i]an\.org|repo1?\.mav[e]n|mav[e]n\.org|"
    r"proxy\.gol[a]ng|static\.crat[e]s|crat[e]s\.io/"
)
MACHINE_PATHS = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|root|home/[a-z]+|Users/[A-Za-z]+)/[A-Za-z0-9_.]")
UNFINISHED = re.compile(r"T[O]DO|F[I]XME|X[X]X|H[A]CK|NotImplement[e]dError|# st[u]b|pragma: no [c]over")


def registry_hosts(name: str, text: str) -> Broken:
    """No host of a package registry is named: the one that is configured is used."""
    for number, line in enumerate(text.splitlines(), 1):
        if HOSTS.search(line):
            yield number, "take the host out; package clients know their own registry"


def machine_paths(name: str, text: str) -> Broken:
    """No path of one machine stands in the tree."""
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATHS.search(line):
            yield number, "write a path relative to the repository"


def unfinished(name: str, text: str) -> Broken:
    """Nothing is left for later in the code, and nothing excuses itself from being tested."""
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield number, "finish it, or open an issue and take the note out"


# ---- words ---------------------------------------------------------------------------------------------------------

NOT_IMPERATIVE = {"this", "the", "a", "an", "module", "it", "contains", "class", "helper", "helpers"}
ENDS_IN_S = {"pass", "process", "express", "address", "assess", "guess", "press", "compress", "discuss", "cross"}


def openings(name: str, text: str) -> Broken:
    """A module opens with one imperative sentence that says what it decides or does."""
    doc = ast.get_docstring(tree_of(text)) or ""
    sentence = doc.partition("\n\n")[0]
    word = sentence.split(" ", 1)[0].lower().strip(":,")
    if not sentence.endswith((".", ":")):
        yield 1, "open with one sentence: what this module decides or does, in the imperative, ending in a full stop"
    elif word in NOT_IMPERATIVE or (word.endswith("s") and word not in ENDS_IN_S) or word.endswith("ing"):
        yield 1, f"open in the imperative ({word!r} is not): say what the module does, as an order"


def package_openings(name: str, text: str) -> Broken:
    """A package's first lines say how to read it."""
    if len((ast.get_docstring(tree_of(text)) or "").splitlines()) < 3:
        yield 1, "say in about five lines how to read the package: what it is, where to begin, what it may import"


def test_sentences(name: str, text: str) -> Broken:
    """A test claims something in a sentence and asserts it."""
    for node in ast.walk(tree_of(text)):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        if not (ast.get_docstring(node) or "").strip().endswith((".", "?")):
            yield node.lineno, f"{node.name}: say its claim in a sentence, as its docstring"
        dumped = ast.dump(node)
        if not any(word in dumped for word in ("Assert(", "raises", "assert_", "check", "expect", "verify", "must")):
            yield node.lineno, f"{node.name}: asserts nothing; write `assert expected == actual`"


class Rule(NamedTuple):
    """A rule and the files that it is for."""

    find: Callable[[str, str], Broken]
    applies: Callable[[str], bool]

    @property
    def name(self) -> str:
        """The rule's name, as exceptions.toml writes it."""
        return self.find.__name__


def _is_python(name: str) -> bool:
    return name.endswith(".py")


RULES: tuple[Rule, ...] = (
    Rule(long_lines, _is_python),
    Rule(long_functions, is_code),
    Rule(long_modules, is_code),
    Rule(long_bots, is_bot),
    Rule(side_effects, is_below),
    Rule(edge_imports, is_below),
    Rule(bot_imports, lambda name: name.startswith("bots/") and name.endswith(".py")),
    Rule(loose_types, lambda name: is_code(name) and not name.startswith("scripts/")),
    Rule(registry_hosts, lambda name: Path(name).suffix in TEXT),
    Rule(machine_paths, is_text),
    Rule(unfinished, _is_python),
    Rule(openings, lambda name: is_code(name) and not name.endswith("__init__.py")),
    Rule(package_openings, lambda name: name in {f"{package}/__init__.py" for package in PACKAGES}),
    Rule(test_sentences, is_test),
)


def findings(rule: Rule) -> list[Finding]:
    """Return everything in the tree that breaks a rule, exceptions not yet taken off."""
    return [
        Finding(name, line, rule.name, instead)
        for name in files()
        if rule.applies(name)
        for line, instead in rule.find(name, text_of(name))
    ]
