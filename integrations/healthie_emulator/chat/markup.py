"""The markup of messages: HTML of which only harmless elements stay."""

import html
from html.parser import HTMLParser

ALLOWED = frozenset({"p", "br", "b", "strong", "i", "em", "u", "ul", "ol", "li", "a", "img", "iframe"})
ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}, "iframe": {"src"}}
DROPPED_WHOLE = frozenset({"script", "style"})
_EMPTY = frozenset({"br", "img"})


def clean(content: str) -> str:
    """Strip every element and attribute that messages may not have; the text inside stays, scripts go."""
    reader = _Cleaner()
    reader.feed(content)
    reader.close()
    return "".join(reader.kept)


def plain(content: str) -> str:
    """Return the text of a message without any markup."""
    reader = _Cleaner(allowed=frozenset())
    reader.feed(content)
    reader.close()
    return html.unescape("".join(reader.kept))


class _Cleaner(HTMLParser):
    def __init__(self, *, allowed: frozenset[str] = ALLOWED) -> None:
        super().__init__(convert_charrefs=True)
        self.kept: list[str] = []
        self._allowed = allowed
        self._dropping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DROPPED_WHOLE:
            self._dropping += 1
        elif tag in self._allowed:
            named = ATTRIBUTES.get(tag, set())
            text = "".join(
                f' {name}="{html.escape(value or "")}"'
                for name, value in attrs
                if name in named and (value or "").startswith(("https://", "http://", "/"))
            )
            self.kept.append(f"<{tag}{text}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in DROPPED_WHOLE:
            self._dropping = max(0, self._dropping - 1)
        elif tag in self._allowed and tag not in _EMPTY:
            self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self.kept.append(html.escape(data, quote=False))
