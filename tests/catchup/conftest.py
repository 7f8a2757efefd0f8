"""A clinic whose EHR can be asked."""

import pytest
from sqlalchemy import Engine

from service.catchup import ask
from tests.catchup.ehr import Clinic


@pytest.fixture
def clinic(engine: Engine) -> Clinic:
    return Clinic(engine)


@pytest.fixture
def quiet(clinic: Clinic) -> Clinic:
    """Asked a moment ago: only what is pointed at is due."""
    ask(clinic.asker())
    clinic.ehr.asked.clear()
    return clinic
