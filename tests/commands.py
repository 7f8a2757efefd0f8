"""Running `liverwatch` in this process, as somebody at a shell would."""

import json
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine, select

from service.cli import main
from service.store.schema import audit
from service.store.session import reading


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


Run = Callable[..., Ran]


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `liverwatch` with these arguments; what it does to the log ends with it."""

    def ran(*arguments: object) -> Ran:
        root = logging.getLogger()
        before = root.handlers, root.level
        try:
            with pytest.raises(SystemExit) as left:
                main([str(each) for each in arguments])
        finally:
            root.handlers, root.level = before
        captured = capsys.readouterr()
        return Ran(int(left.value.code or 0), captured.out, captured.err)

    return ran


def audited(engine: Engine) -> list[str]:
    """Every action in the audit log, in order."""
    with reading(engine) as connection:
        return list(connection.execute(select(audit.c.action).order_by(audit.c.id)).scalars())
