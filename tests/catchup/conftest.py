"""A clinic whose EHR can be asked."""

import pytest
from sqlalchemy import Engine

from tests.catchup.ehr import Clinic


@pytest.fixture
def clinic(engine: Engine) -> Clinic:
    return Clinic(engine)
