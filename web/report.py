"""Write a run as one page of HTML: opens offline, asks for nothing, readable without script, in light, dark and print.

Everything that came from outside (titles above all) is text and stays text: `web/markup.py` escapes it, and the page's
own policy forbids scripts, pictures and connections should that ever fail.
"""

from bisect import bisect_right

from web.charts import VERDICTS, equity_chart, market_chart, reason_chart, spoken, vote_chart
from web.markup import Child, Html, tag
from web.model import Mark, MarketView, Report, Spell
from web.page import page
from web.parts import SEVERITIES, details, lasted, legend, none, number, reasons_table, scroll, severity, table, word
from web.reading import from_envelopes
from web.scales import clock, decimal, dollars, moment
from web.series import Line

__all__ = ["Mark", "MarketView", "Report", "Spell", "from_envelopes", "render"]

MARKETS_MAX = 8
ROWS_MAX = 60
BARS_MAX = 18
SAMPLES = 24
_KEYS = (
    ("mid", "middle of the book"),
    ("bid", "our bid"),
    ("ask", "our ask"),
    ("bought", "bought"),
    ("sold", "sold"),
    ("held", "inventory"),
    ("paid", "paid at resolution"),
    ("spell", "book not believed"),
)
_IDENTITY = ("run_id", "fingerprint", "decision_digest", "seconds", "frames_per_s", "peak_rss_mb")


def render(report: Report) -> str:
    """Return the page; the same report gives the same page. About 0.2 s for a run of 60,000 frames."""
    title = f"{_name(report)}, {moment(report.start_ns)}" if report.end_ns else _name(report)
    sections = (_head, _result, _markets, _votes, _reasons, _data, _foot)
    return page(title, *(section(report) for section in sections))


def _name(report: Report) -> str:
    return f"Run of desk {report.desk}" if report.desk else "Run"


# ---- sections ------------------------------------------------------------------------------------------------------


def _head(report: Report) -> Html:
    """Say which run this is and what it came to."""
    said = report.summary
    span = f"{moment(report.start_ns)} to {clock(report.end_ns)} UTC" if report.end_ns else "Nothing was said."
    cut = said.get("truncated")
    return tag(
        "header",
        tag("p", "polytraders", class_="brand"),
        tag("h1", _name(report)),
        tag("p", span, class_="lead"),
        tag("p", f"Cut short: {cut} ends in the middle of a line.", class_="warning") if cut else None,
        tag("dl", *(_tile(*tile) for tile in _tiles(report)), class_="tiles"),
    )


def _tiles(report: Report) -> list[tuple[str, str, str]]:
    """Return the numbers at the top: name, value, what it consists of."""
    said = report.summary
    n = {key: f"{number(said, key):,}" for key in said}
    zero = "0"
    dead = f"{sum(report.dead_letters.values()):,}"
    judged = (
        f"{n.get('approved', zero)} approved, {n.get('reshaped', zero)} reshaped, {n.get('rejected', zero)} rejected"
    )
    return [
        ("profit and loss", dollars(number(said, "pnl", "total_micros")), "marked, after fees"),
        ("fills", n.get("fills", zero), f"{n.get('orders', zero)} orders, {n.get('cancels', zero)} cancels"),
        ("intents", n.get("intents", zero), judged),
        ("frames", n.get("frames", zero), f"{n.get('facts', zero)} facts, {dead} dead letters"),
        ("envelopes", n.get("envelopes", zero), f"{n.get('invalid', zero)} invalid"),
        ("books lost", n.get("stale_spells", zero), f"{n.get('gaps', zero)} gaps, {n.get('resyncs', zero)} healed"),
    ]


def _tile(name: str, value: str, note: str) -> Html:
    return tag("div", tag("dt", name), tag("dd", value), tag("dd", note, class_="note"))


