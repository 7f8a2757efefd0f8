"""From what arrived to what was decided about it, in one transaction.

Read in this order: `receiving` (the transaction), `storing` (one source's share of it), `arrivals` (is it
new, which version is the latest), `reading` (what a version says), `keeping` (what is written), `people`
(what Patients say, and merges), `concluding` (who is judged, read by which rules), `judging` (assess,
reconcile, note), `sweeping` (what comes due by itself), `escalating` (what nobody takes), `agreement` (by
which rules).
"""

from service.ingest.agreement import check_agreement
from service.ingest.judging import Rules, judge
from service.ingest.receiving import Delivery, keep_for_later, receive, replay, take, take_each
from service.ingest.storing import LostRace, Receipt
from service.ingest.sweeping import Swept, behind, is_behind, judge_page, pages, rejudge, replay_held, sweep

__all__ = [
    "Delivery",
    "LostRace",
    "Receipt",
    "Rules",
    "Swept",
    "behind",
    "check_agreement",
    "is_behind",
    "judge",
    "judge_page",
    "keep_for_later",
    "pages",
    "receive",
    "rejudge",
    "replay",
    "replay_held",
    "sweep",
    "take",
    "take_each",
]
