"""Build what every section uses: tables, legends, folded numbers, reasons with their meaning."""

from collections.abc import Mapping, Sequence

from contracts.reasons import REGISTRY
from web.markup import Child, Html, tag
from web.model import Spell
from web.scales import decimal

SEVERITIES = ("CRITICAL", "HARD", "WARN", "INFO")
_REASON_HEADS = ("severity", "code", "count", "meaning")


def none(sentence: str) -> Html:
    """Say that there is nothing to show."""
    return tag("p", sentence, class_="none")


def scroll(inside: Html) -> Html:
    """Let something wide be moved sideways where there is no room."""
    return tag("div", inside, class_="scroll")


def details(summary: str, *inside: Html) -> Html:
    """Fold numbers away under a line that opens them."""
    return tag("details", tag("summary", summary), *inside)


def legend(keys: Sequence[tuple[str, str]]) -> Html:
    """Explain marks: (class of the mark, words)."""
    return tag("ul", *(tag("li", tag("i", class_=f"key {kind}"), words) for kind, words in keys), class_="legend")


def table(heads: Sequence[str], rows: Sequence[Sequence[Child]], caption: str, last: str = "") -> Html:
    """Build a table; columns of numbers stand right, the row named `last` is a sum. Nothing where there are no rows."""
    right = [any(_is_number(row[place]) for row in rows) for place in range(len(heads))]
    made = []
    for row in rows:
        cells = [tag("td", cell, class_="n" if end else None) for cell, end in zip(row, right, strict=True)]
        made.append(tag("tr", *cells, class_="sum" if last and row[0] == last else None))
    return _table(heads, right, made, caption)


def reasons_table(counts: Sequence[tuple[str, int]], caption: str) -> Html:
    """Build a table of codes with severity, count and meaning."""
    return _table(_REASON_HEADS, (False, False, True, False), [_reason(*row) for row in counts], caption)


def _table(heads: Sequence[str], right: Sequence[bool], rows: Sequence[Html], caption: str) -> Html:
    if not rows:
        return Html()
    top = [tag("th", head, scope="col", class_="n" if end else None) for head, end in zip(heads, right, strict=True)]
    return scroll(tag("table", tag("caption", caption), tag("thead", tag("tr", *top)), tag("tbody", *rows)))


def _is_number(cell: Child) -> bool:
    return isinstance(cell, int) or (
        isinstance(cell, str) and cell[:1] in tuple("\u2212$0123456789") and ":" not in cell
    )


def _reason(code: str, count: int) -> Html:
    word = severity(code).lower()
    meaning = REGISTRY[code].meaning if code in REGISTRY else "not in the registry of this version"
    chip = tag("span", word, class_=f"chip {word}")
    cells = (tag("td", code, class_="code"), tag("td", f"{count:,}", class_="n"), tag("td", meaning))
    return tag("tr", tag("td", chip), *cells)


def severity(code: str) -> str:
    """Return how bad a reason is; UNKNOWN for a code of another version."""
    return REGISTRY[code].severity if code in REGISTRY else "UNKNOWN"


def lasted(spell: Spell) -> str:
    """Say how long a book could not be believed."""
    return "to the end" if spell.end_ns < 0 else f"{decimal((spell.end_ns - spell.start_ns) // 1_000, 1)} s"


def number(summary: Mapping[str, object], *path: str) -> int:
    """Return a whole number of the summary; 0 where it says nothing."""
    value: object = summary
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, int) else 0


def word(summary: Mapping[str, object], key: str) -> str:
    """Return a value of the summary as people write it."""
    value = summary.get(key, "-")
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
