"""Compare two stored runs: what each said by cause, and what each decided by intent, with the first of each difference.

Nothing is said where nothing differs, as of two files that are the same.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, cast

import typer

from cli import settings
from cli.output import DIFFERS, OK, moment, put, put_json, put_table, put_tree, say, shown
from cli.store_verbs import kind_of, opened

LIMIT, LIMIT_MAX = 1, 10**6
ASPECTS_SHOWN = 12

Told = Mapping[str, object]


def diff(
    store_a: Annotated[Path, typer.Argument(metavar="STORE_A", help="One run's store.")],
    store_b: Annotated[Path, typer.Argument(metavar="STORE_B", help="The other's.")],
    kind: Annotated[str | None, typer.Option(metavar="TYPE", help="Only this payload type, as in Fill.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="Show at most so many of each difference.")] = LIMIT,
    as_json: settings.Json = False,
) -> int:
    """Compare what two runs said, by cause and by decision; exit code 1 when they differ."""
    kind = kind_of(kind)
    settings.within("--limit", limit, 1, LIMIT_MAX)
    settings.old_store(store_a, "STORE_A")
    settings.old_store(store_b, "STORE_B")
    from flows.differences import compared, differs, gathered

    with opened(store_a, "STORE_A") as reader:
        one = gathered(reader.envelopes(), kind)
    with opened(store_b, "STORE_B") as reader:
        other = gathered(reader.envelopes(), kind)
    found = compared(one, other, limit)
    apart = differs(found)
    if as_json:
        put_json(found)
    elif apart:
        show(found, store_a, store_b)
    else:
        decisions = cast("Told", found["decisions"])
        say(f"no difference: {shown(found['same'])} causes, {shown(decisions['same'])} decisions")
    return DIFFERS if apart else OK


def show(found: Told, store_a: Path, store_b: Path) -> None:
    """Write both comparisons for people."""
    decisions = cast("Told", found["decisions"])
    for title, part in (("causes", found), ("decisions", decisions)):
        put_table(title, ("", "count"), [(key, value) for key, value in part.items() if isinstance(value, int)])
    if found["configuration"]:
        put_tree({"configuration": found["configuration"]})
        put("")
    changed = list(cast("Mapping[str, int]", decisions["changed"]).items())
    more = f" (top {ASPECTS_SHOWN} of {len(changed)})" if len(changed) > ASPECTS_SHOWN else ""
    put_table(f"what changed in decisions{more}", ("aspect", "decisions"), changed[:ASPECTS_SHOWN])
    listed = cast("Mapping[str, Sequence[Told]]", decisions["listed"])
    for name, some in listed.items():
        for told in some:
            put(f"{name}: {moment(cast('int', told['at_ns']))}  {told['market_id']}  {_what(told)}")
            put(f"    pt explain {told['intent_id']} --store {store_b if name == 'only_in_b' else store_a}")
    causes = cast("Mapping[str, Sequence[Told]]", found["listed"])
    put_tree({"causes": {name: some for name, some in causes.items() if some}})


def _what(told: Told) -> str:
    """Say a decision in one line: what changed, or, where one run alone has it, what it was."""
    changed = told.get("changed")
    if isinstance(changed, Mapping):
        return "; ".join(f"{aspect} {shown(pair['a'])} became {shown(pair['b'])}" for aspect, pair in changed.items())
    aspects = cast("Told", told.get("a", told.get("b")))
    named = ("intent.intent_kind", "intent.side", "intent.price_ticks", "intent.size_lots", "decision.verdict")
    return ", ".join(f"{name.partition('.')[2]} {shown(aspects[name])}" for name in named if name in aspects)
