"""The value of an Observation or of a component of one, whatever kind of value it has."""

from typing import Final

from msgspec import UNSET

from service.clinical.analytes import Analyte
from service.clinical.rulebook import Rulebook
from service.fhir import datatypes, quantities, wire
from service.fhir.defects import Defect

_NULL: Final = b"null"


def reading(measured: wire.Measured, analyte: Analyte, rulebook: Rulebook) -> quantities.Reading:
    """The value in the analyte's canonical unit.

    Raises:
        Defect: what `quantities` raises; `conflicting-value` for more than one value, or one beside a reason
            why there is none; `unreadable-value` for a kind that such tests do not have; `no-value`.
            Not quarantined: `value-absent` (a dataAbsentReason), `panel` (members instead of a value).
    """
    given, text, whole = measured.value_quantity, measured.value_string, measured.value_integer
    path = "valueQuantity"
    try:
        if given is not None and text is None and whole is None and measured.data_absent_reason is UNSET:
            return quantities.quantity(analyte, given, rulebook)
        _check_single(measured)
        if given is not None:
            return quantities.quantity(analyte, given, rulebook)
        path = "valueString"
        if text is not None:
            return quantities.text(analyte, text, rulebook)
        path = "valueInteger"
        if whole is not None:
            return quantities.integer(analyte, whole, rulebook)
    except Defect as defect:
        if defect.reason != "conflicting-value":
            defect.where = defect.place(path)
        raise
    raise _without_value(measured)


def has_value(measured: wire.Measured) -> bool:
    """Whether any value[x] is there."""
    return (
        measured.value_quantity is not None
        or measured.value_string is not None
        or measured.value_integer is not None
        or any(
            is_given(value)
            for value in (
                *(measured.value_codeable_concept, measured.value_boolean, measured.value_range),
                *(measured.value_ratio, measured.value_sampled_data, measured.value_time),
                *(measured.value_date_time, measured.value_period),
                *(measured.value_attachment, measured.value_reference),
            )
        )
    )


def is_given(value: datatypes.Anything) -> bool:
    """Whether a field is there and is not null."""
    return value is not UNSET and bytes(value) != _NULL


def _check_single(measured: wire.Measured) -> None:
    values = (measured.value_quantity, measured.value_string, measured.value_integer)
    if len(values) - values.count(None) + is_given(measured.data_absent_reason) > 1:
        detail = "More than one value, or a value beside the reason why there is none."
        raise Defect("conflicting-value", detail, "value")


def _without_value(measured: wire.Measured) -> Defect:
    if is_given(measured.data_absent_reason):
        return Defect("value-absent", "It says that there is none.", "dataAbsentReason", quarantined=False)
    if has_value(measured):
        detail = "A value of a kind that this test does not have; send a Quantity."
        return Defect("unreadable-value", detail, "value")
    if isinstance(measured, wire.Observation) and (is_given(measured.has_member) or measured.component):
        return Defect("panel", "It only names its members.", "hasMember", quarantined=False)
    return Defect("no-value", "Neither a value nor a reason why there is none.", "value")
