"""Reports: the Observations they contain are results; what they only refer to is not."""

import copy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from service.clinical.analytes import Analyte
from service.clinical.results import Measurement
from service.fhir.incoming import Deleted, Ignored, Observed
from tests.fhir.arriving import ALT, AST, coded, decoded, problems, quantity, refused, result, results


def member(id_: str | None, code: str, value: object, **more: Any) -> dict[str, Any]:
    own = {"status": "final", "code": coded(code), "valueQuantity": quantity(value)}
    return {"resourceType": "Observation", "id": id_, **own, **more}


def report(*contained: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A panel's report; a change to None takes the field away."""
    given: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "meta": {"versionId": "3"},
        "status": "final",
        "code": coded("24325-3"),
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2024-03-01T08:15:00+01:00",
        "issued": "2024-03-02T10:00:00Z",
        "result": [{"reference": f"#{each['id']}"} for each in contained],
        "contained": list(contained),
    }
    given.update(copy.deepcopy(changes))
    return {key: value for key, value in given.items() if value not in (None, [])}


def measurements(given: dict[str, Any]) -> tuple[Measurement, ...]:
    content = decoded(given).content
    assert isinstance(content, Observed)
    return content.measurements


def test_each_contained_observation_is_a_result_known_by_the_report_and_its_id_there() -> None:
    found = {each.key: each for each in results(report(member("a", ALT, 61), member("b", AST, 40)))}
    assert {(key.observation_id, key.sub_key) for key in found} == {
        ("DiagnosticReport/r1", "contained:a"),
        ("DiagnosticReport/r1", "contained:b"),
    }
    assert {key.resource for key in found} == {"DiagnosticReport/r1"}
    assert {each.day for each in found.values()} == {date(2024, 3, 1)}
    incoming = decoded(report(member("a", ALT, 61)))
    assert (incoming.type, incoming.id, incoming.version_id) == ("DiagnosticReport", "r1", "3")
    assert incoming.patient == "p1"


def test_the_components_of_a_contained_panel_are_results_too() -> None:
    part = {"code": coded(ALT), "valueQuantity": quantity(61)}
    panel = member("p", "24325-3", 1, valueQuantity=None, component=[part])
    assert result(report(panel)).key.sub_key == f"contained:p/component:{ALT}"


FERRITIN = {"code": coded("2276-4"), "valueQuantity": quantity(620, "ng/mL")}


def ferritin(**more: Any) -> dict[str, Any]:
    return member("f", ALT, 1) | FERRITIN | more


def test_context_in_a_report_is_read_as_results_in_it_are() -> None:
    platelets = member("p", "777-3", 150, valueQuantity=quantity(150, "10*9/L"))
    given = report(member("a", ALT, 61), platelets, ferritin())
    assert [each.analyte for each in results(given)] == [Analyte.ALT, Analyte.PLATELETS]
    (context,) = measurements(given)
    assert (context.what, context.value, context.day) == ("ferritin", Decimal(620), date(2024, 3, 1))
    assert (context.key.resource, context.key.sub_key) == ("DiagnosticReport/r1", "contained:f")
    assert measurements(report(ferritin())) == (context,)


def test_context_in_a_report_has_a_time_and_a_status_of_its_own_or_else_those_of_the_report() -> None:
    dated = ferritin(effectiveDateTime="2024-02-20", status=None)
    assert measurements(report(dated))[0].day == date(2024, 2, 20)
    assert measurements(report(dated, status="preliminary")) == ()
    assert measurements(report(ferritin(status="registered"))) == ()


def test_the_components_of_a_contained_panel_of_context_are_read_and_those_that_recur_told_apart() -> None:
    panel = member("p", "24325-3", 1, valueQuantity=None, component=[FERRITIN, FERRITIN])
    assert [each.key.sub_key for each in measurements(report(panel))] == [
        "contained:p/component:ferritin",
        "contained:p/component:ferritin#2",
    ]


def test_context_in_a_report_that_cannot_be_used_is_let_go_and_holds_nothing_up() -> None:
    strangers = ferritin(subject={"reference": "Patient/p2"})
    nameless = ferritin(id=None)
    for bad in (strangers, nameless):
        given = report(member("a", ALT, 61), bad)
        assert (len(results(given)), measurements(given)) == (1, ())
        assert [each[2] for each in problems(given)] == [False]


def test_context_beside_a_result_that_cannot_be_used_is_kept() -> None:
    bad = member("a", ALT, 61, valueQuantity=quantity(61, "furlong"))
    given = report(bad, ferritin())
    assert [each.what for each in measurements(given)] == ["ferritin"]
    assert problems(given) == [("unknown-unit", "DiagnosticReport.contained[0].valueQuantity.code", True)]


def test_a_report_says_what_it_contains_and_that_its_examination_was_done() -> None:
    given = report(ferritin(), code={"text": "Iron studies"})
    content = decoded(given).content
    assert isinstance(content, Observed)
    assert [each.what for each in content.measurements] == ["ferritin"]
    assert [(each.what, each.reference) for each in content.done] == [("iron-studies", "DiagnosticReport/r1")]


