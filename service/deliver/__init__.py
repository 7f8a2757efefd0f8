"""From the outbox to the EHR: each alert written exactly once, whatever the network does."""

from service.deliver.courier import Courier
from service.deliver.preview import left_out, preview
from service.deliver.sender import DeliveryReport
from service.deliver.sending import Terms

__all__ = ["Courier", "DeliveryReport", "Terms", "left_out", "preview"]
