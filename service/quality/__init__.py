"""For those who audit: the sealed audit log, recorded decisions made again, and `measures`."""

from service.quality.anchoring import Anchor, anchor_of, read_anchors
from service.quality.changing_over import ChangeOver
from service.quality.knowledge import Knowledge, known_on
from service.quality.replaying import AlertReplay, Replay, replay_alert, replay_all
from service.quality.sealing import Sealer
from service.quality.verifying import Verdict, verify

__all__ = [
    "AlertReplay",
    "Anchor",
    "ChangeOver",
    "Knowledge",
    "Replay",
    "Sealer",
    "Verdict",
    "anchor_of",
    "known_on",
    "read_anchors",
    "replay_alert",
    "replay_all",
    "verify",
]
