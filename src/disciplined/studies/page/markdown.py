"""As much Markdown as remarks and notes use: paragraphs, lists, headings, code, emphasis, links."""

import re

from disciplined.studies.page.elements import Html, element, text

BULLET = re.compile(r"\s*(?:[*-]|\d+\.)\s+")
INLINE = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*|\[([^\]]+)\]\(([^)\s]+)\)|(?<!\w)\*([^*\s][^*]*)\*")


def inline(line: str) -> Html:
    """Code, bold, links and emphasis within a line; nothing else is markup."""
    parts, end = [], 0
    for found in INLINE.finditer(line):
        parts.append(line[end : found.start()])
        code, bold, words, target, stressed = found.groups()
        if code is not None:
            parts.append(element("code", code))
        elif bold is not None:
            parts.append(element("strong", inline(bold)))
        elif words is not None:
            parts.append(element("a", inline(words), href=target))
        else:
            parts.append(element("em", inline(stressed)))
        end = found.end()
    return text(*parts, line[end:])


def blocks(source: str, level: int = 5) -> Html:
    """A document; its headings become `h<level>`."""
    found = []
    fenced = re.split(r"^```.*$", source.strip(), flags=re.MULTILINE)
    for position, part in enumerate(fenced):
        if position % 2:
            found.append(element("pre", element("code", part.strip("\n"))))
            continue
        for block in re.split(r"\n\s*\n", part):
            if block.strip():
                found.append(one_block(block.strip("\n"), level))
    return text(*found)


def one_block(block: str, level: int) -> Html:
    """A paragraph, a heading, a list or a table."""
    lines = block.splitlines()
    if lines[0].startswith("#"):
        head = element(f"h{level}", inline(lines[0].lstrip("# ")))
        rest = "\n".join(lines[1:]).strip()
        return text(head, one_block(rest, level) if rest else None)
    if len(lines) > 1 and lines[0].startswith("|") and set(lines[1]) <= set("|-: "):
        cells = [[c.strip() for c in line.strip().strip("|").split("|")] for line in lines]
        head = element("tr", [element("th", inline(c), scope="col") for c in cells[0]])
        body = [element("tr", [element("td", inline(c)) for c in row]) for row in cells[2:]]
        return element("table", element("thead", head), element("tbody", body))
    if BULLET.match(lines[0]):
        entries: list[str] = []
        for line in lines:
            if BULLET.match(line):
                entries.append(BULLET.sub("", line, count=1))
            else:
                entries[-1] += " " + line.strip()
        kind = "ol" if lines[0].lstrip()[0].isdigit() else "ul"
        return element(kind, [element("li", inline(entry)) for entry in entries])
    return element("p", inline(" ".join(line.strip() for line in lines)))
