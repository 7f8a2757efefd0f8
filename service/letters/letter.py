"""A letter as headings and blocks, in the language it is written in: pages and plain text are made of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Recipient(StrEnum):
    """Whom a letter is to."""

    REFERRAL = "referral"
    """The specialist."""
    PATIENT = "patient"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text that stands by itself."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; the first cell of a row is its heading."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    values: bool = True
    """Of numbers rather than of text."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing, and what it shows in words."""

    svg: str
    description: str


Block = Paragraph | Items | Table | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a heading."""

    heading: str
    blocks: Sequence[Block]
    urgent: bool = False
    """Set apart: not to be missed."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter."""

    recipient: Recipient
    language: str
    """BCP 47."""
    title: str
    about: Sequence[tuple[str, str]]
    """Who it is about, as names and values."""
    sections: Sequence[Section]
    closing: str

    def lines(self) -> Iterator[str]:
        """All of it as plain text, for who reads no PDF."""
        yield self.title
        yield ""
        yield from (f"{name}: {value}" for name, value in self.about)
        for section in self.sections:
            yield from ("", f"## {section.heading}")
            for block in section.blocks:
                yield from _lines(block)
        yield from ("", self.closing)


def _lines(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield block.text
    elif isinstance(block, Items):
        yield from (f"- {item}" for item in block.items)
    elif isinstance(block, Table):
        yield block.caption
        yield from (" | ".join(row) for row in (block.headings, *block.rows))
    else:
        yield f"[{block.description}]"
