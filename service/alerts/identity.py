"""Which episode an alert, or a decision, belongs to: the one it shares most evidence with.

Episodes of one family in one patient follow each other in time and share no elevated result of its analytes,
so an alert whose evidence is that of an episode belongs to that episode and to no other. For the family
`follow-up` that holds once what was missed is joined (`follow_up.py`). Source: design.md, Law "Identity".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from service.alerts.alert import Disposition
from service.clinical.episodes import Episode, Family
from service.clinical.results import ResultKey


@dataclass(frozen=True, slots=True)
class Attachment:
    """Every disposition, exactly once: with the episode it belongs to, or unattached."""

    by_episode: tuple[tuple[Disposition, ...], ...]
    """For each episode, in the order given, its dispositions in the order they were made."""
    unattached: tuple[Disposition, ...]
    """No result they were made on stands any more; they attach again when one comes back."""


def _seniority(episode: Episode) -> tuple[date, ResultKey]:
    """What the earliest of several is decided by, whatever order they are given in."""
    return (episode.onset, min(episode.evidence))


def home(family: Family, evidence: frozenset[ResultKey], episodes: Sequence[Episode]) -> int | None:
    """The position of the episode of that family sharing most of that evidence; None if none shares any.

    A tie goes to the earliest onset; of equal onsets, to the one with the smallest key, so that the order
    in which episodes are given never decides.
    """
    best: int | None = None
    most = 1
    for position, episode in enumerate(episodes):
        if episode.family is not family:
            continue
        shared = len(evidence & episode.evidence)
        if shared < most:
            continue
        if best is None or shared > most or _seniority(episode) < _seniority(episodes[best]):
            best, most = position, shared
    return best


def attach(dispositions: Iterable[Disposition], episodes: Sequence[Episode]) -> Attachment:
    """Give every disposition to the episode it shares most evidence with, alerting or not."""
    by_episode: list[list[Disposition]] = [[] for _ in episodes]
    unattached: list[Disposition] = []
    for disposition in sorted(dispositions, key=lambda made: (made.at, made.id)):
        position = home(disposition.family, disposition.evidence, episodes)
        (unattached if position is None else by_episode[position]).append(disposition)
    return Attachment(tuple(tuple(made) for made in by_episode), tuple(unattached))
