"""Telling subscribers what has changed, as a server of a style does: its words, its patience, its mishaps."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from service.simulated_ehr import rest_hooks
from service.simulated_ehr.encoding import encode
from service.simulated_ehr.mishaps import Ledger, Mishaps, Odds
from service.simulated_ehr.outgoing import Message, send
from service.simulated_ehr.records import Change, Records, Refusal
from service.simulated_ehr.styles import Style
from service.simulated_ehr.subscriptions import Subscriber, read
from service.simulated_ehr.topic_bundles import Event, Kind, Letterhead, bundle, now

TICK_SECONDS: Final = 0.25
HOLD_SECONDS: Final = 2.0
"""A notification held back goes out after this long even where none follows it."""
_FIRST_WAIT_SECONDS: Final = 0.25
_LONGEST_WAIT_SECONDS: Final = 8.0


@dataclass(slots=True)
class Line:
    """The state of one Subscription: what it was to hear of, and when it last heard anything."""

    mishaps: Mishaps[Event]
    events: list[Event] = field(default_factory=list)
    waiting: deque[Event] = field(default_factory=deque)
    last_sent: float = field(default_factory=time.monotonic)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class Notifier:
    """Tells every active Subscription, in the order of changes but for the mishaps asked for.

    Args:
        records: where Subscriptions are.
        head: style and address of the server.
        odds: what goes wrong how often.
        give_up_seconds: how long a notification is tried. HAPI gives up after about a minute.
    """

    def __init__(self, records: Records, head: Letterhead, odds: Odds, give_up_seconds: float) -> None:
        self.head, self.ledger = head, Ledger()
        self._records, self._odds, self._patience = records, odds, give_up_seconds
        self._lines: dict[str, Line] = {}

    @property
    def style(self) -> Style:
        """The kind of server."""
        return self.head.style

    def line(self, id_: str) -> Line:
        """The state of a Subscription."""
        if id_ not in self._lines:
            self._lines[id_] = Line(Mishaps(self._odds, self.ledger, _named))
        return self._lines[id_]

    async def tell(self, changes: Sequence[Change]) -> list[int]:
        """Tell of changes; a Subscription among them that is requested is activated first.

        Returns:
            The HTTP status of each last try; 0 where there was no answer.
        """
        concerned: dict[str, Subscriber] = {}
        for change in changes:
            if change.kind != "Subscription":
                concerned |= {each.id: each for each in self._note(change)}
        for change in changes:
            if change.kind == "Subscription":
                await self._activate(change)
        return [answer for each in concerned.values() for answer in await self._work_off(each)]

    def _note(self, change: Change) -> list[Subscriber]:
        """Count an event for all it concerns, whether it gets there or not: a gap is how they know of it."""
        concerned = [
            each
            for each in self._subscribers("active", "error")
            if each.wants(change.interaction, change.content)
        ]
        for subscriber in concerned:
            line = self.line(subscriber.id)
            event = Event(len(line.events) + 1, change, now())
            line.events.append(event)
            line.waiting.append(event)
        return concerned

    async def tick(self) -> None:
        """Send the heartbeats that are due and what was held back for too long."""
        for subscriber in self._subscribers("active"):
            line = self.line(subscriber.id)
            silent = time.monotonic() - line.last_sent
            if silent >= HOLD_SECONDS:
                async with line.busy:
                    for each in line.mishaps.release():
                        await self._deliver(subscriber, each)
            beat = subscriber.heartbeat_seconds
            if self.style.has_topics and beat is not None and silent >= beat:
                await self._send_state(subscriber, "heartbeat")

    def close(self) -> None:
        """It is over: what still waits has not been sent, and is told as given up."""
        for line in self._lines.values():
            unsent = [*line.mishaps.release(), *line.waiting]
            self.ledger.given_up += [_named(each) for each in unsent]

    def _subscribers(self, *statuses: str) -> list[Subscriber]:
        subscribers = []
        for each in self._records.every("Subscription"):
            if each.get("status") in statuses:
                try:
                    subscribers.append(read(each, self.style))
                except Refusal:  # came in from files, unchecked
                    self._set_status(str(each["id"]), "error")
        return subscribers

    async def _activate(self, change: Change) -> None:
        """HAPI activates at once; with topics a handshake must be answered; Medplum leaves it requested."""
        asked = change.content.get("status") == "requested" and change.version.resource is not None
        if not asked or self.style.name == "medplum":
            return
        try:
            subscriber = read(change.content, self.style)
        except Refusal:  # came in by a transaction, unchecked
            self._set_status(change.id, "error")
            return
        done = not self.style.has_topics or 200 <= await self._send_state(subscriber, "handshake") < 300
        self._set_status(change.id, "active" if done else "error")

    def _set_status(self, id_: str, status: str) -> None:
        version = self._records.current("Subscription", id_)
        if version is not None and version.resource is not None:
            self._records.put({**version.resource, "status": status})

    async def _send_state(self, subscriber: Subscriber, kind: Kind) -> int:
        line = self.line(subscriber.id)
        line.last_sent = time.monotonic()
        content = bundle(self.head, subscriber, kind, len(line.events))
        return await send(subscriber.endpoint, subscriber.headers, Message("POST", "", encode(content), {}))

    async def _work_off(self, subscriber: Subscriber) -> list[int]:
        """Send what waits, in order; what a Subscription in error missed is left to `$events`."""
        line = self.line(subscriber.id)
        answers = []
        async with line.busy:
            while line.waiting:
                event = line.waiting.popleft()
                if self._is_active(subscriber.id):
                    answers += [await self._deliver(subscriber, each) for each in line.mishaps.pass_on(event)]
        return answers

    def _is_active(self, id_: str) -> bool:
        version = self._records.current("Subscription", id_)
        return version is not None and (version.resource or {}).get("status") == "active"

    async def _deliver(self, subscriber: Subscriber, event: Event) -> int:
        """Try until it is taken, or patience runs out."""
        message = self._worded(subscriber, event)
        deadline, wait = time.monotonic() + self._patience, _FIRST_WAIT_SECONDS
        while True:
            try:
                answer = await send(subscriber.endpoint, subscriber.headers, message)
            except asyncio.CancelledError:  # it ends meanwhile
                self.ledger.given_up.append(_named(event))
                raise
            self.ledger.counts[f"{answer // 100}xx" if answer else "none"] += 1
            self.line(subscriber.id).last_sent = time.monotonic()
            if 200 <= answer < 300:
                return answer
            if time.monotonic() + wait > deadline or self._is_overtaken(event):
                break
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        self.ledger.given_up.append(_named(event))
        if self.style.has_topics:  # HAPI and Medplum leave it active
            self._set_status(subscriber.id, "error")
        return answer

    def _worded(self, subscriber: Subscriber, event: Event) -> Message:
        if self.style.name == "hapi":
            return rest_hooks.hapi(subscriber, event.change)
        if self.style.name == "medplum":
            return rest_hooks.medplum(subscriber, event.change)
        count = len(self.line(subscriber.id).events)
        content = bundle(self.head, subscriber, "event-notification", count, [event])
        return Message("POST", "", encode(content), {})

    def _is_overtaken(self, event: Event) -> bool:
        """Medplum never sends a version again once there is a newer one."""
        current = self._records.current(event.change.kind, event.change.id)
        return self.style.name == "medplum" and current is not event.change.version


def _named(event: Event) -> str:
    change = event.change
    return f"{change.kind}/{change.id} version {change.version.number}"
