"""A letter as one HTML page that needs nothing else: what is printed, and what a browser could show."""

from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from service.letters.letter import Block, Figure, Letter


class _Given(NamedTuple):
    kind: str
    block: Block
    source: str
    """Of a figure: its drawing as a data URL."""


class _Part(NamedTuple):
    heading: str
    urgent: bool
    blocks: list[_Given]


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("service.letters"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> Markup:
    style = files("service.letters").joinpath("templates", "letter.css").read_text(encoding="utf-8")
    return Markup(style)  # noqa: S704 - our own file


def page(letter: Letter) -> str:
    """The letter as HTML; every text of it is escaped."""
    parts = [
        _Part(each.heading, each.urgent, [_given(block) for block in each.blocks]) for each in letter.sections
    ]
    return _environment().get_template("letter.html").render(letter=letter, sections=parts, style=_style())


def _given(block: Block) -> _Given:
    source = ""
    if isinstance(block, Figure):
        source = f"data:image/svg+xml;base64,{b64encode(block.svg.encode()).decode()}"
    return _Given(type(block).__name__, block, source)