def test_a_report_that_only_refers_to_its_results_is_ignored() -> None:
    linking = report(result=[{"reference": "Observation/o1"}])
    assert decoded(linking).content == Ignored("other-type")
    assert decoded(linking | {"status": 3}).content == Ignored("unreadable-context")


def test_a_report_that_contains_no_liver_test_is_ignored() -> None:
    glucose = member("g", "2345-7", 5)
    assert decoded(report(glucose, {"resourceType": "Specimen", "id": "s"})).content == Ignored("other-code")


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
@pytest.mark.parametrize("contained", [[], [member("a", ALT, 61)]], ids=["empty", "full"])
def test_a_report_that_is_retracted_is_gone_whatever_is_left_of_it(
    status: str, contained: list[dict[str, Any]]
) -> None:
    assert decoded(report(*contained, status=status)).content == Deleted()
    assert decoded(report(*contained, status=status, issued=7)).content == Deleted()


@pytest.mark.parametrize(
    ("status", "preliminary"),
    [
        ("final", False),
        ("amended", False),
        ("corrected", False),
        ("appended", False),
        ("modified", False),
        ("preliminary", True),
        ("partial", True),
    ],
)
def test_a_result_without_a_status_has_that_of_its_report(status: str, preliminary: bool) -> None:
    given = member("a", ALT, 61, status=None)
    assert result(report(given, status=status)).preliminary is preliminary


@pytest.mark.parametrize("status", ["registered", "unknown"])
def test_a_result_does_not_count_on_the_word_of_a_report_that_has_none(status: str) -> None:
    assert decoded(report(member("a", ALT, 61, status=None), status=status)).content == Observed(())


def test_a_result_has_a_status_of_its_own() -> None:
    given = report(member("a", ALT, 61), member("b", AST, 40, status="entered-in-error"), status="partial")
    (only,) = results(given)
    assert (only.analyte, only.preliminary) == (Analyte.ALT, False)
    given = report(member("a", ALT, 61, status="preliminary"))
    assert result(given).preliminary


def test_a_result_was_taken_when_it_says_or_else_when_its_report_does() -> None:
    own = member("a", ALT, 61, effectiveDateTime="2024-02-20")
    assert result(report(own)).day == date(2024, 2, 20)
    issued = member("a", ALT, 61, issued="2024-03-05T08:00:00Z")
    assert (result(report(issued)).day, result(report(issued)).flags) == (date(2024, 3, 1), ())
    untimed = report(issued, effectiveDateTime=None)
    assert (result(untimed).day, result(untimed).flags) == (date(2024, 3, 5), ("issued-time",))
    period = {"start": "2024-03-01", "end": "2024-03-03"}
    given = report(member("a", ALT, 61), effectiveDateTime=None, effectivePeriod=period)
    assert result(given).day == date(2024, 3, 3)
    only_issued = report(member("a", ALT, 61), effectiveDateTime=None)
    assert (result(only_issued).day, result(only_issued).flags) == (date(2024, 3, 2), ("issued-time",))
    assert refused(report(member("a", ALT, 61), effectiveDateTime=None, issued=None)) == (
        "no-time",
        "DiagnosticReport.contained[0].effective",
    )


def test_a_result_of_someone_else_than_the_reports_is_a_problem() -> None:
    given = report(member("a", ALT, 61, subject={"reference": "Patient/p2"}), member("b", AST, 40))
    assert [each.analyte for each in results(given)] == [Analyte.AST]
    assert problems(given) == [("conflicting-patient", "DiagnosticReport.contained[0].subject", True)]


def test_what_is_wrong_is_named_by_its_place_in_the_report() -> None:
    bad = member("a", ALT, 61, valueQuantity=quantity(61, "furlong"))
    assert refused(report(bad)) == ("unknown-unit", "DiagnosticReport.contained[0].valueQuantity.code")
    assert problems(report(bad, member("b", AST, 40)))[0][1].startswith("DiagnosticReport.contained[0]")
    assert refused(report(member("a", ALT, 61), subject=None)) == ("no-patient", "DiagnosticReport.subject")
    assert refused(report(member("a", ALT, 61), id=None)) == ("no-id", "DiagnosticReport.id")
    assert refused(report(member("a", ALT, 61), issued=7)) == ("wrong-type", "DiagnosticReport.issued")


def test_a_report_about_something_else_than_a_patient_is_ignored() -> None:
    given = report(member("a", ALT, 61), subject={"reference": "Group/g1"})
    assert decoded(given).content == Ignored("other-subject")


def test_a_haemolysed_specimen_flags_the_results_it_disturbs() -> None:
    specimen = {"resourceType": "Specimen", "id": "s", "condition": [coded("HEM", system="v2-0493")]}
    of_it = {"specimen": {"reference": "#s"}}
    given = report(member("a", AST, 40, **of_it), member("b", AST, 41), specimen)
    assert [each.flags for each in results(given)] == [("haemolysed",), ()]
    whole = report(member("a", AST, 40), specimen, specimen=[{"reference": "#s"}])
    assert result(whole).flags == ("haemolysed",)
    two = report(member("a", AST, 40), specimen, specimen=[{"reference": "#s"}, {"reference": "#t"}])
    assert result(two).flags == ()
