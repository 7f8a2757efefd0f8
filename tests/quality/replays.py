"""Every decision on record, made again."""

from sqlalchemy import Engine

from service.quality import Replay, replay_all


def assert_every_decision_replays_identical(engine: Engine) -> int:
    """How many decisions there are."""
    made = list(replay_all(engine))
    differing = [each for each in made if not each.identical]
    assert not differing, [(each.recorded, each.differences, each.damage) for each in differing]
    return len(made)


def only(made: list[Replay]) -> Replay:
    """The one that is not identical."""
    (found,) = (each for each in made if not each.identical)
    return found
