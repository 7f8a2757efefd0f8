"""The rulebook as FHIR R4: a PlanDefinition for each rule, an ActivityDefinition for each step, one Library.

Their canonical URLs are the same at every site; the version is that of the rulebook in use, a site's own too.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from service.clinical.advice import paragraphs
from service.clinical.catalogues.rules import Rule, rules
from service.clinical.recommendations import Orderable, orderables
from service.clinical.rulebook import Rulebook
from service.fhir import names
from service.fhir.encode import without_nothing
from service.fhir.encode_requests import KIND_FOR

Resource = dict[str, Any]

LIBRARY_ID = "rulebook"
_CONTEXT = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_PLAN_TYPE = "http://terminology.hl7.org/CodeSystem/plan-definition-type"
_LIBRARY_TYPE = "http://terminology.hl7.org/CodeSystem/library-type"
_PURPOSE = (
    "Supports professionals: it says what the record shows and what the source says, and proposes steps. "
    "It is not a diagnosis and gives no order."
)


@dataclass(frozen=True, slots=True)
class Publication:
    """Makes the definitions of one rulebook."""

    rulebook: Rulebook
    publisher: str
    public_url: str
    """Where the rule pages are."""

    def plan(self, rule: Rule) -> Resource:
        """The PlanDefinition of a rule."""
        page = f"{self.public_url.rstrip('/')}/rules/{rule.code}"
        cited = rule.citations_in(self.rulebook).items()
        return without_nothing(
            {
                "resourceType": "PlanDefinition",
                "id": rule.code,
                "url": names.canonical("PlanDefinition", rule.code),
                "identifier": [{"system": names.RULE, "value": rule.code}],
                **self.published(rule.code, rule.title),
                "type": {"coding": [{"system": _PLAN_TYPE, "code": "eca-rule"}]},
                "description": rule.words,
                "useContext": _use_context(rule),
                "purpose": _PURPOSE,
                "usage": _usage(rule),
                "relatedArtifact": [
                    {"type": "documentation", "display": "The rule in plain words", "url": page},
                    *({"type": "citation", "label": key, "citation": text} for key, text in cited),
                ],
                "library": [names.canonical("Library", LIBRARY_ID, self.rulebook.version)],
                "action": [self._action(orderables()[name]) for name in (*rule.orders, *rule.work_up)],
            }
        )

    def activity(self, order: Orderable) -> Resource:
        """The ActivityDefinition of a step."""
        coding = order.coding and without_nothing(
            {"system": order.coding.system, "code": order.coding.code, "display": order.display}
        )
        return without_nothing(
            {
                "resourceType": "ActivityDefinition",
                "id": order.name,
                "url": names.canonical("ActivityDefinition", order.name),
                "identifier": [{"system": names.STEP_CODE, "value": order.name}],
                **self.published(order.name, order.text),
                "description": "\n\n".join((order.text, *(paragraphs()[name].text for name in order.says))),
                "purpose": order.rationale,
                "usage": "A proposal for a professional to accept or not, never an order.",
                "relatedArtifact": [{"type": "citation", "citation": order.source}],
                "library": [names.canonical("Library", LIBRARY_ID, self.rulebook.version)],
                "kind": KIND_FOR[order.audience],
                "intent": "proposal",
                "code": without_nothing({"coding": [coding] if coding else [], "text": order.text}),
            }
        )

    def library(self) -> Resource:
        """The Library that holds the rulebook: complete, as decisions keep it under its digest."""
        book = self.rulebook
        text = book.text.encode()
        return without_nothing(
            {
                "resourceType": "Library",
                "id": LIBRARY_ID,
                "url": names.canonical("Library", LIBRARY_ID),
                "identifier": [{"system": names.RULEBOOK_DIGEST, "value": book.digest}],
                **self.published(LIBRARY_ID, f"Rulebook {book.version}"),
                "type": {"coding": [{"system": _LIBRARY_TYPE, "code": "logic-library"}]},
                "description": (
                    "Every threshold that records are judged by, with its citation and how well it was "
                    "checked: V read in the source, V2 in a secondary one, K to be confirmed by the site."
                ),
                "purpose": _PURPOSE,
                "usage": f"SHA-256 of the content, whatever its layout: {book.digest}.",
                "relatedArtifact": [
                    *(
                        {"type": "predecessor", "display": f"Rulebook {each.version}"}
                        for each in book.history[1:]
                    ),
                    *({"type": "citation", "label": k, "citation": v} for k, v in book.citations.items()),
                ],
                "content": [
                    {
                        "contentType": "application/toml",
                        "data": base64.b64encode(text).decode(),
                        "size": len(text),
                        "hash": base64.b64encode(hashlib.sha1(text, usedforsecurity=False).digest()).decode(),
                        "title": f"{book.version}.toml",
                    }
                ],
            }
        )

    def all_of(self, kind: str) -> list[Resource]:
        """Every definition of a kind, in a stable order."""
        if kind == "PlanDefinition":
            return [self.plan(rule) for rule in rules().values()]
        if kind == "ActivityDefinition":
            return [self.activity(order) for order in orderables().values()]
        return [self.library()]

    def published(self, name: str, title: str) -> Resource:
        """What every definition says of itself."""
        released = self.rulebook.released
        return {
            "version": self.rulebook.version,
            "name": "".join(part.capitalize() for part in name.split("-")),
            "title": title,
            "status": "active",
            "experimental": False,
            "date": released.isoformat() if released else None,
            "publisher": self.publisher,
        }

    def _action(self, order: Orderable) -> Resource:
        return {
            "title": order.text,
            "description": order.rationale,
            "definitionCanonical": names.canonical("ActivityDefinition", order.name, self.rulebook.version),
        }


def _use_context(rule: Rule) -> list[Resource]:
    return [
        {"code": {"system": _CONTEXT, "code": code}, "valueCodeableConcept": {"text": text}}
        for code, texts in (("user", rule.users), ("focus", rule.population))
        for text in texts
    ]


def _usage(rule: Rule) -> str:
    """Inputs, limits and known gaps, as markdown."""
    parts = (("Inputs", rule.inputs), ("Limits", rule.limits), ("Known gaps", rule.gaps))
    return "\n\n".join(f"{title}:\n" + "\n".join(f"- {each}" for each in texts) for title, texts in parts)
