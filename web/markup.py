"""Turn text into HTML and SVG in one place, so that nothing can reach a page unescaped.

Whatever is not already `Html` is escaped; attributes always are. Every element is closed, so a picture is
valid XML too.
"""

from html import escape

_FORBIDDEN = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd")


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | int | Html | None


def text(value: object) -> Html:
    """Escape a value; characters that XML forbids become the replacement character."""
    return value if isinstance(value, Html) else Html(escape(str(value).translate(_FORBIDDEN), quote=True))


def tag(name: str, /, *children: Child, **attributes: str | int | None) -> Html:
    """Build an element. `class_` is class, other underscores become dashes; None leaves an attribute or child out."""
    known = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(text(child) for child in children if child is not None)
    if not inside and name in _VOID:
        return Html(f"<{name}{known}/>")
    return Html(f"<{name}{known}>{inside}</{name}>")


_VOID = frozenset({"meta", "link", "br", "hr", "path", "line", "rect", "circle", "polygon", "use"})


def join(parts: list[Html]) -> Html:
    """Put elements behind each other."""
    return Html("".join(parts))
