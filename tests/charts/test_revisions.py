"""Corrected and retracted results are found again in the stored versions, on both databases."""

from sqlalchemy import Engine, select

from service.charts.revisions import older_results, revisions_of
from service.clinical.rulebook import load_rulebook
from service.store import histories, sources
from service.store.people import by_number
from service.store.schema import patient
from service.store.session import reading
from tests.test_sample_goldens import played


def told(engine: Engine) -> tuple[list[str], list[tuple[str, str]]]:
    """Corrected and retracted: ids of the former, ids and values of the latter."""
    with reading(engine) as connection:
        (number,) = connection.execute(select(patient.c.id)).scalars()
        rows = by_number(connection, [number])[number]
        names = {each.id: each.name for each in sources.every(connection)}
        record = histories.records(connection, {number: rows}, names)[number]
        found = revisions_of(
            connection, rows, record.results, older_results(connection, rows, load_rulebook())
        )
    corrected = sorted(key.observation_id for key in found.corrected)
    return corrected, [(each.key.observation_id, str(each.value)) for each in found.retracted]


def test_a_corrected_result_is_known_as_corrected(engine: Engine) -> None:
    played("worsening-on-statin", engine)
    assert told(engine) == (["worsening-on-statin-2025-06-10-alt"], [])


def test_a_result_entered_in_error_is_shown_as_it_stood(engine: Engine) -> None:
    played("retracted-result", engine)
    assert told(engine) == ([], [("retracted-result-2025-03-18-alt", "1284")])


def test_a_history_without_either_has_neither(engine: Engine) -> None:
    played("hys-law", engine)
    assert told(engine) == ([], [])
