"""SMART App Launch: the EHR of a source opens the page of the patient whose record is open there."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.dashboard.access import Role
from service.errors import ConfigurationError
from service.store import source_settings, sources, users
from service.store.session import reading, writing
from service.store.source_settings import SourceSettings
from tests.dashboard.front_desk import PUBLIC_URL, Browser, FrontDesk
from tests.dashboard.identity_provider import CLIENT, IdentityProvider, providing

OPENED = {"patient": "p1"}


@pytest.fixture
def ehr(desk: FrontDesk) -> Iterator[IdentityProvider]:
    """The EHR of the source `clinic`; its FHIR base URL is where it signs people in too."""
    with providing(f"{PUBLIC_URL}/sign-in/answer") as ehr:
        ehr.secret, ehr.more = None, dict(OPENED)
        settle(desk, fhir_base_url=ehr.issuer, launch_client_id=CLIENT, launch_role="nurse")
        yield ehr


def settle(desk: FrontDesk, **settings: Any) -> None:
    with writing(desk.engine) as connection:
        before = sources.by_name(connection, "clinic").settings
        sources.change(connection, "clinic", msgspec.structs.replace(before, **settings))


def opened(browser: Browser, ehr: IdentityProvider) -> Any:
    """What the browser gets in the end."""
    sent = browser.get("/launch", params={"iss": ehr.issuer, "launch": "window-7"})
    assert sent.status_code == 303
    return browser.get(ehr.answers(sent.headers["location"]), headers={"sec-fetch-site": "cross-site"})


def test_the_page_of_the_patient_opens_for_the_person_who_works_in_the_ehr(
    desk: FrontDesk, ehr: IdentityProvider
) -> None:
    _, patient = desk.patient()
    browser = desk.browser()
    answer = opened(browser, ehr)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/patients/{patient}")
    assert "Ann Adams sees clinic<" in browser.get("/probe").text
    assert browser.get("/probe/nurses").status_code == 200
    (asked,) = ehr.asked
    assert (asked["aud"], asked["launch"], asked["scope"]) == (
        ehr.issuer,
        "window-7",
        "launch openid fhirUser",
    )
    assert [(action, detail) for _, action, detail in desk.audited()] == [("sign-in", {"how": "launch"})]


def test_a_client_with_a_secret_proves_itself(desk: FrontDesk, ehr: IdentityProvider, tmp_path: Path) -> None:
    desk.patient()
    file = tmp_path / "secret"
    file.write_text("between us + two\n", encoding="utf-8")
    settle(desk, launch_client_secret_file=str(file))
    ehr.secret = "between us + two"
    assert opened(desk.browser(), ehr).status_code == 303
    ehr.secret = "another"
    assert opened(desk.browser(), ehr).status_code == 503


@pytest.mark.parametrize("said", ["p2", "", None, 7, "../p1"])
def test_of_a_patient_of_whom_nothing_came_the_page_says_so(
    desk: FrontDesk, ehr: IdentityProvider, said: object
) -> None:
    desk.patient("p1")
    desk.patient("p2", source="annex")  # another hospital's patient of the same id
    ehr.more = {"patient": said}
    browser = desk.browser()
    answer = opened(browser, ehr)
    assert answer.headers["location"] == "/launch/no-record"
    assert "has no record of this patient" in browser.get("/launch/no-record").text


def test_who_has_no_role_here_is_told_whom_to_ask_and_by_which_name(
    desk: FrontDesk, ehr: IdentityProvider
) -> None:
    settle(desk, launch_role=None)
    browser = desk.browser()
    refused = opened(browser, ehr)
    with reading(desk.engine) as connection:
        (account,) = users.every(connection)
    assert (refused.status_code, account.id in refused.text) == (403, True)
    assert browser.get("/probe").status_code == 303
    with writing(desk.engine) as connection:
        users.change(connection, replace(account, roles=frozenset({Role.PHYSICIAN})))
    desk.patient()
    assert opened(browser, ehr).status_code == 303
    assert browser.get("/probe/nurses").status_code == 200


def test_what_an_administrator_changed_stays_when_the_person_comes_again(
    desk: FrontDesk, ehr: IdentityProvider
) -> None:
    browser = desk.browser()
    opened(browser, ehr)
    with writing(desk.engine) as connection:
        (account,) = users.every(connection)
        changed = replace(account, roles=frozenset({Role.AUDITOR}), sources=frozenset({"annex"}))
        users.change(connection, changed)
    opened(browser, ehr)
    assert "sees annex<" in browser.get("/probe").text
    assert browser.get("/probe/nurses").status_code == 403


def test_an_ehr_that_calls_itself_by_the_name_of_another_does_not_get_its_people(
    desk: FrontDesk, ehr: IdentityProvider
) -> None:
    with writing(desk.engine) as connection:
        person = users.Person("https://idp.clinic.test", "u-4711", "Ann Adams")
        users.vouched_for(connection, person, datetime.now(UTC), roles=[Role.ADMIN], names=["annex"])
    ehr.configuration = {"issuer": "https://idp.clinic.test"}
    ehr.claims = {"iss": "https://idp.clinic.test"}
    browser = desk.browser()
    sent = browser.get("/launch", params={"iss": ehr.issuer, "launch": "window-7"})
    back = ehr.answers(sent.headers["location"]).partition("&iss=")[0]
    assert browser.get(back).status_code == 303
    assert "sees clinic<" in browser.get("/probe").text
    with reading(desk.engine) as connection:
        assert len(users.every(connection)) == 2


@pytest.mark.parametrize("issuer", ["", "https://somebody.else.test", "http://127.0.0.1"])
def test_an_ehr_that_is_no_source_is_not_asked(desk: FrontDesk, ehr: IdentityProvider, issuer: str) -> None:
    refused = desk.browser().get("/launch", params={"iss": issuer, "launch": "window-7"})
    assert refused.status_code == 403
    assert ehr.asked == []
    assert desk.browser().get("/launch", params={"iss": ehr.issuer}).status_code == 403
    settle(desk, launch_client_id=None)
    again = desk.browser().get("/launch", params={"iss": ehr.issuer, "launch": "window-7"})
    assert again.status_code == 403


@pytest.mark.parametrize(
    "configuration",
    [
        {"token_endpoint": "https://elsewhere.test/token"},
        {"jwks_uri": "https://elsewhere.test/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"issuer": None},
        {"jwks_uri": None},
    ],
)
def test_no_other_host_is_asked_because_the_configuration_names_it(
    desk: FrontDesk, ehr: IdentityProvider, configuration: dict[str, Any]
) -> None:
    ehr.configuration = configuration
    refused = desk.browser().get("/launch", params={"iss": ehr.issuer, "launch": "window-7"})
    assert refused.status_code == 503
    assert "elsewhere.test" not in refused.text


@pytest.mark.parametrize("claims", [{"nonce": "of another"}, {"aud": "another"}, {"iss": "https://x.test"}])
def test_a_token_that_is_not_of_this_launch_opens_nothing(
    desk: FrontDesk, ehr: IdentityProvider, claims: dict[str, str]
) -> None:
    desk.patient()
    ehr.claims = dict(claims)
    assert opened(desk.browser(), ehr).status_code == 403


def test_settings_of_a_launch_that_cannot_work_are_refused() -> None:
    for settings in (SourceSettings(launch_client_id="x"), SourceSettings(launch_role="surgeon")):
        with pytest.raises(ConfigurationError):
            source_settings.check(settings)
