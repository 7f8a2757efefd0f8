"""Which alert carries which episode, and what moved between alerts on the way.

Source: design.md, Law "Identity".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.alerts.alert import Alert, State
from service.alerts.identity import home
from service.clinical.episodes import Episode

GONE = frozenset({State.MERGED, State.ENTERED_IN_ERROR})
"""States of alerts that carry no episode."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Alerts against episodes; an episode is named by its position in the sequence given to `place`."""

    keepers: Mapping[int, Alert]
    """The alert, as it was, that carries each alerting episode; episodes missing here need a new one."""
    absorbed: Sequence[tuple[Alert, int]]
    """Live alerts that merge into the keeper of that episode."""
    withdrawn: Sequence[tuple[Alert, int | None]]
    """Live alerts that carry nothing any more, with the episode they belong to, if any."""
    in_play: Sequence[Alert]
    """Every alert that was live, or is reinstated: what evidence and dispositions can have moved from."""
    giving: frozenset[UUID]
    """Identifiers of alerts whose evidence went partly to another episode than their own."""
    receiving: frozenset[int]
    """Episodes that evidence came to from an alert that is not their own."""


def alerting(episode: Episode) -> bool:
    """Whether the episode raises an alert.

    Raises:
        ValueError: it does, but has no evidence an alert could be recognised by.
    """
    if episode.alerts_from is None or episode.tier is None:
        return False
    if not episode.evidence:
        raise ValueError("an episode that raises an alert has no evidence")
    return True


def _age(alert: Alert) -> tuple[datetime, UUID]:
    """What the oldest of several is decided by."""
    return (alert.created, alert.id)


def place(known: Sequence[Alert], episodes: Sequence[Episode]) -> Placement:
    """Give every live alert its episode, then each alerting episode without one a withdrawn alert that fits.

    A live alert always wins over a withdrawn one. A merged alert is never considered: where its old evidence
    becomes an episode of its own again, that episode is new.
    """
    keepers: dict[int, Alert] = {}
    absorbed: list[tuple[Alert, int]] = []
    withdrawn: list[tuple[Alert, int | None]] = []
    live = sorted((alert for alert in known if alert.state not in GONE), key=_age)
    for alert in live:
        at = home(alert.family, alert.episode.evidence, episodes)
        if at is None or not alerting(episodes[at]):
            withdrawn.append((alert, at))
        elif at in keepers:
            absorbed.append((alert, at))
        else:
            keepers[at] = alert
    revived = _revivals(known, episodes, keepers)
    keepers.update(revived)
    in_play = (*live, *revived.values())
    moves = [move for alert in in_play for move in _moves(alert, episodes, keepers)]
    return Placement(
        keepers,
        absorbed,
        withdrawn,
        in_play,
        frozenset(alert.id for alert, _ in moves),
        frozenset(at for _, at in moves),
    )


def _revivals(
    known: Sequence[Alert], episodes: Sequence[Episode], taken: Mapping[int, Alert]
) -> dict[int, Alert]:
    """For alerting episodes without a live alert: the withdrawn one belonging there.

    The one sharing most evidence; of equal shares, the oldest.
    """
    best: dict[int, tuple[int, Alert]] = {}
    for alert in sorted((a for a in known if a.state is State.ENTERED_IN_ERROR), key=_age):
        at = home(alert.family, alert.episode.evidence, episodes)
        if at is None or at in taken or not alerting(episodes[at]):
            continue
        shared = len(alert.episode.evidence & episodes[at].evidence)
        if at not in best or shared > best[at][0]:
            best[at] = (shared, alert)
    return {at: alert for at, (_, alert) in best.items()}


def _moves(
    alert: Alert, episodes: Sequence[Episode], keepers: Mapping[int, Alert]
) -> Iterator[tuple[Alert, int]]:
    """The episodes, other than its own, that got evidence of this alert they did not have before."""
    had = alert.episode.evidence
    own = home(alert.family, had, episodes)
    if own is None or had <= episodes[own].evidence:
        return
    left = had - episodes[own].evidence
    for at, episode in enumerate(episodes):
        if episode.family is not alert.family:
            continue
        keeper = keepers.get(at)
        moved = left & episode.evidence
        if moved - (keeper.episode.evidence if keeper else frozenset()):
            yield alert, at
