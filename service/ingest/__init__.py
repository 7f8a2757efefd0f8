"""From what arrived to what was decided about it, in one transaction.

Read in this order: `receiving` (the transaction), `storing` (one source's share of it), `arrivals` (is it
new, which version is the latest), `reading` (what a version says), `keeping` (what is written), `people`
(what Patients say, and merges), `concluding` (who is judged, read by which rules), `judging` (assess,
reconcile, note), `sweeping` (what comes due by itself), `escalating` (what nobody takes), `rules`, `in_force`
and `agreement` (by which rules).
"""

from service.ingest.agreement import check_agreement
from service.ingest.in_force import InForce, RulebookChanged, check_in_force, rules_in_force
from service.ingest.judging import judge
from service.ingest.rules import Rules
from service.ingest.receiving import Delivery, keep_for_later, receive, replay, take, take_each
from service.ingest.storing import LostRace, Receipt
from service.ingest.sweeping import Swept, behind, is_behind, judge_page, outdated, pages, rejudge
from service.ingest.sweeping import replay_held, sweep

__all__ = [
    "Delivery",
    "InForce",
    "LostRace",
    "Receipt",
    "RulebookChanged",
    "Rules",
    "Swept",
    "behind",
    "check_agreement",
    "check_in_force",
    "is_behind",
    "judge",
    "judge_page",
    "keep_for_later",
    "outdated",
    "pages",
    "receive",
    "rejudge",
    "replay",
    "replay_held",
    "rules_in_force",
    "sweep",
    "take",
    "take_each",
]
