"""What letters say of the samples, word for word as it was reviewed; and of things that have gone otherwise.

After a change that is meant, write the files anew and read what `git diff` shows:

    LIVERWATCH_WRITE_GOLDEN=1 pytest tests/letters/test_letters.py
"""

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from service.alerts.alert import Action
from service.clinical.catalogues.drugs import possibly_hepatotoxic
from service.clinical.causes.weighing import name_of
from service.clinical.rulebook import load_rulebook
from service.errors import Conflict
from service.ingest import Rules
from service.letters.case import Case, read_case
from service.letters.letter import Figure, Recipient
from service.letters.writing import write_letter
from service.review import dispose
from service.store.schema import alert
from service.store.session import open_engine, reading
from tests.clinical.test_readability import HIGHEST_GRADE, grade
from tests.letters.posting import LATER, case_of, standing, written
from tests.test_sample_goldens import VIGNETTES, WRITE, played

GOLDENS = Path(__file__).parent / "golden"
REVIEWED = ("hys-law", "persistent-mild-alt", "worsening-on-statin")
RULES = Rules(load_rulebook(), clock="data")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("vignette", REVIEWED)
def test_the_letters_of_the_samples_say_what_was_reviewed(
    vignette: str, language: str, sqlite_url: str
) -> None:
    engine = open_engine(sqlite_url, durable=False)
    case = case_of(vignette, engine)
    engine.dispose()
    for to in Recipient:
        said = written(case, to, language)
        file = GOLDENS / f"{vignette}.{to.value}.{language}.txt"
        if WRITE:
            file.parent.mkdir(exist_ok=True)
            file.write_text(said, encoding="utf-8")
        assert said == file.read_text(encoding="utf-8")


def test_a_letter_is_the_same_from_both_databases(engine: Engine) -> None:
    golden = GOLDENS / "worsening-on-statin.referral.en.txt"
    assert written(case_of("worsening-on-statin", engine), "referral") == golden.read_text(encoding="utf-8")


def test_a_referral_tells_of_the_decision_and_who_made_it(engine: Engine) -> None:
    case = case_of("persistent-mild-alt", engine)
    assert "Nobody has decided about it yet." in written(case, "referral")
    dispose(
        engine, case.alert.id, Action.REFER, by="nurse Adams", rules=RULES, now=LATER, note="second opinion"
    )
    said = written(standing(engine), "referral")
    assert "nurse Adams: Referred. second opinion" in said
    assert "It was referred." in said


def test_the_patient_is_not_written_to_about_an_alert_that_was_overridden(engine: Engine) -> None:
    case = case_of("persistent-mild-alt", engine)
    write_letter(case, Recipient.PATIENT, "en")
    dispose(
        *(engine, case.alert.id, Action.OVERRIDE),
        by="nurse Adams",
        rules=RULES,
        now=LATER,
        reason="already-managed",
    )
    with pytest.raises(Conflict, match="advises nothing to the patient"):
        write_letter(standing(engine), Recipient.PATIENT, "en")


def test_no_letter_is_written_about_an_alert_that_was_withdrawn(engine: Engine) -> None:
    played("retracted-result", engine)
    with reading(engine) as connection:
        assert connection.execute(select(alert.c.state)).scalar_one() == "entered-in-error"
    with pytest.raises(Conflict, match="withdrawn or merged"):
        standing(engine)


def test_a_patient_is_told_by_when_and_when_to_get_help_at_once(engine: Engine) -> None:
    said = written(case_of("hys-law", engine), "patient")
    assert "call your doctor or clinic today" in said
    assert re.search(r"Please come for a new blood test by \w+ \d+, 2025", said)
    assert "## When to get help at once\nGet help at once if" in said


def test_a_patient_is_not_told_the_same_thing_twice(engine: Engine) -> None:
    said = written(case_of("alcohol-fibrosis", engine), "patient")
    assert "drink no alcohol at all" in said
    assert "It is best to drink no alcohol until the cause is known" not in said


def test_what_a_patient_reads_is_at_grade_eight_at_most(engine: Engine) -> None:
    said = written(case_of("worsening-on-statin", engine), "patient")
    prose = [
        line
        for line in said.splitlines()
        if line and " | " not in line and not line.startswith("##") and ": " not in line[:40]
    ]
    assert len(prose) > 10
    assert grade("\n\n".join(prose)) <= HIGHEST_GRADE
    assert [line for line in prose if grade(line) > HIGHEST_GRADE and len(line) > 40] == []


LEFT_OVER = re.compile(r"(?<![A-Za-zµ])[A-Za-z][a-z]{2,}")
"""A word of three letters and more that is no abbreviation."""
NAMES = re.compile(r"LiverTox|Liverwatch <version>|Mann-Kendall|Wilson|Gilbert|\(samples\)|eDISH")
"""Names that are the same in Chinese."""


def own_words(case: Case) -> list[str]:
    """Names that stand in the record, and drugs as the catalogue names them; the longest first."""
    record = case.record
    drugs = [one for each in record.medications for one in possibly_hepatotoxic(each.codings, each.text)]
    named = [*map(name_of, record.conditions), *map(name_of, record.medications)]
    texts = [each.text for each in record.measurements if each.text]
    found = {case.person.name, *named, *texts, *(drug.ingredient for drug in drugs)}
    return sorted(found, key=len, reverse=True)


@pytest.mark.parametrize("vignette", VIGNETTES)
def test_a_chinese_letter_is_chinese_but_for_the_records_own_words(
    vignette: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.letters.referral.figure", lambda *_: Figure("", ""))
    engine = open_engine(sqlite_url, durable=False)
    played(vignette, engine)
    with reading(engine) as connection:
        found = connection.execute(select(alert.c.id).where(alert.c.state != "entered-in-error")).scalars()
        cases = [read_case(connection, number, RULES, LATER) for number in found.all()]
    engine.dispose()
    for case in cases:
        said = written(case, "referral", "zh-CN").replace(case.fhir_id, "")
        for word in own_words(case):
            said = re.sub(rf"(?<![\w-]){re.escape(word)}", "", said, flags=re.IGNORECASE)
        assert [line for line in said.splitlines() if LEFT_OVER.search(NAMES.sub("", line))] == []
