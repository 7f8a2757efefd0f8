"""Letters about the sample histories, as a database of their own holds them."""

from datetime import UTC, datetime

from sqlalchemy import Engine, select

from service.clinical.episodes import Family
from service.clinical.rulebook import load_rulebook
from service.ingest import Rules
from service.letters.case import Case, read_case
from service.letters.letter import Letter, Recipient
from service.letters.writing import write_letter
from service.store.schema import alert
from service.store.session import reading
from tests.test_sample_goldens import played

LATER = datetime(2026, 1, 1, tzinfo=UTC)


def case_of(vignette: str, engine: Engine, family: Family = Family.TRANSAMINASE) -> Case:
    """The alert of a family in a vignette, as of its newest result."""
    played(vignette, engine)
    return standing(engine, family)


def standing(engine: Engine, family: Family = Family.TRANSAMINASE) -> Case:
    """The alert of a family, as it stands."""
    with reading(engine) as connection:
        number = connection.execute(select(alert.c.id).where(alert.c.family == family.value)).scalar_one()
        return read_case(connection, number, Rules(load_rulebook(), clock="data"), LATER)


def text_of(letter: Letter) -> str:
    """What it says, without the version of the release."""
    from service.settings import code_version

    return "\n".join((*letter.lines(), "")).replace(code_version(), "<version>")


def written(case: Case, to: str, language: str = "en") -> str:
    """A letter as plain text."""
    return text_of(write_letter(case, Recipient(to), language))