def _result(report: Report) -> Html:
    """Show the money: the curve and what it is made of."""
    parts = (("realised", 1), ("unrealised", 1), ("fees", -1), ("funding", 1), ("total", 1))
    rows = [(name, dollars(sign * number(report.summary, "pnl", f"{name}_micros"))) for name, sign in parts]
    curve = none("No position was held.")
    if report.equity:
        curve = scroll(equity_chart(report.equity, report.start_ns, report.end_ns))
        sampled = [(clock(at_ns), _money(_at(report.equity, at_ns))) for at_ns in _moments(report.equity)]
        curve = Html(curve + details("The curve as numbers", table(("time", "USD"), sampled, "Profit and loss")))
    made_of = tag("div", table(("part", "USD"), rows, "What the result is made of", last="total"), class_="narrow")
    return tag("section", tag("h2", "Profit and loss"), curve, made_of, id="result")


def _markets(report: Report) -> Html:
    """Show the most traded markets, and name the others."""
    shown = [view for view in report.markets if view.mid or view.fills][:MARKETS_MAX]
    others = [view for view in report.markets if view not in shown]
    parts = [_market(view, report, place) for place, view in enumerate(shown)] or [none("No market was seen.")]
    if others:
        rows = [
            (
                view.title or view.market_id,
                view.outcome,
                view.venue_id,
                view.intents,
                len(view.fills),
                _money(view.result_micros),
            )
            for view in others
        ]
        heads = ("market", "outcome", "venue", "intents", "fills", "USD")
        parts.append(details(f"{len(others)} more markets", table(heads, rows, "Markets without a picture")))
    return tag("section", tag("h2", "Markets"), *parts, id="markets")


def _market(view: MarketView, report: Report, place: int) -> Html:
    """Show one market: what it asks, the picture, the picture as numbers."""
    sides = {mark.side > 0 for mark in view.fills}
    drawn = {
        "mid": view.mid,
        "bid": view.bid,
        "ask": view.ask,
        "bought": True in sides,
        "sold": False in sides,
        "held": view.inventory,
        "paid": view.paid,
        "spell": view.spells,
    }
    told = [view.venue_id, view.outcome, f"{len(view.fills):,} fills", f"{view.intents:,} intents"]
    told.append("" if view.result_micros is None else f"result {dollars(view.result_micros)}")
    matches = [_match(mark) for mark in (*view.fills[:ROWS_MAX], *view.paid)]
    caption = f"{len(matches)} of {len(view.fills) + len(view.paid)} matches"
    lost = [(clock(spell.start_ns), spell.cause.lower(), lasted(spell)) for spell in view.spells[:ROWS_MAX]]
    return tag(
        "article",
        tag("h3", view.title or view.market_id),
        tag("p", tag("span", view.market_id, class_="id"), " · ".join(word for word in told if word)),
        legend([key for key in _KEYS if drawn[key[0]]]),
        scroll(market_chart(view, report.start_ns, report.end_ns, place)),
        details(
            "As numbers",
            table(("time", "middle", "our bid", "our ask", "held"), _joined(view), "Price, quotes and inventory"),
            table(("time", "side", "size", "price", "fee", "kind"), matches, caption),
            table(("from", "cause", "lasted"), lost, "Times without a book that may be believed"),
        ),
    )


def _match(mark: Mark) -> tuple[str, ...]:
    side = "buy" if mark.side > 0 else "sell"
    size, price, fee = decimal(mark.size_micros, 2), decimal(mark.price_micros, 3), decimal(mark.fee_micros, 4)
    return (clock(mark.at_ns), side, size, price, fee, mark.kind)


