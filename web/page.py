"""Frame a page that needs nothing else: one file that opens offline and looks the same wherever it is kept.

Its own policy forbids scripts, pictures and connections, should anything from outside ever reach it unescaped.
"""

from pathlib import Path

from web.markup import Html, tag

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = Path(__file__).with_name("report.css")


def page(title: str, *sections: Html) -> str:
    """Return the document; the same sections give the same bytes."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Html(_STYLE.read_text("utf-8"))),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", tag("main", *sections)), lang="en") + "\n"
