"""A page as a reader's program takes it apart."""

from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "br", "wbr", "input", "path", "circle", "line", "polyline"})


class Page(HTMLParser):
    """Elements in order, with their attributes and the text within; fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        words: list[str] = []
        self.elements.append((tag, dict(attrs), words))
        if tag == "br":
            self.handle_data("\n")
        if tag not in VOID:
            self._open.append((tag, words))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self._open.pop()
        assert opened == tag

    def handle_data(self, data: str) -> None:
        for _, words in self._open:
            words.append(data)

    def every(self, *tags: str) -> list[tuple[str, dict[str, str | None], str]]:
        """Tag, attributes and text of each element of these tags."""
        return [
            (tag, attributes, " ".join("".join(words).split()))
            for tag, attributes, words in self.elements
            if tag in tags
        ]

    def texts(self, tag: str) -> list[str]:
        return [text for _, _, text in self.every(tag)]
