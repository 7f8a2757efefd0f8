"""How this service reaches an EHR: by what it is known there, and when a server is left alone for a while."""

from service.ehr.connections import Connections
from service.ehr.patience import Patience

__all__ = ["Connections", "Patience"]
