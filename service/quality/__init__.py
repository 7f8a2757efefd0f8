"""For those who audit: the sealed audit log, and in `measures` the measures of quality teams."""

from service.quality.anchoring import Anchor, anchor_of, read_anchors
from service.quality.sealing import Sealer
from service.quality.verifying import Verdict, verify

__all__ = ["Anchor", "Sealer", "Verdict", "anchor_of", "read_anchors", "verify"]
