"""What must hold between numbers of different sections: no urgent limit lies below a milder one."""

from collections.abc import Iterator, Mapping

from service.clinical.rulebook_reader import Entry, refused
from service.errors import ConfigurationError

NOT_BELOW = (
    ("urgent.severe_elevation.multiple", "bands.moderate_from"),
    ("urgent.severe_elevation.multiple", "urgent.hys_law.enzyme"),
    ("urgent.jaundice.bilirubin", "urgent.hys_law.bilirubin"),
    ("worsening.urgent_multiple", "bands.mild_from"),
    *(
        ("worsening.urgent_fold", f"worsening.fold.{analyte}")
        for analyte in ("ALT", "AST", "ALP", "GGT", "TBIL")
    ),
    ("tiers.urgent", "tiers.worsening"),
    ("follow_up.recheck_days.borderline", "follow_up.recheck_days.mild"),
    ("follow_up.recheck_days.mild", "follow_up.recheck_days.moderate"),
    ("follow_up.recheck_days.moderate", "follow_up.recheck_days.severe"),
)
"""Dotted paths: the first must not be below the second."""
BELOW_ONE = ("sustained_rise.p_value", "limits.laboratory_at_least")
ABOVE_ONE = ("limits.laboratory_at_most",)


def contradictions(entries: Mapping[str, Entry]) -> Iterator[ConfigurationError]:
    """An error for each pair the wrong way round and each number on the wrong side of one.

    Pairs of which one was refused are passed over.
    """
    for higher, lower in NOT_BELOW:
        if higher in entries and lower in entries and entries[higher].value < entries[lower].value:  # type: ignore[operator]
            least = shown(entries[lower].value)
            yield refused(f"{higher}.value", shown(entries[higher].value), f"not less than {lower} ({least})")
    for path in BELOW_ONE:
        if path in entries and not entries[path].value < 1:  # type: ignore[operator]
            yield refused(f"{path}.value", entries[path].value, "a number below 1")
    for path in ABOVE_ONE:
        if path in entries and not entries[path].value > 1:  # type: ignore[operator]
            yield refused(f"{path}.value", entries[path].value, "a number above 1")


def shown(value: object) -> object:
    """A choice by its name in the rulebook; a number as it is."""
    name = getattr(value, "name", None)
    return name.lower() if isinstance(name, str) else value
