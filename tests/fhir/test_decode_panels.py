"""Panels: components and contained Observations are results of their own."""

from datetime import date
from decimal import Decimal
from typing import Any

from service.clinical.analytes import Analyte
from service.fhir.incoming import Ignored, Observed
from tests.fhir.arriving import (
    ALT,
    AST,
    BILIRUBIN,
    alt,
    coded,
    decoded,
    problems,
    quantity,
    refused,
    result,
    results,
    without_value,
)

PANEL = coded("24325-3")


def part(code: str, value: object, unit: str = "U/L", **more: Any) -> dict[str, Any]:
    return {"code": coded(code), "valueQuantity": quantity(value, unit), **more}


def member(id_: str | None, code: str, value: object, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, **part(code, value), **more}


def panel(*components: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return without_value(code=PANEL, component=list(components) or None, **changes)


def keyed(given: dict[str, Any]) -> dict[str, Decimal]:
    return {each.key.sub_key: each.value for each in results(given)}


def test_each_component_is_a_result_with_a_key_of_its_own() -> None:
    given = panel(part(ALT, 61), part("8302-2", 170, "cm"), part(AST, 40), part(BILIRUBIN, 1, "mg/dL"))
    assert keyed(given) == {
        f"component:{ALT}": 61,
        f"component:{AST}": 40,
        f"component:{BILIRUBIN}": Decimal("17.1"),
    }
    assert {each.day for each in results(given)} == {date(2024, 3, 1)}


def test_the_keys_of_components_do_not_depend_on_their_order() -> None:
    assert keyed(panel(part(ALT, 61), part(AST, 40))) == keyed(panel(part(AST, 40), part(ALT, 61)))
    synonyms = [{"code": coded("1743-4", ALT)}, {"code": coded(ALT, "1743-4")}]
    for each in synonyms:
        assert list(keyed(panel(each | {"valueQuantity": quantity(9)}))) == [f"component:{ALT}"]


def test_a_code_that_recurs_is_numbered() -> None:
    given = panel(part(ALT, 61), part(ALT, 62), part(ALT, 63))
    assert keyed(given) == {f"component:{ALT}": 61, f"component:{ALT}#2": 62, f"component:{ALT}#3": 63}


def test_the_ranges_of_a_component_are_its_own() -> None:
    given = panel(part(ALT, 61, referenceRange=[{"high": quantity(41)}]), part(AST, 40))
    given["referenceRange"] = [{"high": quantity(7)}]
    ranges = {each.analyte: each.ranges for each in results(given)}
    assert ranges[Analyte.ALT][0].high == 41
    assert ranges[Analyte.AST] == ()


def test_an_observation_may_have_a_value_and_components() -> None:
    given = alt(component=[part(AST, 40)])
    assert keyed(given) == {"": 61, f"component:{AST}": 40}


def test_a_liver_code_without_value_but_with_components_is_a_panel() -> None:
    assert keyed(without_value(component=[part(AST, 40)])) == {f"component:{AST}": 40}


def test_members_elsewhere_are_only_links() -> None:
    given = without_value(hasMember=[{"reference": "Observation/o2"}])
    assert results(given) == ()
    assert problems(given) == [("panel", "Observation.hasMember", False)]
    assert decoded(panel(hasMember=[{"reference": "Observation/o2"}])).content == Ignored("other-code")


def test_contained_observations_take_time_status_and_patient_from_the_one_around_them() -> None:
    given = panel(
        status="preliminary",
        contained=[
            member("a", ALT, 61),
            member("b", AST, 40, effectiveDateTime="2024-02-20", status="final"),
        ],
    )
    read = {each.key.sub_key: each for each in results(given)}
    assert set(read) == {"contained:a", "contained:b"}
    assert (read["contained:a"].day, read["contained:a"].preliminary) == (date(2024, 3, 1), True)
    assert (read["contained:b"].day, read["contained:b"].preliminary) == (date(2024, 2, 20), False)


def test_a_contained_panel_gives_its_components() -> None:
    inner = {"resourceType": "Observation", "id": "a", "code": PANEL, "component": [part(ALT, 61)]}
    assert keyed(panel(contained=[inner])) == {f"contained:a/component:{ALT}": 61}


def test_a_contained_observation_that_does_not_count_is_left_out() -> None:
    given = panel(contained=[member("a", ALT, 61, status="entered-in-error"), member("b", AST, 40)])
    assert keyed(given) == {"contained:b": 40}
    assert decoded(panel(contained=[member("a", ALT, 61, status="cancelled")])).content == Observed(())


def test_a_contained_observation_of_someone_else_is_a_problem() -> None:
    stranger = {"subject": {"reference": "Patient/p2"}}
    same = {"subject": {"reference": "http://x/fhir/Patient/p1"}}
    given = panel(contained=[member("a", ALT, 61, **stranger), member("b", AST, 40, **same)])
    assert keyed(given) == {"contained:b": 40}
    assert problems(given) == [("conflicting-patient", "Observation.contained[0].subject", True)]


def test_contained_resources_of_other_kinds_do_not_matter() -> None:
    others = [{"resourceType": "Practitioner", "id": "x"}, {"resourceType": "Patient"}, 3, {"id": 4}]
    assert keyed(alt(contained=others[:2])) == {"": 61}
    assert keyed(alt(contained=others[:2])) == {"": 61}


def test_one_bad_part_is_a_problem_and_does_not_spoil_the_others() -> None:
    given = panel(part(ALT, 61), part(AST, 40, "furlong"), part(BILIRUBIN, 9999, "umol/L"))
    assert keyed(given) == {f"component:{ALT}": 61}
    assert problems(given) == [
        ("unknown-unit", "Observation.component[1].valueQuantity.code", True),
        ("implausible-value", "Observation.component[2].valueQuantity", True),
    ]


def test_parts_without_a_value_are_no_fault() -> None:
    absent = {"code": coded(AST), "dataAbsentReason": {"text": "x"}}
    given = panel(part(ALT, 61), absent)
    assert problems(given) == [("value-absent", "Observation.component[1].dataAbsentReason", False)]
    assert results(panel(absent)) == ()


def test_an_observation_whose_every_part_is_bad_is_quarantined() -> None:
    given = panel(part(AST, 40, "furlong"), {"code": coded(ALT), "dataAbsentReason": {}})
    assert refused(given) == ("unknown-unit", "Observation.component[0].valueQuantity.code")


def test_conflicting_codes_in_a_part_are_that_parts_problem() -> None:
    given = panel(part(ALT, 61), {"code": coded(ALT, AST), "valueQuantity": quantity(1)})
    assert problems(given) == [("conflicting-codes", "Observation.component[1].code", True)]


def test_a_contained_observation_needs_an_id_and_a_readable_form() -> None:
    given = panel(part(ALT, 61), contained=[member(None, AST, 40), member("a", AST, "40", status=3)])
    assert problems(given) == [
        ("no-id", "Observation.contained[0]", True),
        ("unreadable-resource", "Observation.contained[1]", True),
    ]


def test_a_haemolysed_panel_flags_the_parts_it_disturbs() -> None:
    given = panel(part(ALT, 61), part(AST, 40), interpretation=[{"text": "haemolysed"}])
    assert {each.analyte: each.flags for each in results(given)} == {
        Analyte.ALT: (),
        Analyte.AST: ("haemolysed",),
    }
    own = panel(part(AST, 40, interpretation=[{"text": "haemolysed"}]), part("2157-6", 90))
    assert {each.analyte: each.flags for each in results(own)} == {
        Analyte.AST: ("haemolysed",),
        Analyte.CREATINE_KINASE: (),
    }


def test_a_component_has_no_time_but_that_of_the_whole() -> None:
    assert result(panel(part(ALT, 61), effectiveDateTime=None, issued="2024-01-05")).flags == ("issued-time",)
    assert refused(panel(part(ALT, 61), effectiveDateTime=None)) == (
        "no-time",
        "Observation.component[0].effective",
    )
