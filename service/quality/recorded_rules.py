"""The rules that decisions name by digest, read from the store as they were written down."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from service.clinical.rulebook import Rulebook
from service.errors import Damaged, LiverwatchError
from service.store import decisions
from service.store.decisions import Decision
from service.store.rulebooks import stored_rulebook
from service.store.source_settings import SourceSettings, settings_from
from service.store.sources import Source


class RulesThen(NamedTuple):
    """What one source's record was read and judged by."""

    rulebook: Rulebook
    source: Source
    """With its settings as they were."""


@dataclass(slots=True)
class RecordedRules:
    """Reads each text once, however many decisions name it."""

    rulebooks: dict[str, Rulebook] = field(default_factory=dict)
    settings: dict[str, SourceSettings] = field(default_factory=dict)

    def of(self, connection: Connection, made: Decision, source: Source) -> RulesThen:
        """The rules that a decision on a record of `source` was made by.

        Raises:
            Damaged: a text is missing, is not what was written down, or is one this release cannot read.
        """
        if made.rulebook_digest not in self.rulebooks:
            self.rulebooks[made.rulebook_digest] = stored_rulebook(connection, made.rulebook_digest)
        if made.settings_digest not in self.settings:
            self.settings[made.settings_digest] = _settings(connection, made.settings_digest)
        was = replace(source, settings=self.settings[made.settings_digest])
        return RulesThen(self.rulebooks[made.rulebook_digest], was)


def _settings(connection: Connection, digest: str) -> SourceSettings:
    text = decisions.text_of(connection, digest)
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        raise Damaged(f"stored_text {digest} has been changed: its content has another SHA-256")
    try:
        return settings_from(msgspec.json.decode(text), f"stored_text {digest}")
    except (LiverwatchError, msgspec.MsgspecError):
        raise Damaged(f"stored_text {digest}: this release cannot read it as source settings") from None
