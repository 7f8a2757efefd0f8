"""Signing in with an organisation's account, at a provider that answers over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey

from service.dashboard.access import Role
from service.store import users
from service.store.session import reading, writing
from tests.dashboard.front_desk import COOKIE, PUBLIC_URL, Browser, FrontDesk
from tests.dashboard.identity_provider import CLIENT, SECRET, IdentityProvider, providing, shared_secret

RIGHTS = {"liverwatch_roles": ["nurse", "porter"], "liverwatch_sources": ["clinic", "nowhere"]}


@pytest.fixture
def provider(desk: FrontDesk) -> Iterator[IdentityProvider]:
    with providing(f"{PUBLIC_URL}/sign-in/answer") as provider:
        provider.claims = dict(RIGHTS)
        desk.given |= {
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
        }
        yield provider


def begin(browser: Browser, address: str = "/probe") -> str:
    """Where the browser is sent."""
    answer = browser.get(f"/sign-in/oidc?next={address}")
    assert answer.status_code == 303
    return str(answer.headers["location"])


def through(browser: Browser, provider: IdentityProvider) -> Any:
    """The answer once the provider has sent the browser back, from its own site."""
    back = provider.answers(begin(browser))
    return browser.get(back, headers={"sec-fetch-site": "cross-site"})


def test_whoever_the_provider_vouches_for_is_signed_in_with_the_roles_and_sources_it_says(
    desk: FrontDesk, provider: IdentityProvider
) -> None:
    browser = desk.browser()
    assert "/sign-in/oidc?next=%2Fprobe" in browser.get("/sign-in?next=/probe").text
    answer = through(browser, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/probe")
    assert "Ann Adams sees clinic<" in browser.get("/probe").text
    with reading(desk.engine) as connection:
        (account,) = users.every(connection)
    assert account.id.startswith("sso:")
    assert account.roles == {Role.NURSE}
    assert account.issuer == provider.issuer
    assert desk.audited() == [(f"user:{account.id}", "sign-in", {"how": "oidc"})]
    assert provider.asked[0]["scope"] == "openid profile"


def test_a_role_within_another_claim_is_found(desk: FrontDesk, provider: IdentityProvider) -> None:
    desk.given |= {"oidc_roles_claim": "realm_access.roles", "oidc_sources_claim": "https://clinic.test/sees"}
    provider.claims = {"realm_access": {"roles": ["physician"]}, "https://clinic.test/sees": "*"}
    browser = desk.browser()
    through(browser, provider)
    assert browser.get("/probe/nurses").status_code == 200
    assert "sees annex,clinic<" in browser.get("/probe").text


def test_a_public_client_is_known_by_its_verifier_alone(desk: FrontDesk, provider: IdentityProvider) -> None:
    provider.secret = desk.given["oidc_client_secret"] = None
    assert through(desk.browser(), provider).headers["location"] == "/probe"


def test_the_same_person_keeps_the_account_and_a_changed_role_ends_other_sessions(
    desk: FrontDesk, provider: IdentityProvider
) -> None:
    browser, other = desk.browser(), desk.browser()
    through(browser, provider)
    through(other, provider)
    assert browser.get("/probe").status_code == 200
    provider.claims = {**RIGHTS, "liverwatch_roles": ["auditor"], "name": "Ann Bell"}
    through(other, provider)
    assert browser.get("/probe").status_code == 303
    assert "Ann Bell" in other.get("/probe").text
    with reading(desk.engine) as connection:
        assert len(users.every(connection)) == 1


def test_who_was_removed_here_is_not_let_in_again(desk: FrontDesk, provider: IdentityProvider) -> None:
    browser = desk.browser()
    through(browser, provider)
    with writing(desk.engine) as connection:
        users.remove(connection, users.every(connection)[0].id)
    refused = through(browser, provider)
    assert (refused.status_code, COOKIE in refused.headers.get("set-cookie", "").split("=")) == (409, False)
    assert browser.get("/probe").status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"liverwatch_roles": []},
        {"liverwatch_roles": None},
        {"liverwatch_roles": 7},
        {"liverwatch_roles": ["porter"]},
        {"iss": "https://somebody.else.test"},
        {"aud": "another service"},
        {"aud": [CLIENT, "another service"]},
        {"azp": "another service"},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 9_999_999_999},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
    ],
)
def test_a_token_that_is_not_of_this_sign_in_or_gives_no_role_lets_nobody_in(
    desk: FrontDesk, provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    provider.claims = {**RIGHTS, **claims}
    browser = desk.browser()
    answer = through(browser, provider)
    assert answer.status_code == 403
    assert "You are not signed in" in answer.text
    assert browser.get("/probe").status_code == 303
    assert desk.audited() == [("unknown", "sign-in-failed", {"how": "elsewhere"})]


@pytest.mark.parametrize(
    "signing",
    [
        ({"alg": "none"}, None),
        ({"alg": "HS256", "kid": "one"}, shared_secret()),
        ({"alg": "ES256", "kid": "one"}, ECKey.generate_key("P-256", {"kid": "one"})),
        ({"alg": "ES256", "kid": "two"}, ECKey.generate_key("P-256", {"kid": "two"})),
    ],
    ids=["unsigned", "by a secret", "by another's key", "by an unknown key"],
)
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(
    desk: FrontDesk, provider: IdentityProvider, signing: Any
) -> None:
    provider.signing = signing
    assert through(desk.browser(), provider).status_code == 403


def test_an_answer_is_taken_once_and_only_from_the_browser_that_asked(
    desk: FrontDesk, provider: IdentityProvider
) -> None:
    browser = desk.browser()
    back = provider.answers(begin(browser))
    assert desk.browser().get(back).status_code == 403
    assert browser.get(back.replace("state=", "state=x")).status_code == 403


def test_a_second_use_of_the_same_answer_is_refused(desk: FrontDesk, provider: IdentityProvider) -> None:
    browser = desk.browser()
    back = provider.answers(begin(browser))
    cookie = {name: value for name, value in browser.cookies.items() if name.endswith("-state")}
    assert browser.get(back).status_code == 303
    again = desk.browser()
    again.cookies.update(cookie)
    refused = again.get(back)
    assert refused.status_code == 403
    assert "has been used" in refused.text


def test_an_answer_of_another_provider_is_refused(desk: FrontDesk, provider: IdentityProvider) -> None:
    browser = desk.browser()
    back = provider.answers(begin(browser))
    refused = browser.get(back.replace(f"iss={provider.issuer}", "iss=https://somebody.else.test"))
    assert refused.status_code == 403


def test_who_does_not_sign_in_there_is_told_so(desk: FrontDesk, provider: IdentityProvider) -> None:
    browser = desk.browser()
    state = provider.answers(begin(browser)).partition("state=")[2]
    refused = browser.get(f"/sign-in/answer?error=access_denied&state={state}")
    assert (refused.status_code, "You were not signed in there" in refused.text) == (403, True)


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://somebody.else.test"},
        {"token_endpoint": "http://evil.test/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_a_provider_that_is_somebody_else_or_unguarded_is_not_asked(
    desk: FrontDesk, provider: IdentityProvider, configuration: dict[str, Any]
) -> None:
    provider.configuration = configuration
    refused = desk.browser().get("/sign-in/oidc")
    assert refused.status_code == 503
    assert "somebody" not in refused.text
    assert "evil" not in refused.text


def test_a_wrong_secret_is_ours_to_mend_and_not_told_to_the_person(
    desk: FrontDesk, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    desk.given["oidc_client_secret"] = "another"
    refused = through(desk.browser(), provider)
    assert refused.status_code == 503
    assert "another" not in refused.text + caplog.text
    assert any("invalid_client" in getattr(record, "why", "") for record in caplog.records)


def test_where_there_is_no_provider_nobody_is_sent_away(desk: FrontDesk) -> None:
    browser = desk.browser()
    assert "oidc" not in browser.get("/sign-in").text
    assert browser.get("/sign-in/oidc").status_code == 404
