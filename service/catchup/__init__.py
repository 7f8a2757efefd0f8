"""Asking the EHR for what its feed did not bring: what was missed, what is pointed at, and the past.

Read in this order: `running` (a thread for each source), `turns` (one round with one source), `asker` (how
what is found is taken in), `fetching` (what a notification pointed at), `polling` (what changed), `comparing`
(what is gone), `past` (a patient's history when first seen), `subscribing` (the Subscriptions that are kept),
`gaps` (what their notifications passed over).
"""

from service.catchup.asker import Asker
from service.catchup.running import CatchUp
from service.catchup.subscribing import connect, disconnect, look_after
from service.catchup.turns import Asked, ask, ask_since

__all__ = ["Asked", "Asker", "CatchUp", "ask", "ask_since", "connect", "disconnect", "look_after"]
