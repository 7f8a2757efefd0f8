"""The card of each sample history's alerts, as it was reviewed; and what text becomes on a card.

After a change that is meant, write the files anew and read what `git diff` shows:

    LIVERWATCH_WRITE_GOLDEN=1 pytest tests/api/test_cds_cards.py
"""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid5

import pytest
from sqlalchemy import select

from service.api import alert_search
from service.api.cds_cards import LONGEST_SUMMARY, Table, markdown, summary
from service.api.presenting import surroundings_of
from service.store import sources
from service.store.schema import patient
from service.store.session import open_engine, reading
from tests.fhir.alert_examples import alert as an_alert
from tests.fhir.alert_examples import episode, finding
from tests.test_sample_goldens import NAMES, RULEBOOK, VIGNETTES, WRITE, played, pretty

GOLDENS = Path(__file__).parent / "cds_cards"


def made(vignette: str, url: str) -> list[dict[str, Any]]:
    """The cards of everybody in a vignette; each alert named as in the other goldens."""
    engine = open_engine(url, durable=False)
    try:
        played(vignette, engine)
        with reading(engine) as connection:
            scope = {each.id: each for each in sources.every(connection)}
            people = connection.execute(select(patient.c.id)).scalars().all()
            found = alert_search.of_people(connection, scope, people)
            around = surroundings_of(connection, found)
    finally:
        engine.dispose()
    named = [
        replace(each, alert=replace(each.alert, id=uuid5(NAMES, f"{vignette}/{each.alert.family}")))
        for each in found
    ]
    return Table("https://liverwatch.example", RULEBOOK.version).cards(named, around)


@pytest.mark.parametrize("vignette", VIGNETTES)
def test_the_cards_of_the_samples_are_what_was_reviewed(vignette: str, sqlite_url: str) -> None:
    cards = made(vignette, sqlite_url)
    file = GOLDENS / f"{vignette}.json"
    if WRITE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(pretty({"cards": cards}), encoding="utf-8")
    assert pretty({"cards": cards}) == file.read_text(encoding="utf-8")
    assert all(len(each["summary"]) < 140 for each in cards)


def test_a_long_headline_is_cut_to_what_a_summary_may_have() -> None:
    many = episode(*(finding(reason="persistent") for _ in range(3)))
    alert = replace(an_alert(), episode=many)
    assert len(summary(alert)) <= LONGEST_SUMMARY
    assert "82.5" in summary(alert)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ALT 82.5 U/L, 2.5 × the upper limit", "ALT 82.5 U/L, 2.5 × the upper limit"),
        ("[x](https://bad.test)", r"\[x\](https\://bad.test)"),
        ("see www.bad.test", r"see www\.bad.test"),
        ("<b>*a*</b> & `b`", r"\<b\>\*a\*\</b\> \& \`b\`"),
        ("one\n\n# two", r"one \# two"),
    ],
)
def test_text_from_a_record_makes_no_markup_and_no_link(text: str, shown: str) -> None:
    assert markdown(text) == shown
