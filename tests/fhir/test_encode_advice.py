"""What advice says in FHIR: to the prescriber in English, to the patient in a language of theirs."""

from dataclasses import replace
from itertools import chain, combinations
from typing import Any

import pytest

from service.alerts.alert import Alert, State
from service.clinical.advice import paragraphs
from service.clinical.causes.cause import Cause, CauseName, Evidence
from service.clinical.recommendations import Audience, orderables
from service.fhir.encode import Addresses
from service.fhir.encode_requests import encode_requests, request_statuses
from service.fhir.outgoing import validate_outgoing
from service.languages import words_in
from tests.fhir.alert_examples import ALERT_ID, advising, alert, episode, urgent, went_on

TO = Addresses(
    patient="Patient/p1",
    issue=f"urn:uuid:{ALERT_ID}",
    author="Device/d1",
    source="clinic",
    public_url="https://watch.clinic.test/",
)
ADVICE = [name for name, order in orderables().items() if order.audience is not Audience.CLINICIAN]


def advice_of(given: Alert, language: str = "en") -> dict[str, dict[str, Any]]:
    made = encode_requests(given, TO, words_in(language))
    for request in made.values():
        validate_outgoing(request)
    return made


def message(request: dict[str, Any]) -> str:
    text: str = request["payload"][0]["contentString"]
    return text


def test_education_is_a_request_to_tell_the_patient_by_the_day_it_is_due() -> None:
    education = advice_of(advising(alert(), "patient-education"))["patient-education"]
    assert education["resourceType"] == "CommunicationRequest"
    assert education["identifier"][0]["value"] == f"{ALERT_ID}:patient-education"
    assert (education["status"], education["priority"]) == ("active", "routine")
    assert education["category"][0] == {"text": "Advice to the patient"}
    assert education["category"][1]["coding"][0]["code"] == "patient-education"
    assert education["subject"] == {"reference": "Patient/p1"}
    assert education["recipient"] == [{"reference": "Patient/p1"}]
    assert education["about"] == [{"reference": f"urn:uuid:{ALERT_ID}"}]
    assert education["requester"] == {"reference": "Device/d1"}
    assert education["reasonReference"][0] == {"reference": "Observation/alt-1"}
    assert education["occurrenceDateTime"] == "2024-11-12"
    assert education["language"] == "en"
    assert not {"intent", "code"} & education.keys()


def test_education_names_the_day_of_the_recheck() -> None:
    given = advising(alert(), "patient-education")
    for language, day in (("en", "by November 12, 2024"), ("zh-CN", "2024年11月12日")):
        education = advice_of(given, language)["patient-education"]
        assert day in message(education)
        assert day in education["text"]["div"]
        assert "{" not in message(education)


def test_a_patient_whose_alert_is_urgent_is_told_to_be_seen_first_of_all() -> None:
    calm, grave = (
        message(advice_of(advising(of, "patient-education"))["patient-education"])
        for of in (alert(), urgent())
    )
    assert grave.startswith("One of your results needs a doctor to see you without delay.")
    assert "without delay" not in calm


def test_where_no_test_is_due_no_day_is_named() -> None:
    given = advising(alert(), "patient-education")
    only = replace(given, advised=frozenset({"patient-education"}))
    text = message(advice_of(only)["patient-education"])
    assert "by November" not in text
    assert "each blood test" in text


def test_who_is_to_rest_is_not_told_to_exercise_whatever_else_is_advised() -> None:
    moving = ("Move on most days", "Start with walks and build up")
    others = [name for name in ADVICE if name != "rest-advice"]
    for names in chain.from_iterable(combinations(others, size) for size in range(len(others) + 1)):
        texts = [
            message(each)
            for each in advice_of(advising(alert(), "rest-advice", *names)).values()
            if each["resourceType"] == "CommunicationRequest"
        ]
        assert not any(said in text for said in moving for text in texts)
        if "patient-education" in names:
            assert any("For now, rest from hard exercise" in text for text in texts)
    usual = message(advice_of(advising(alert(), "patient-education"))["patient-education"])
    assert moving[0] in usual
    assert "For now, rest" not in usual


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_advice_to_the_prescriber_is_in_english_and_to_nobody_by_name(language: str) -> None:
    review = advice_of(advising(alert(), "medication-review"), language)["medication-review"]
    assert review["category"][0] == {"text": "Advice to the prescriber"}
    assert not {"recipient", "language"} & review.keys()
    assert "No urgent rule holds." in message(review)


def test_the_prescriber_is_asked_to_stop_a_drug_only_where_an_urgent_rule_holds() -> None:
    texts = [
        message(advice_of(advising(of, "medication-review"))["medication-review"])
        for of in (alert(), urgent())
    ]
    assert ["Stop today" in text for text in texts] == [False, True]
    assert ["No urgent rule holds" in text for text in texts] == [True, False]


@pytest.mark.parametrize("state", [State.RESOLVED, State.ENTERED_IN_ERROR, State.MERGED, State.OVERRIDDEN])
def test_advice_of_an_alert_that_is_over_is_revoked(state: State) -> None:
    given = replace(advising(alert(), *ADVICE), state=state)
    for request in advice_of(given, "zh-CN").values():
        assert request["status"] == "revoked"
        assert request["note"][-1] == {"text": "No longer advised by Liverwatch."}


