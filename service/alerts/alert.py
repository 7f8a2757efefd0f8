"""An alert, and a person's decision about it: the types. What follows from what stands in `states`."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from service.clinical.episodes import Episode, Family, Step, Tier
from service.clinical.recommendations import steps_of
from service.clinical.results import ResultKey


class State(StrEnum):
    """Where an alert stands. MERGED and ENTERED_IN_ERROR stand for alerts whose episode is gone."""

    OPEN = "open"
    TAKEN = "taken"
    SNOOZED = "snoozed"
    MONITORING = "monitoring"
    """Known cause and stable, with a monitoring date."""
    ESCALATED = "escalated"
    REFERRED = "referred"
    OVERRIDDEN = "overridden"
    RESOLVED = "resolved"
    DORMANT = "dormant"
    """Lost to follow-up: off the worklist until the next result."""
    ENTERED_IN_ERROR = "entered-in-error"
    MERGED = "merged"


class Action(StrEnum):
    """What a person may decide about an alert."""

    TAKE = "take"
    ASSIGN = "assign"
    """To give it to somebody else, who looks after it from then on."""
    SNOOZE = "snooze"
    KNOWN_CAUSE = "known-cause"
    ESCALATE = "escalate"
    REFER = "refer"
    OVERRIDE = "override"
    REOPEN = "reopen"


class OverrideReason(StrEnum):
    """The coded reasons an override needs."""

    ALREADY_MANAGED = "already-managed"
    NOT_CLINICALLY_RELEVANT = "not-clinically-relevant"
    WRONG_DATA = "wrong-data"
    END_OF_LIFE_CARE = "end-of-life-care"
    PATIENT_DECLINED = "patient-declined"
    DUPLICATE = "duplicate"
    OTHER = "other"


class RemarkKind(StrEnum):
    """What a person may say of an alert without deciding anything about it."""

    COMMENT = "comment"
    USEFUL = "useful"
    NOT_USEFUL = "not-useful"


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody said of an alert: it changes nothing of it, and is not written to the EHR."""

    id: UUID
    alert_id: UUID
    at: datetime
    by: str
    kind: RemarkKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Disposition:
    """A person's decision, tied to the evidence it was made on rather than to an alert's identifier."""

    id: UUID
    family: Family
    action: Action
    by: str
    at: datetime
    tier: Tier
    """The alert's tier when the decision was made: a higher one wakes a snooze or reopens an override."""
    evidence: frozenset[ResultKey]
    """The alert's evidence when the decision was made."""
    urgent: frozenset[str] = field(default=frozenset())
    """What made it urgent then (`states.urgent_criteria`): anything else that does wakes it likewise."""
    results: frozenset[ResultKey] = field(default=frozenset())
    """Every result of the episode at that time: a result outside it is "the next result"."""
    until: date | None = None
    """Snooze: the day it wakes. Known cause: the monitoring date."""
    until_next_result: bool = False
    reason: str | None = None
    note: str = ""
    to: str | None = None
    """Whom it was assigned to."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long an urgent alert has been waiting for somebody to take it, by the clock on the wall."""

    since: datetime
    """Since when it has been urgent and nobody has taken it."""
    latest: datetime
    """When it last went on to a contact; `since` while it has not."""
    overdue: bool = False
    """It has waited for longer than the site allows."""
    told: tuple[str, ...] = ()
    """The contacts it went on to, in that order; none where the source names nobody."""
    nobody_left: bool = False
    """Every contact there was has been told."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `id` is minted once.

    The content of a live alert is a function of its episode, the dispositions that belong to it and `as_of`;
    its steps also of the patient's other alerts.
    Only `id`, `created`, `revision`, `review_since`, `waiting`, `no_longer_advised`, and what is left of
    withdrawn and merged alerts, tell how it came about.
    """

    id: UUID
    subject: int
    """The patient (the store's own number)."""
    family: Family
    state: State
    tier: Tier
    created: datetime
    episode: Episode
    """The episode as last judged; the last known one where the alert was withdrawn or merged.

    In the family `follow-up`: all that is missing at the same time, joined (see `follow_up`).
    """
    owner: str | None = None
    seen: bool = False
    """A person has looked: any disposition stands on it."""
    wakes: date | None = None
    """The day a snooze or a monitoring period ends."""
    held: UUID | None = None
    """The decision that put it to sleep, while it sleeps."""
    review_since: datetime | None = None
    """Since when it needs review: a merge, a split or a change of patient moved evidence or decisions here.

    A disposition made later than this clears it. It tells how the alert came about, so it is neither content
    nor sent to the EHR.
    """
    waiting: Waiting | None = None
    """While it is urgent and nobody has taken it; neither content nor sent, like `review_since`."""
    dispositions: tuple[UUID, ...] = ()
    """The decisions that stand on it, in the order they were made: what its mitigation in the EHR tells."""
    advised: frozenset[str] = frozenset()
    """Names of the steps that it advises, as last judged.

    Those its episode asks for, but for what stands on another alert of the patient (see `advising`).
    """
    no_longer_advised: frozenset[str] = frozenset()
    """Names of the steps that it has advised at any time and does not now.

    What was once told to somebody is taken back, never forgotten: such a request stays readable, revoked, for
    ever. Which steps these are tells how the alert came about, as `review_since` does. Had the same results
    come in another order, others, or none, might stand here, and nobody acts on what is revoked: so it is not
    part of what promise 2 calls content, while `advised` is.
    """
    withdrawn: str | None = None
    """Why its grounds vanished (entered-in-error), in words."""
    merged_into: UUID | None = None
    revision: int = 1
    """Counts the changes of content: what the EHR should hold is this revision."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that it advises, the most urgent first."""
        return tuple(step for step in steps_of(self.episode) if step.name in self.advised)

    @property
    def ever_advised(self) -> frozenset[str]:
        """Names of all steps it advises now or did at any time."""
        return self.advised | self.no_longer_advised

    @property
    def needs_review(self) -> bool:
        """A merge, a split or a change of patient touched it, and nobody has decided about it since."""
        return self.review_since is not None
