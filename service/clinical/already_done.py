"""What the record shows done or ordered, so that nobody is asked to do it again."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from service.clinical.episodes import AlreadyDone
from service.clinical.months import add_months
from service.clinical.readings import Readings
from service.clinical.recommendations import orderables
from service.clinical.results import Progress

_EVER = date.min


class _Sign(NamedTuple):
    """The latest trace of one thing in the record."""

    day: date
    reference: str


class Shown:
    """Looks each thing up once: `examination:…`, `measurement:…` and `analyte:…`, as in orders.toml."""

    def __init__(self, readings: Readings) -> None:
        self._rules = readings.rulebook.rules
        latest: dict[tuple[str, bool], _Sign] = {}
        for what, sign, ordered in _signs(readings):
            known = latest.get((what, ordered))
            if known is None or sign > known:
                latest[what, ordered] = sign
        self._known: dict[str, list[tuple[_Sign, bool]]] = {}
        """What was done before what is but ordered."""
        for what, ordered in sorted(latest):
            self._known.setdefault(what, []).append((latest[what, ordered], ordered))

    def by(self, name: str, since: date) -> AlreadyDone | None:
        """How the record shows the step that is asked for since that day; None where it does not.

        It counts from the rulebook's interval before that day on, and whenever after it: what was done for an
        episode is not asked for again in it.
        """
        order = orderables()[name]
        oldest = self._oldest(order.done_within, since) if order.done_by else _EVER
        for alternative in order.done_by:
            signs = [self._latest(what, oldest) for what in alternative]
            found = [sign for sign in signs if sign is not None]
            if len(found) == len(signs):
                ordered = any(ordered for _, ordered in found)
                day = max(sign.day for sign, _ in found)
                return AlreadyDone(name, day, ordered, tuple(sign.reference for sign, _ in found))
        return None

    def _latest(self, what: str, oldest: date) -> tuple[_Sign, bool] | None:
        """The latest trace from `oldest` on, and whether it is but an order; what was done goes before."""
        return next((known for known in self._known.get(what, ()) if known[0].day >= oldest), None)

    def _oldest(self, within: str, since: date) -> date:
        if within == "ever":
            return _EVER
        if within == "since":
            return since
        if within == "window":
            return since - timedelta(days=self._rules.alert_policy.window_days)
        months: int = getattr(self._rules.recommendations.done_within_months, within)
        return add_months(since, -months)


def _signs(readings: Readings) -> Iterator[tuple[str, _Sign, bool]]:
    for examination in readings.record.done:
        sign = _Sign(examination.day, examination.reference)
        yield f"examination:{examination.what}", sign, examination.progress is Progress.ORDERED
    for measurement in readings.record.measurements:
        sign = _Sign(measurement.day, measurement.key.resource)
        yield f"measurement:{measurement.what}", sign, False
    for analyte, values in readings.values.items():
        yield f"analyte:{analyte.value}", _Sign(values[-1].day, values[-1].result.key.resource), False
