"""Counting what the feed took, once it is committed and answered."""

from collections.abc import Sequence
from functools import cache

from prometheus_client import Counter, Histogram

from service.ingest import Delivery, Receipt
from service.metrics import feed_lag, outcomes, records_judged


@cache
def _of_outcome(outcome: str) -> Counter:
    # Looking a labelled counter up takes longer than counting.
    return outcomes.labels(outcome)


@cache
def _lag_of(source: str) -> Histogram:
    return feed_lag.labels(source)


def count_taken(deliveries: Sequence[Delivery], receipt: Receipt) -> None:
    """Count what became of deliveries that one transaction took, and how old they were."""
    for outcome, count in receipt.counts.items():
        _of_outcome(outcome).inc(count)
    records_judged.inc(len(receipt.patients))
    for delivery in deliveries:
        lag = _lag_of(delivery.source.name)
        for each in delivery.incoming:
            if each.last_updated is not None:  # clocks differ: a resource may seem to come before its time
                lag.observe(max(0.0, (delivery.received - each.last_updated).total_seconds()))
