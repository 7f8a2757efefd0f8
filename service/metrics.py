"""What the service counts and measures, for Prometheus. A leaf: anything above the medicine may count.

Labels name sources, reasons, routes and statuses: never a patient, a resource's id or a value. Counters are
this process's; what stands in the database is asked of it at each scrape and is the same from every process.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

REGISTRY = CollectorRegistry(auto_describe=True)
"""Everything counted in this process."""

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)

http_requests = Counter(
    "liverwatch_http_requests",
    "Answers by method, route template and status",
    ["method", "route", "status"],
    registry=REGISTRY,
)
http_seconds = Histogram(
    "liverwatch_http_request_seconds",
    "Time from a request's head to the end of its answer",
    ["route"],
    buckets=_FAST,
    registry=REGISTRY,
)
outcomes = Counter(
    "liverwatch_resources",
    "What became of resources the feed took: stored, deleted, duplicate, older, ignored:<reason>, "
    "quarantined:<reason>",
    ["outcome"],
    registry=REGISTRY,
)
feed_lag = Histogram(
    "liverwatch_feed_lag_seconds",
    "From a resource's own meta.lastUpdated to its receipt by the feed",
    ["source"],
    buckets=_SLOW,
    registry=REGISTRY,
)
records_judged = Counter(
    "liverwatch_records_judged",
    "Records judged, or tried to be: because the feed changed them, or by the sweep",
    registry=REGISTRY,
)
judgements_failed = Counter(
    "liverwatch_judgements_failed",
    "Judgements that raised an error in the sweep, which tries again whatever failed before",
    registry=REGISTRY,
)
deliveries = Counter(
    "liverwatch_deliveries",
    "Attempts to write to an EHR: written, unchanged, postponed, buried, released (untried: the server is "
    "down), lost (to another sender)",
    ["source", "result"],
    registry=REGISTRY,
)
left_out = Counter(
    "liverwatch_left_out",
    "Deliveries that left out a resource type which the EHR does not offer, or has refused",
    ["source", "type"],
    registry=REGISTRY,
)
refused_resources = Counter(
    "liverwatch_refused_resources",
    "Resources of our own making that failed the last check and did not leave",
    registry=REGISTRY,
)


@dataclass(frozen=True, slots=True)
class FeedStanding:
    """How fresh what is known of one source is."""

    silent_seconds: float | None
    """Since its feed last brought anything; None: it never has."""
    caught_up_seconds: float | None
    """Since it was last asked with success; None: it never was."""
    stale: bool
    lost: int | None
    """Observations of the last day that it never brought and asking found; None: it brought nothing ever."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the database at the moment of a scrape."""

    quarantine: Mapping[str, int]
    """Held resources by reason."""
    alerts: Mapping[tuple[str, str], int]
    """Alerts by state and tier."""
    overdue: int
    """Urgent alerts that nobody has taken within the site's time."""
    unjudged: int
    """Records whose judgement is behind what was received, or due by a day that has come."""
    rejudging: bool
    """Some records were judged under an older rulebook or older source settings."""
    outbox_pending: int
    outbox_failing: int
    outbox_dead: int
    outbox_cancelled: int
    outbox_oldest_seconds: float
    """How long the oldest row that is due has waited; 0 where none is."""
    writer_alive: bool
    feeds: Mapping[str, FeedStanding]
    """By source."""


def exposition(standing: Standing) -> bytes:
    """Everything in Prometheus' text format."""
    asked = CollectorRegistry(auto_describe=False)
    asked.register(_Asked(standing))
    return generate_latest(REGISTRY) + generate_latest(asked)


CONTENT_TYPE = CONTENT_TYPE_LATEST


class _Asked(Collector):
    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges."""
        now = self._standing
        held = GaugeMetricFamily(
            "liverwatch_quarantine", "Resources held because they cannot be used", labels=["reason"]
        )
        for reason, count in sorted(now.quarantine.items()):
            held.add_metric([reason], count)
        yield held
        alerts = GaugeMetricFamily("liverwatch_alerts", "Alerts by state and tier", labels=["state", "tier"])
        for labels, count in sorted(now.alerts.items()):
            alerts.add_metric(labels, count)
        yield alerts
        yield from _of_feeds(now.feeds)
        for name, text, value in (
            (
                "unjudged_records",
                "Records whose judgement is behind what was received or what the date asks for",
                now.unjudged,
            ),
            ("urgent_overdue", "Urgent alerts that nobody has taken in time", now.overdue),
            ("rejudging", "1 while records are judged under older rules than those of now", now.rejudging),
            ("outbox_pending", "Alerts that an EHR should hold and does not yet", now.outbox_pending),
            ("outbox_failing", "Pending ones that have failed at least once", now.outbox_failing),
            (
                "outbox_dead",
                "Dead letters, until a person or a change revives them",
                now.outbox_dead,
            ),
            ("outbox_cancelled", "Ones that a person has stopped, until they change", now.outbox_cancelled),
            ("outbox_oldest_seconds", "How long the oldest due one has waited", now.outbox_oldest_seconds),
            (
                "writer_alive",
                "1 while the writer thread runs and the database answers",
                now.writer_alive,
            ),
        ):
            yield GaugeMetricFamily(f"liverwatch_{name}", text, value=float(value))


def _of_feeds(feeds: Mapping[str, FeedStanding]) -> Iterable[GaugeMetricFamily]:
    for name, text, values in (
        (
            "feed_silent_seconds",
            "Since the feed of a source last brought anything; none where it never has",
            {source: each.silent_seconds for source, each in feeds.items()},
        ),
        (
            "catch_up_age_seconds",
            "Since a source's server was last asked with success; none where it never was",
            {source: each.caught_up_seconds for source, each in feeds.items()},
        ),
        (
            "feed_stale",
            "1 while the feed of a source is silent for longer than its setting allows",
            {source: float(each.stale) for source, each in feeds.items()},
        ),
        (
            "feed_lost_last_day",
            "Observations of the last day that the feed of a source never brought and asking found",
            {source: each.lost for source, each in feeds.items()},
        ),
    ):
        family = GaugeMetricFamily(f"liverwatch_{name}", text, labels=["source"])
        for source, value in sorted(values.items()):
            if value is not None:
                family.add_metric([source], value)
        yield family
