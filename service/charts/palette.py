"""How each analyte and each standing looks: never by colour alone."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from service.charts.course import Lane, Mark, Standing
from service.clinical.analytes import Analyte


class Look(NamedTuple):
    """A line's colour (at least 4.5 : 1 on white) and its dashes."""

    colour: str
    dash: tuple[int, ...]


LOOKS: Final[Mapping[Analyte, Look]] = MappingProxyType(
    {
        Analyte.ALT: Look("#b3261e", ()),
        Analyte.AST: Look("#0b57a4", (8, 3)),
        Analyte.ALP: Look("#146c2e", (2, 2)),
        Analyte.GGT: Look("#7b3fa0", (10, 3, 2, 3)),
        Analyte.TOTAL_BILIRUBIN: Look("#8a5000", (5, 2)),
        Analyte.DIRECT_BILIRUBIN: Look("#6b6300", (1, 3)),
        Analyte.CREATINE_KINASE: Look("#4a4a4a", (4, 4)),
        Analyte.INR: Look("#006a6a", (12, 4)),
        Analyte.PROTHROMBIN_TIME: Look("#00639a", (3, 5)),
        Analyte.PROTHROMBIN_ACTIVITY: Look("#5c5d72", (6, 6)),
        Analyte.ALBUMIN: Look("#9c4146", (9, 2)),
        Analyte.PLATELETS: Look("#3b608f", (2, 4)),
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
    {Lane.EPISODE: "#8d8d8d", Lane.RUN: "#b3261e", Lane.DRUG: "#0b57a4", Lane.DIAGNOSIS: "#146c2e"}
)
MARKS: Final[Mapping[Mark, tuple[str, str]]] = MappingProxyType(
    {Mark.ALERT: ("triangle-down", "#b3261e"), Mark.DECISION: ("square", "#0b57a4")}
)
"""Shape and colour."""

INK: Final = "#1f1f1f"
BAND: Final = "#d7efdc"
"""The reference band."""
SHADE: Final = "#ececec"
"""While an episode lasts."""
FONTS: Final = "Noto Sans CJK SC, Noto Sans, DejaVu Sans, Liberation Sans, sans-serif"