def test_advice_no_longer_given_stays_as_what_it_was_revoked_and_bare() -> None:
    given = went_on(advising(alert(), "patient-education"), alert())
    past = advice_of(given, "zh-CN")["patient-education"]
    assert (past["resourceType"], past["status"]) == ("CommunicationRequest", "revoked")
    assert "不再建议" in past["text"]["div"]
    assert "关于您的肝功能检查" in past["text"]["div"]
    assert past["note"] == [{"text": "No longer advised by Liverwatch."}]
    assert not {"payload", "reasonReference", "occurrenceDateTime"} & past.keys()


def test_the_statuses_told_of_a_type_are_those_of_its_requests() -> None:
    given = went_on(advising(urgent(), *ADVICE), advising(alert(), "patient-education"))
    made = advice_of(given)
    for kind in ("ServiceRequest", "CommunicationRequest"):
        expected = {name: each["status"] for name, each in made.items() if each["resourceType"] == kind}
        assert request_statuses(given, kind) == expected
    assert set(request_statuses(given).values()) == {"active", "revoked"}


def test_what_a_step_says_is_said_to_whom_it_speaks() -> None:
    said = set()
    for order in orderables().values():
        assert bool(order.says) == (order.audience is not Audience.CLINICIAN)
        assert {paragraphs()[name].audience for name in order.says} <= {order.audience}
        said |= set(order.says)
    assert said == set(paragraphs())


def test_what_a_paragraph_depends_on_are_steps() -> None:
    for paragraph in paragraphs().values():
        assert paragraph.when | paragraph.unless <= orderables().keys()


def test_a_late_blood_test_is_called_late() -> None:
    late = replace(episode(), plan=replace(episode().plan, steps=()))
    step = replace(episode().plan.steps[-1], name="overdue-recheck")
    more = replace(step, name="recheck-education")
    of = replace(late, plan=replace(late.plan, steps=(step, more)))
    given = replace(alert(of), advised=frozenset({"overdue-recheck", "recheck-education"}))
    text = message(advice_of(given)["recheck-education"])
    assert "Your new blood test was due by November 12, 2024." in text
    assert "Please come for a new blood test by" not in text
    assert "One test alone cannot tell" in text


def test_a_late_blood_test_that_is_ordered_already_is_called_late_without_a_day() -> None:
    text = message(advice_of(advising(alert(), "recheck-education"))["recheck-education"])
    assert text.startswith("One of your liver tests was high, and we have no new result of it.")
    assert "was due by" not in text


CHILDS = ("guardian-education", "guardian-recheck-education")


@pytest.mark.parametrize("name", CHILDS)
def test_what_a_child_would_read_is_addressed_to_the_parent_or_guardian(name: str) -> None:
    request = advice_of(advising(alert(), name))[name]
    assert request["category"][0] == {"text": "Advice to the patient's parent or guardian"}
    # Who that is, the record does not say: the letter goes to the patient.
    assert request["recipient"] == [{"reference": "Patient/p1"}]
    assert "This letter is for the parent or guardian." in message(request)
    assert "这封信是写给家长或监护人的" in message(advice_of(advising(alert(), name), "zh-CN")[name])


def test_a_child_whose_alert_is_urgent_is_to_be_seen_first_of_all() -> None:
    text = message(advice_of(advising(urgent(), "guardian-education"))["guardian-education"])
    assert text.startswith("One of the results needs a doctor to see your child without delay.")


def test_what_speaks_to_the_parent_or_guardian_speaks_of_the_child_in_every_paragraph() -> None:
    for order in orderables().values():
        for name in order.says:
            assert ("child" in paragraphs()[name].text) is order.to_guardian, name


def test_what_a_site_says_in_its_own_words_is_said_so_and_only_in_that_language() -> None:
    texts = {"come-for-the-recheck": {"en": "Please call the liver clinic by {recheck}."}}
    given = advising(alert(), "repeat-hepatic-panel", "patient-education")
    to = replace(TO, texts=texts)
    in_english = message(encode_requests(given, to, words_in("en"))["patient-education"])
    assert "Please call the liver clinic by November 12, 2024." in in_english
    assert "Please come for a new blood test" not in in_english
    elsewhere = encode_requests(given, to, words_in("zh-CN"))["patient-education"]
    assert elsewhere == encode_requests(given, TO, words_in("zh-CN"))["patient-education"]


def test_the_prescriber_is_told_which_drugs_are_in_question_and_the_patient_is_not() -> None:
    given = advising(urgent(), "medication-review", "patient-education")
    grounds = Evidence("Isoniazid: begun 2024-01-02, still taken.", resources=("MedicationRequest/m1",))
    doubt = Evidence("Isoniazid: begun 2 days before the onset.")
    drug = Cause(CauseName.DRUG, speaks_for=(grounds,), speaks_against=(doubt,))
    plan = replace(given.episode.plan, causes=(drug,))
    made = advice_of(replace(given, episode=replace(given.episode, plan=plan)))
    told = message(made["medication-review"])
    assert "In question: Isoniazid: begun 2024-01-02, still taken." in told
    assert "What speaks against: Isoniazid: begun 2 days before the onset." in told
    assert "Isoniazid" not in str(made["patient-education"])


def test_a_drug_whose_times_do_not_fit_is_not_called_in_question() -> None:
    given = advising(urgent(), "medication-review")
    cause = Cause(CauseName.DRUG, speaks_against=(Evidence("Isoniazid: begun after the onset."),))
    plan = replace(given.episode.plan, causes=(cause,))
    made = advice_of(replace(given, episode=replace(given.episode, plan=plan)))
    assert "In question" not in message(made["medication-review"])
