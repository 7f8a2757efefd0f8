"""For those who audit: the sealed audit log."""

from service.quality.anchoring import Anchor, anchor_of, read_anchors
from service.quality.sealing import Sealer
from service.quality.verifying import Verdict, verify

__all__ = ["Anchor", "Sealer", "Verdict", "anchor_of", "read_anchors", "verify"]
