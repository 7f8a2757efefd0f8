"""Which alert of a patient a step stands on, where several ask for it: one order, not one for each alert."""

from collections.abc import Iterable, Sequence

from service.alerts.alert import Alert, State
from service.clinical.episodes import Episode, Step
from service.clinical.recommendations import (
    MEDICATION_REVIEW,
    OVERDUE_ON_DRUGS,
    VISITS,
    orderables,
    steps_of,
)

SILENT = frozenset({State.OVERRIDDEN, State.RESOLVED, State.ENTERED_IN_ERROR, State.MERGED})
"""States in which nothing is recommended any more."""


def allot(grounds: Sequence[tuple[int, Episode, State]]) -> list[frozenset[str]]:
    """The names of the steps that each of these alerts (patient, episode, state) advises.

    What several alerts of one patient ask for stands on the most urgent, then on the one where it is due
    first; on a dormant one, which nobody works on, only where no other asks for it. One that is silent takes
    nothing from the others, and keeps what it asks for, revoked.

    Where one asks for a review of drugs, none tells the prescriber of them for a test that is overdue.
    """
    advised = [
        {step.name for step in steps_of(episode)} if state in SILENT else set()
        for _, episode, state in grounds
    ]
    asked = [
        (state is State.DORMANT, subject, step, at, episode)
        for at, (subject, episode, state) in enumerate(grounds)
        if state not in SILENT
        for step in steps_of(episode)
    ]
    asked.sort(key=lambda one: (one[0], -one[2].priority, one[2].due, one[4].onset, one[4].family))
    taken: set[tuple[int, str]] = set()
    for _, subject, step, at, _ in asked:
        order = (subject, _order(step))
        if order not in taken:
            taken.add(order)
            advised[at].add(step.name)
    for at, (subject, _, state) in enumerate(grounds):
        if state not in SILENT and (subject, MEDICATION_REVIEW) in taken:
            advised[at].discard(OVERDUE_ON_DRUGS)
    return [frozenset(names) for names in advised]


def standing_with(alert: Alert, others: Iterable[Alert]) -> list[Alert]:
    """The alerts among `others`, of the same patient, on which steps stand that `alert` asks for as well."""
    if alert.state in SILENT:
        return []
    elsewhere = {_order(step) for step in steps_of(alert.episode) if step.name not in alert.advised}
    return [
        other
        for other in others
        if other.id != alert.id
        and other.subject == alert.subject
        and other.state not in SILENT
        and any(_order(step) in elsewhere for step in other.steps)
    ]


def _order(step: Step) -> str:
    """What is ordered: steps of the same code are one order, whatever their occasion, and so are visits."""
    if step.name in VISITS:
        return "visit"
    coding = orderables()[step.name].coding
    return step.name if coding is None else f"{coding.system}|{coding.code}"
