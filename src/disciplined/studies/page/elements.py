"""HTML from nested calls: closed and escaped by construction, so no template language is needed."""

from collections.abc import Iterable
from html import escape
from typing import Union

VOID = {"img", "input", "meta", "br", "hr", "link", "col"}


class Html(str):
    """Text that is HTML already; any other string is escaped where it is put in."""


Child = Union[str, None, "Iterable[Child]"]


def text(*children: Child) -> Html:
    """The children one after the other; None is nothing."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, Html):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(escape(child, quote=False))
        elif child is not None:
            parts.append(text(*child))
    return Html("".join(parts))


def element(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """One element: `class_` is class, `data_x` is data-x; True is bare, False and None left out."""
    told = []
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            told.append(f" {key}")
        elif value is not False and value is not None:
            told.append(f' {key}="{escape(str(value))}"')
    start = f"<{name}{''.join(told)}>"
    return Html(start if name in VOID else f"{start}{text(*children)}</{name}>")


def link(target: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """A link."""
    return element("a", *children, href=target, **attributes)


def items(lines: Iterable[Child], **attributes: str | int | bool | None) -> Html | None:
    """A bulleted list, nothing where it is empty."""
    found = [element("li", line) for line in lines]
    return element("ul", found, **attributes) if found else None


def table(
    caption: Child,
    head: Iterable[str],
    rows: Iterable[tuple[str, list[Child]]],
    class_: str = "",
) -> Html:
    """A table whose rows stand on end on a phone. rows: a class and the cells, the first a header.

    The roles are a table's own; they are said because a row on end (display: block) loses them.
    """
    labels = list(head)
    body = []
    for kind, cells in rows:
        first, *rest = cells
        body.append(
            element(
                "tr",
                element("th", first, scope="row", role="rowheader"),
                [
                    element("td", cell, role="cell", data_label=label, class_=None if cell else "e")
                    for label, cell in zip(labels[1:], rest, strict=True)
                ],
                role="row",
                class_=kind or None,
            )
        )
    heads = [element("th", label, scope="col", role="columnheader") for label in labels]
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", heads, role="row"), role="rowgroup"),
        element("tbody", body, role="rowgroup"),
        role="table",
        class_=class_ or None,
    )
