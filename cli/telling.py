"""Tell people what a store answered to `why` and `explain`: who said what, when, and what numbers were compared."""

from collections.abc import Iterable, Mapping
from typing import cast

from cli.output import moment, put, put_table, shown

Told = Mapping[str, object]
CHAIN = ("facts", "signals", "intents", "votes", "decisions", "plans", "orders", "updates", "fills", "positions")
WHAT = ("verdict", "style", "state", "event", "action", "side", "price_ticks", "size_lots", "value", "label", "signal")
ROWS_SHOWN = 12


def tell_why(found: Told) -> None:
    """Show how the book is, the last decisions about a market, each with its votes, and the bots that stayed out."""
    put(f"{found['market_id']} at {moment(cast('int', found['at_ns']))}")
    if book := cast("Told", found.get("book")):
        since = moment(cast("int", book["at_ns"]))
        put(f"book {book['state']} since {since}: {book['cause']}, {shown(book['reasons'])}")
    put("")
    for said in _list(found["decisions"]):
        put(_line(said))
        tell_votes(said)
        put(f"    pt explain {said['envelope_id']}")
    put_table(
        "stayed out", ("bot", "why", "seen", "limit", "since"), (_silence(said) for said in _list(found["silent"]))
    )
    if not found["decisions"] and not found["silent"]:
        put("nothing was decided about it by then, and no bot said why")


def tell_chain(found: Told) -> None:
    """Show the descent of an envelope: what was known, what was wished, judged, done, and what came of it."""
    put(f"{found['id']}: intents {shown(found['intent_ids'])}")
    put("")
    for part in ("subject", *CHAIN):
        said = _list(found[part])
        if not said:
            continue
        put(f"{part}:")
        for envelope in said[:ROWS_SHOWN]:
            put(_line(envelope))
            tell_votes(envelope)
        if len(said) > ROWS_SHOWN:
            put(f"  and {len(said) - ROWS_SHOWN} more (--json shows them)")


def tell_votes(said: Told) -> None:
    """Show the votes of a decision or order, with what was seen and what it was compared with."""
    numbers = _numbers(said)
    for vote in _list(numbers.get("votes", [])):
        put(f"    {vote['gate']}: {vote['verdict']} {vote['reason']}, seen {vote['seen']}, limit {vote['limit']}")
    if numbers.get("not_run"):
        put(f"    not asked any more: {shown(numbers['not_run'])}")


def _line(said: Told) -> str:
    numbers = {**_numbers(said), **cast("Told", _numbers(said).get("child", {}))}
    what = ", ".join(f"{key} {shown(numbers[key])}" for key in WHAT if numbers.get(key) not in (None, ""))
    reasons = cast("list[str]", said["reasons"])
    why = shown(reasons[:1] if numbers.get("votes") else reasons)  # what the votes said follows line by line
    return f"  {moment(cast('int', said['at_ns']))}  {said['bot_id']}  {said['kind']}  {what or '-'}  {why}"


def _numbers(said: Told) -> Told:
    """Return the payload, where it travels along, else the brief form's own keys."""
    return cast("Told", said.get("payload", said))


def _silence(said: Told) -> tuple[object, ...]:
    seen, limit = (str(said.get(key, "-")) for key in ("seen", "limit"))
    return said["bot_id"], shown(said["reasons"]), seen, limit, moment(cast("int", said["at_ns"]))


def _list(value: object) -> list[Told]:
    return list(cast("Iterable[Told]", value))
