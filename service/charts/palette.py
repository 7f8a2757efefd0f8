"""How each analyte and each standing looks: never by colour alone. Colours go by names."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from service.charts.course import Lane, Mark, Standing
from service.clinical.analytes import Analyte

Paint = Callable[[str], str]
"""What a colour is on the medium that is drawn for, by its name."""

COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ink": "#1f1f1f",
        "quiet": "#404040",
        "rule": "#5f5f5f",
        "edge": "#bbbbbb",
        "grid": "#e6e6e6",
        "band": "#d7efdc",
        "shade": "#ececec",
        "alt": "#b3261e",
        "ast": "#0b57a4",
        "alp": "#146c2e",
        "ggt": "#7b3fa0",
        "total-bilirubin": "#8a5000",
        "direct-bilirubin": "#6b6300",
        "creatine-kinase": "#4a4a4a",
        "inr": "#006a6a",
        "prothrombin-time": "#00639a",
        "prothrombin-activity": "#5c5d72",
        "albumin": "#9c4146",
        "platelets": "#3b608f",
        "episode": "#8d8d8d",
        "persistent": "#b3261e",
        "drug": "#0b57a4",
        "diagnosis": "#146c2e",
        "alert": "#b3261e",
        "decision": "#0b57a4",
    }
)
"""On white, and on paper. Words, rules and lines of tests: at least 4.5 : 1."""


def on_paper(name: str) -> str:
    """A colour that stands in the drawing itself."""
    return COLOURS[name]


def on_screen(name: str) -> str:
    """A colour that the page's style sheet may replace, for a dark screen say."""
    return f"var(--chart-{name}, {COLOURS[name]})"


class Look(NamedTuple):
    """The name of a line's colour, and its dashes."""

    colour: str
    dash: tuple[int, ...]


LOOKS: Final[Mapping[Analyte, Look]] = MappingProxyType(
    {
        Analyte.ALT: Look("alt", ()),
        Analyte.AST: Look("ast", (8, 3)),
        Analyte.ALP: Look("alp", (2, 2)),
        Analyte.GGT: Look("ggt", (10, 3, 2, 3)),
        Analyte.TOTAL_BILIRUBIN: Look("total-bilirubin", (5, 2)),
        Analyte.DIRECT_BILIRUBIN: Look("direct-bilirubin", (1, 3)),
        Analyte.CREATINE_KINASE: Look("creatine-kinase", (4, 4)),
        Analyte.INR: Look("inr", (12, 4)),
        Analyte.PROTHROMBIN_TIME: Look("prothrombin-time", (3, 5)),
        Analyte.PROTHROMBIN_ACTIVITY: Look("prothrombin-activity", (6, 6)),
        Analyte.ALBUMIN: Look("albumin", (9, 2)),
        Analyte.PLATELETS: Look("platelets", (2, 4)),
    }
)

SHAPES: Final[Mapping[Standing, str]] = MappingProxyType(
    {
        Standing.COUNTED: "circle",
        Standing.CORRECTED: "diamond",
        Standing.CENSORED: "triangle-up",
        Standing.PRELIMINARY: "square",
        Standing.NOT_USED: "triangle-down",
        Standing.RETRACTED: "cross",
    }
)
HOLLOW: Final = frozenset({Standing.PRELIMINARY, Standing.NOT_USED, Standing.RETRACTED})
"""Drawn as an outline: it does not count, or not for everything."""

LANES: Final[Mapping[Lane, str]] = MappingProxyType(
    {Lane.EPISODE: "episode", Lane.RUN: "persistent", Lane.DRUG: "drug", Lane.DIAGNOSIS: "diagnosis"}
)
"""Names of colours."""
MARKS: Final[Mapping[Mark, tuple[str, str]]] = MappingProxyType(
    {Mark.ALERT: ("triangle-down", "alert"), Mark.DECISION: ("square", "decision")}
)
"""Shape, and name of the colour."""

FONTS: Final = "Noto Sans CJK SC, Noto Sans, DejaVu Sans, Liberation Sans, sans-serif"
