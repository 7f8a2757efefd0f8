"""Every page of the dashboard, in every state that it is seen in."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from playwright.sync_api import Page, expect
from sqlalchemy import update

from service.clinical.rulebook import Rulebook, parse_rulebook
from service.dashboard.access import Role
from service.demo.clinic import SOURCE
from service.quality import shadowing
from service.quality.simulating import keep, simulate
from service.store import sources
from service.store.schema import source
from service.store.session import writing
from service.store.source_settings import SourceSettings
from tests.browser.clinic import Clinic, sign_in
from tests.dashboard.front_desk import PASSWORD
from tests.dashboard.ward import RULES
from tests.liver_files import called, persistent, person, result

SEES = ("clinic", SOURCE)
NO_ONE = UUID(int=1)


def worklist(busy: Clinic) -> Page:
    return busy.at()


def worklist_narrowed(busy: Clinic) -> Page:
    return busy.at(address="/?state=all&tier=urgent")


def worklist_of_what_is_put_off(busy: Clinic) -> Page:
    return busy.at(address="/?state=asleep")


def worklist_with_nothing_to_do(busy: Clinic) -> Page:
    busy.desk.account("bell", sees=("annex",))
    return busy.at("bell")


def worklist_with_nothing_found(busy: Clinic) -> Page:
    page = busy.at()
    page.get_by_label("Name or identifier").fill("nobody of this name")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No alert is like that")).to_be_visible()
    return page


def worklist_for_an_auditor(busy: Clinic) -> Page:
    busy.desk.account("audit", roles=(Role.AUDITOR,), sees=SEES)
    return busy.at("audit", "/?tier=urgent")


def row_with_its_decisions_open(busy: Clinic) -> Page:
    page = busy.at(address="/?tier=urgent")
    page.get_by_text("More to decide about").first.click()
    expect(page.get_by_role("button", name="Override")).to_be_visible()
    return page


def row_just_decided_about(busy: Clinic) -> Page:
    page = busy.at(address="/?tier=urgent&state=open")
    page.get_by_role("listitem").get_by_role("button", name="Take").first.click()
    expect(page.locator(".notice")).to_contain_text("Taken by you")
    return page


def row_not_decided_about(busy: Clinic) -> Page:
    page = row_with_its_decisions_open(busy)
    page.get_by_label("Until", exact=True).last.fill("2001-01-01")
    page.get_by_role("button", name="Snooze").last.click()
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def row_that_another_nurse_took_meanwhile(busy: Clinic) -> Page:
    page = busy.at(address="/?tier=urgent&state=open")
    _somebody_takes_everything(busy)
    page.get_by_role("listitem").get_by_role("button", name="Take").first.click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing of yours was recorded")
    return page


def page_that_says_so_without_scripts(busy: Clinic) -> Page:
    page = busy.at(address="/?tier=urgent&state=open", script=False)
    _somebody_takes_everything(busy)
    page.get_by_role("listitem").get_by_role("button", name="Take").first.click()
    expect(page.get_by_role("heading", name="Not recorded")).to_be_visible()
    return _with_scripts(busy, page)


def several_decided_about_at_once(busy: Clinic) -> Page:
    page = busy.at(address="/?tier=urgent")
    for tick in page.get_by_role("checkbox", name="Tick").all()[:3]:
        tick.check()
    page.locator("#several").get_by_role("button", name="Take").click()
    expect(page.locator(".told")).to_have_count(3)
    return page


def worklist_with_saved_views(busy: Clinic) -> Page:
    page = busy.at(address="/?tier=urgent")
    page.get_by_label("Name of a view with these filters").fill("Urgent")
    page.get_by_role("button", name="Save as a view").click()
    expect(page.get_by_role("link", name="Change views")).to_be_visible()
    return page


def worklist_where_nothing_was_ticked(busy: Clinic) -> Page:
    page = busy.at()
    page.locator("#several").get_by_role("button", name="Take").click()
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def worklist_with_its_keys_shown(busy: Clinic) -> Page:
    page = busy.at()
    page.get_by_role("button", name="Keys ?").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    return page


def worklist_that_has_news(busy: Clinic) -> Page:
    page = busy.at(address="/?tier=urgent&state=open")
    page.get_by_role("checkbox", name="Tick").last.check()  # so that no row is replaced
    _somebody_takes_everything(busy)
    expect(page.locator("#news")).to_contain_text("show")
    return page


def saved_views(busy: Clinic) -> Page:
    page = worklist_with_saved_views(busy)
    page.get_by_role("link", name="Change views").click()
    page.get_by_role("button", name="Show Urgent first").click()
    expect(page.get_by_text("shown first", exact=True)).to_be_visible()
    return page


def no_saved_views(busy: Clinic) -> Page:
    return busy.at(address="/views")


def patient(busy: Clinic, name: str = "adams") -> Page:
    page = busy.at(name, "/?tier=urgent")
    page.get_by_role("heading", level=3).get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    expect(page.locator("#course svg")).to_be_visible()
    return page


def patient_whose_chart_is_walked_along(busy: Clinic) -> Page:
    page = patient(busy)
    page.locator("#course [tabindex='0']").focus()
    expect(page.locator(".vg-tooltip.visible")).to_be_visible()
    return page


def patient_to_be_written_about(busy: Clinic) -> Page:
    page = patient(busy)
    page.locator("summary").get_by_text("Letter", exact=True).first.click()
    expect(page.get_by_role("button", name="Write the letter").first).to_be_visible()
    return page


def patient_just_remarked_on(busy: Clinic) -> Page:
    page = patient(busy)
    page.get_by_text("Decide", exact=True).first.click()
    page.get_by_role("button", name="Useful", exact=True).first.click()
    expect(page.locator(".notice")).to_contain_text("Noted: useful")
    return page


def what_was_known_on_another_day(busy: Clinic) -> Page:
    page = patient(busy)
    page.get_by_role("link", name="What was known on another day").click()
    expect(page.get_by_role("heading", level=2, name="As decided").first).to_be_visible()
    return page


def decisions_made_again(busy: Clinic) -> Page:
    busy.desk.account("audit", roles=(Role.AUDITOR,), sees=SEES)
    page = patient(busy, "audit")
    page.get_by_role("link", name="Make the decisions behind it again").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("dentical")
    return page


def patient_with_everything_opened(busy: Clinic) -> Page:
    page = patient(busy)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    return page


def patient_just_decided_about(busy: Clinic) -> Page:
    page = patient(busy)
    page.get_by_text("Decide", exact=True).first.click()
    page.get_by_role("button", name="Take it").first.click()
    expect(page.locator(".notice")).to_be_visible()
    return page


def patient_whose_results_were_corrected_retracted_or_held(busy: Clinic) -> Page:
    changed = {"versionId": "2", "lastUpdated": "2024-09-05T10:00:00Z"}
    busy.ward.feed([person("p1", name=called("Abel", "Ada")), *persistent("p1")])
    busy.ward.feed(
        [
            result("p1-2024-06-11", "p1", "2024-06-11", 91, meta=changed, status="corrected"),
            result("p1-2024-03-12", "p1", "2024-03-12", 80, meta=changed, status="entered-in-error"),
            result("early", "p1", "2024-09-04", 77, status="preliminary"),
            result("odd", "p1", "2024-09-05", valueQuantity={"value": 8, "unit": "squeaks"}),
        ]
    )
    return busy.at(address=busy.patient("p1"))


def patient_in_the_long_past(busy: Clinic) -> Page:
    busy.ward.load_samples()
    return busy.at(address=busy.patient("hys-law"))


def record_behind_glass(busy: Clinic) -> Page:
    busy.ward.feed_three()
    return busy.at(address=busy.patient("p3"))


def record_behind_glass_without_a_reason(busy: Clinic) -> Page:
    page = record_behind_glass(busy)
    page.get_by_label("Another reason").check()
    page.get_by_label("In your own words").fill("          ")
    page.get_by_role("button", name="Open the record").click()
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def record_opened_for_a_reason(busy: Clinic) -> Page:
    page = record_behind_glass(busy)
    page.get_by_label("Another reason").check()
    page.get_by_label("In your own words").fill("On call tonight, called by the ward")
    page.get_by_role("button", name="Open the record").click()
    expect(page.get_by_text("This record is not of your sources")).to_be_visible()
    return page


def records_that_were_opened(busy: Clinic) -> Page:
    record_opened_for_a_reason(busy)
    busy.desk.account("audit", roles=(Role.AUDITOR,), sees=("annex",))
    return busy.at("audit", "/break-glass")


def account_with_opened_records(busy: Clinic) -> Page:
    page = record_opened_for_a_reason(busy)
    page.goto("/account")
    return page


def record_under_hold(busy: Clinic) -> Page:
    busy.desk.account("audit", roles=(Role.AUDITOR,), sees=SEES)
    page = busy.at("audit")
    page.get_by_role("heading", level=3).get_by_role("link").first.click()
    hold = page.get_by_role("region", name="Legal hold")
    hold.get_by_text("Place under hold").first.click()
    hold.get_by_label("Why nothing of this record may be erased").fill("Case 12/2026")
    hold.get_by_role("button", name="Place under hold").click()
    expect(page.get_by_text("This record is under legal hold")).to_be_visible()
    return page


def records_under_hold(busy: Clinic) -> Page:
    page = record_under_hold(busy)
    page.goto("/holds")
    expect(page.get_by_role("row").filter(has_text="Case 12/2026")).to_be_visible()
    return page


def no_records_under_hold(busy: Clinic) -> Page:
    busy.desk.account("audit", roles=(Role.AUDITOR,), sees=SEES)
    return busy.at("audit", "/holds")


def simulations(busy: Clinic) -> Page:
    _tried(busy)
    busy.desk.account("audit", roles=(Role.AUDITOR,), sees=SEES)
    return busy.at("audit", "/simulations")


def simulation(busy: Clinic) -> Page:
    page = simulations(busy)
    page.get_by_role("row").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="New alerts a week")).to_be_visible()
    return page


def alerts_that_a_simulation_gains(busy: Clinic) -> Page:
    page = simulation(busy)
    page.get_by_role("link", name="gained: who they are").click()
    expect(page.get_by_role("heading", name="Gained")).to_be_visible()
    return page


def simulations_of_none(busy: Clinic) -> Page:
    busy.desk.account("audit", roles=(Role.AUDITOR,), sees=SEES)
    return busy.at("audit", "/simulations")


def shadow(busy: Clinic) -> Page:
    _in_the_shadow(busy)
    return _physician(busy, "cole")


def shadow_of_nothing(busy: Clinic) -> Page:
    return _physician(busy, "cole")


def alerts_that_the_shadow_gains(busy: Clinic) -> Page:
    page = shadow(busy)
    page.get_by_role("link", name="gained: who they are").click()
    expect(page.get_by_role("heading", name="Gained")).to_be_visible()
    return page


def shadow_that_is_proposed(busy: Clinic) -> Page:
    page = shadow(busy)
    page.get_by_label("In force from").fill("2999-01-01T08:00")
    page.get_by_role("button", name="Propose guideline").click()
    expect(page.get_by_text("Somebody else has to confirm it")).to_be_visible()
    return page


def shadow_that_is_confirmed(busy: Clinic) -> Page:
    shadow_that_is_proposed(busy)
    page = _physician(busy, "drew")
    page.get_by_role("button", name="Confirm guideline").click()
    expect(page.get_by_text("will be in force from")).to_be_visible()
    return page


def shadow_whose_moment_cannot_be(busy: Clinic) -> Page:
    page = shadow(busy)
    page.get_by_label("In force from").fill("2001-01-01T08:00")
    page.get_by_role("button", name="Propose guideline").click()
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def account(busy: Clinic) -> Page:
    return busy.at(address="/account")


def accounts(busy: Clinic) -> Page:
    busy.desk.account("chief", roles=(Role.ADMIN,), sees=SEES)
    return busy.at("chief", "/admin")


def accounts_where_nobody_could_be_added(busy: Clinic) -> Page:
    page = accounts(busy)
    page.get_by_label("User name").fill("adams")
    page.get_by_label("Name that others see").fill("Another Adams")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def account_of_somebody(busy: Clinic) -> Page:
    page = accounts(busy)
    page.get_by_role("link", name="adams", exact=True).click()
    return page


def password_just_made(busy: Clinic) -> Page:
    page = account_of_somebody(busy)
    page.get_by_role("button", name="Make a new password").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Password of adams")
    return page


def measures(busy: Clinic) -> Page:
    busy.desk.account("audit", roles=(Role.AUDITOR,), sees=SEES)
    page = busy.at("audit")
    page.get_by_role("link", name="Measures").click()
    return page


def measure(busy: Clinic) -> Page:
    page = measures(busy)
    page.get_by_role("link", name="Alerts overridden").click()
    expect(page.get_by_role("heading", name="Strata")).to_be_visible()
    return page


def measure_of_nothing(busy: Clinic) -> Page:
    busy.desk.account("audit", roles=(Role.AUDITOR,), sees=SEES)
    return busy.at("audit", "/measures/overrides?from=1990-01-01&to=1990-12-31")


def people_behind_a_measure(busy: Clinic) -> Page:
    page = measure(busy)
    page.get_by_role("link", name="All: who they are").first.click()
    expect(page.get_by_role("heading", name="Who is behind it")).to_be_visible()
    return page


def who_looked(busy: Clinic) -> Page:
    page = people_behind_a_measure(busy)
    page.get_by_role("region", name="People", exact=True).get_by_role("link").first.click()
    page.get_by_role("link", name="Who looked").click()
    expect(page.get_by_role("heading", name="Who looked at this record")).to_be_visible()
    return page


def population(busy: Clinic) -> Page:
    page = busy.at(address="/population")
    expect(page.locator(".chart svg")).to_be_visible()
    return page


def population_with_a_part_selected(busy: Clinic) -> Page:
    page = population(busy)
    page.get_by_label("ALT or AST from ×").fill("3")
    page.get_by_role("button", name="List these people").click()
    expect(page.get_by_role("region", name="People", exact=True)).to_be_visible()
    return page


def population_of_nobody(busy: Clinic) -> Page:
    return busy.at(address="/population?from=1990-01&to=1990-12")


def people_of_a_part(busy: Clinic) -> Page:
    return busy.at(address="/population/people?band=mild")


def what_is_put_off(busy: Clinic) -> Page:
    return busy.at(address="/asleep")


def who_was_lost(busy: Clinic) -> Page:
    return busy.at(address="/lost")


def feeds(busy: Clinic) -> Page:
    busy.desk.account("engineer", roles=(Role.ENGINEER,), sees=SEES)
    return busy.at("engineer", "/feeds")


def worklist_that_may_be_behind(busy: Clinic) -> Page:
    with writing(busy.ward.engine) as connection:
        sources.change(connection, SOURCE, SourceSettings(stale_after_seconds=60))
        created = datetime.now(UTC) - timedelta(hours=1)
        number = sources.by_name(connection, SOURCE).id
        connection.execute(update(source).where(source.c.id == number).values(created=created))
    page = busy.at()
    expect(page.get_by_text("What is shown may be behind")).to_be_visible()
    return page


def door(busy: Clinic) -> Page:
    page = busy.window()
    page.goto("/sign-in?out=1")
    return page


def door_that_stays_shut(busy: Clinic) -> Page:
    page = door(busy)
    sign_in(page, password="a password of another")
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def password_to_be_changed(busy: Clinic) -> Page:
    busy.desk.account("new", one_time=True)
    page = busy.at("new")
    page.get_by_label("Your password so far").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("short")
    page.get_by_label("New password again").fill("long")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def rules(busy: Clinic) -> Page:
    page = busy.window()
    page.goto("/rules")
    return page


def rule(busy: Clinic) -> Page:
    page = busy.window()
    page.goto("/rules/hys-law")
    return page


def nothing_there(busy: Clinic) -> Page:
    return busy.at(address=f"/patients/{NO_ONE}")


def no_record_in_a_launch(busy: Clinic) -> Page:
    return busy.at(address="/launch/no-record")


def launch_that_failed(busy: Clinic) -> Page:
    page = busy.window()
    page.goto("/launch")
    return page


def not_open_to_an_engineer(busy: Clinic) -> Page:
    busy.desk.account("engineer", roles=(Role.ENGINEER,), sees=SEES)
    return busy.at("engineer")


def _somebody_takes_everything(busy: Clinic) -> None:
    busy.desk.account("bell", sees=SEES)
    page = busy.at("bell", "/?tier=urgent&state=open")
    for tick in page.get_by_role("checkbox", name="Tick").all():
        tick.check()
    page.locator("#several").get_by_role("button", name="Take").click()
    expect(page.locator(".told").first).to_be_visible()


def _candidate() -> Rulebook:
    """A rulebook with other limits."""
    return parse_rulebook(
        'version = "guideline"\nparent = "2026.1"\n'
        'limits.policy = { value = "guideline", citation = "site", tag = "V" }\n'
        '[citations]\nsite = "Clinic of Example."'
    )


def _tried(busy: Clinic) -> None:
    """It was tried on the clinic."""
    made = simulate(busy.ward.engine, RULES, _candidate(), datetime.now(UTC), by="cli:ada")
    with writing(busy.ward.engine) as connection:
        keep(connection, made)


def _in_the_shadow(busy: Clinic) -> None:
    now = datetime.now(UTC)
    with writing(busy.ward.engine) as connection:
        shadowing.begin(connection, RULES, _candidate(), by="cli:ada", now=now)
    shadowing.follow(busy.ward.engine, RULES, now)


def _physician(busy: Clinic, name: str) -> Page:
    """A physician before the shadow."""
    busy.desk.account(name, roles=(Role.PHYSICIAN,), sees=SEES)
    return busy.at(name, "/shadow")


def _with_scripts(busy: Clinic, page: Page) -> Page:
    """The same page where axe can run."""
    shown = busy.window()
    shown.goto("/sign-in")
    shown.set_content(page.content())
    return shown


STATES = (
    worklist,
    worklist_narrowed,
    worklist_of_what_is_put_off,
    worklist_with_nothing_to_do,
    worklist_with_nothing_found,
    worklist_for_an_auditor,
    row_with_its_decisions_open,
    row_just_decided_about,
    row_not_decided_about,
    row_that_another_nurse_took_meanwhile,
    page_that_says_so_without_scripts,
    several_decided_about_at_once,
    worklist_where_nothing_was_ticked,
    worklist_with_saved_views,
    worklist_with_its_keys_shown,
    worklist_that_has_news,
    saved_views,
    no_saved_views,
    patient,
    patient_whose_chart_is_walked_along,
    patient_to_be_written_about,
    patient_just_remarked_on,
    patient_with_everything_opened,
    patient_just_decided_about,
    patient_whose_results_were_corrected_retracted_or_held,
    patient_in_the_long_past,
    record_behind_glass,
    record_behind_glass_without_a_reason,
    record_opened_for_a_reason,
    records_that_were_opened,
    what_was_known_on_another_day,
    decisions_made_again,
    account,
    accounts,
    accounts_where_nobody_could_be_added,
    account_of_somebody,
    password_just_made,
    account_with_opened_records,
    simulations,
    simulation,
    alerts_that_a_simulation_gains,
    simulations_of_none,
    record_under_hold,
    records_under_hold,
    no_records_under_hold,
    shadow,
    shadow_of_nothing,
    alerts_that_the_shadow_gains,
    shadow_that_is_proposed,
    shadow_that_is_confirmed,
    shadow_whose_moment_cannot_be,
    measures,
    measure,
    measure_of_nothing,
    people_behind_a_measure,
    who_looked,
    population,
    population_with_a_part_selected,
    population_of_nobody,
    people_of_a_part,
    what_is_put_off,
    who_was_lost,
    feeds,
    worklist_that_may_be_behind,
    door,
    door_that_stays_shut,
    password_to_be_changed,
    rules,
    rule,
    nothing_there,
    no_record_in_a_launch,
    launch_that_failed,
    not_open_to_an_engineer,
)
"""Each leads somebody there, in a clinic where `adams` has an account."""