def _votes(report: Report) -> Html:
    """Show how the guards voted, and why."""
    if not report.votes:
        return tag("section", tag("h2", "Votes"), none("No guard was asked."), id="votes")
    more = sorted({verdict for said in report.votes.values() for verdict in said} - set(VERDICTS))
    verdicts = [*VERDICTS, *more]
    rows: list[list[Child]] = [[gate, *(said.get(name, 0) for name in verdicts)] for gate, said in report.votes.items()]
    heads = ("guard", *(spoken(verdict) for verdict in verdicts))
    parts = [
        legend([(f"bar {verdict.lower()}", spoken(verdict)) for verdict in verdicts]),
        scroll(vote_chart(report.votes)),
        details("As numbers", table(heads, rows, "Votes by guard")),
    ]
    reasons = sorted(report.vote_reasons.items(), key=lambda item: (-item[1], item[0]))
    if reasons:
        bars = [(code, count, severity(code)) for code, count in reasons[:BARS_MAX]]
        parts += [
            tag("h3", "Why they voted so"),
            legend([(f"bar {name.lower()}", name.lower()) for name in SEVERITIES]),
            scroll(reason_chart(bars)),
            details("As numbers", reasons_table(reasons, "Votes by reason")),
        ]
    return tag("section", tag("h2", "Votes"), *parts, id="votes")


def _reasons(report: Report) -> Html:
    """Show every reason that was given, the loudest first."""
    order = {name: place for place, name in enumerate(SEVERITIES)}
    counts = sorted(report.reasons.items(), key=lambda item: (order.get(severity(item[0]), 9), -item[1], item[0]))
    shown = reasons_table(counts, "Every code that was given, the loudest first") or none("No reason was given.")
    return tag("section", tag("h2", "Reasons"), shown, id="reasons")


def _data(report: Report) -> Html:
    """Show what could not be read or believed."""
    letters = sorted(report.dead_letters.items(), key=lambda item: (-item[1], item[0]))
    spells = [(spell, view) for view in report.markets for spell in view.spells]
    spells.sort(key=lambda pair: (pair[0].start_ns, pair[1].market_id))
    rows = [
        (clock(spell.start_ns), view.title or view.market_id, view.outcome, spell.cause.lower(), lasted(spell))
        for spell, view in spells[:ROWS_MAX]
    ]
    caption = f"Books that could not be believed: {len(rows)} of {len(spells)}"
    return tag(
        "section",
        tag("h2", "Data"),
        reasons_table(letters, "Dead letters by reason") or none("Every frame could be read."),
        table(("from", "market", "outcome", "cause", "lasted"), rows, caption) or none("Every book could be believed."),
        id="data",
    )


def _foot(report: Report) -> Html:
    """Name what identifies the run."""
    known = [(tag("dt", key), tag("dd", word(report.summary, key))) for key in _IDENTITY if key in report.summary]
    note = (
        "Times are UTC. Prices are dollars a contract, on the scale of the outcome named. A line is steps: a value "
        "holds until the next one. Pictures hold at most 2,000 points a line and lose no extreme."
    )
    return tag("footer", tag("dl", *(part for pair in known for part in pair)), tag("p", note))


# ---- values at a time ----------------------------------------------------------------------------------------------


def _money(micros: int | None) -> str:
    return "-" if micros is None else dollars(micros)


def _moments(*lines: Line) -> list[int]:
    """Return evenly spaced times over what the lines cover."""
    ends = [line[place][0] for line in lines if line for place in (0, -1)]
    first, last = min(ends, default=0), max(ends, default=0)
    return sorted({first + (last - first) * step // (SAMPLES - 1) for step in range(SAMPLES)}) if ends else []


def _at(line: Line, at_ns: int) -> int | None:
    """Return the value that held at a time."""
    place = bisect_right(line, at_ns, key=lambda point: point[0])
    return line[place - 1][1] if place else None


def _joined(view: MarketView) -> list[tuple[str, ...]]:
    """Return price, quotes and inventory at evenly spaced times."""
    lines = ((view.mid, 4), (view.bid, 3), (view.ask, 3), (view.inventory, 2))
    rows = []
    for at_ns in _moments(*(line for line, _ in lines)):
        values = [(_at(line, at_ns), places) for line, places in lines]
        rows.append((clock(at_ns), *("-" if value is None else decimal(value, places) for value, places in values)))
    return rows
