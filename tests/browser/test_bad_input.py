"""What people with bad intentions send: nothing of it runs, and nothing changes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Browser, BrowserContext, Dialog, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.person import ROLE, Person, send
from tests.browser.places import MARKUP
from tests.browser.pushing import push
from tests.served import Served, new_account

HOME = "/console/eu-west-1"
NEW = {"mutability": "MUTABLE", "encryption": "AES256"}
LIFECYCLE = (
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},'
    '"action":{"type":"expire"}}]}'
)
FORMS: list[tuple[str, dict[str, str]]] = [
    (f"{HOME}/repositories/new", NEW | {"name": "forged"}),
    (f"{HOME}/repositories/delete", {"repository": "team/api", "confirmation": "team/api"}),
    (f"{HOME}/policy/edit", {"repository": "team/api", "policy": "{}"}),
    (f"{HOME}/policy/delete", {"repository": "team/api", "confirmation": "team/api"}),
    (f"{HOME}/tags/set", {"repository": "team/api", "key": "forged", "value": "x"}),
    (f"{HOME}/tags/remove", {"repository": "team/api", "chosen": "team"}),
    (f"{HOME}/settings/mutability", {"repository": "team/api", "mutability": "IMMUTABLE"}),
    (f"{HOME}/settings/scanning", {"repository": "team/api", "scan": "on"}),
    (f"{HOME}/lifecycle/edit", {"repository": "team/api", "policy": LIFECYCLE}),
    (f"{HOME}/lifecycle/add", {"repository": "team/api", "policy": LIFECYCLE, "then": "preview"}),
    (f"{HOME}/lifecycle/preview", {"repository": "team/api", "policy": LIFECYCLE}),
    (f"{HOME}/lifecycle/delete", {"repository": "team/api", "confirmation": "team/api"}),
    (f"{HOME}/templates/new", NEW | {"prefix": "forged", "applied": "REPLICATION"}),
    (f"{HOME}/templates/edit", NEW | {"prefix": "prod", "applied": "CREATE_ON_PUSH"}),
    (f"{HOME}/templates/delete", {"prefix": "prod", "confirmation": "prod"}),
    (f"{HOME}/scanning", {"type": "ENHANCED"}),
    (f"{HOME}/account-settings/edit", {"name": "BLOB_MOUNTING", "value": "DISABLED"}),
    (f"{HOME}/pull-time-exclusions", {"principal": "arn:aws:iam::222222222222:role/forged"}),
    (f"{HOME}/pull-time-exclusions/deregister", {"principal": "arn:aws:iam::222222222222:role/scanner"}),
    (f"{HOME}/signing/edit", {"profile": "", "filters": ""}),
    (f"{HOME}/signing/delete", {"confirmation": "eu-west-1"}),
    (f"{HOME}/replication/add", {"type": "region", "region": "us-east-1"}),
    (f"{HOME}/replication/remove", {"rule": "1"}),
    (f"{HOME}/replication/delete-all", {"confirmation": "eu-west-1"}),
    (f"{HOME}/permissions/edit", {"policy": "{}"}),
    (f"{HOME}/permissions/generate", {"sid": "Forged", "accounts": "999999999999"}),
    (f"{HOME}/permissions/delete", {"confirmation": "eu-west-1"}),
    (f"{HOME}/roles/{ROLE}/description", {"description": "forged"}),
    (f"{HOME}/roles/{ROLE}/delete", {"confirmation": ROLE}),
    ("/console/sign-out", {}),
]


@pytest.fixture
def context(browser: Browser) -> Any:  # noqa: ANN401 — a generator of a context
    made = browser.new_context()
    yield made
    made.close()


def settle(person: Person) -> Person:
    """Give a person's account a repository, a rule, a policy and the role."""
    ecr = person.server.client("ecr", person.account, "eu-west-1")
    ecr.create_repository(repositoryName="team/api", tags=[{"Key": "team", "Value": "a"}])
    kept = LIFECYCLE.replace(":1}", ":9}")
    ecr.put_lifecycle_policy(repositoryName="team/api", lifecyclePolicyText=kept)
    ecr.start_lifecycle_policy_preview(repositoryName="team/api")
    places = [{"region": "us-east-1", "registryId": person.account}]
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": places}]})
    ecr.put_registry_policy(policyText=POLICY)
    ecr.set_repository_policy(repositoryName="team/api", policyText=POLICY)
    ecr.register_pull_time_update_exclusion(principalArn="arn:aws:iam::222222222222:role/scanner")
    ecr.put_signing_configuration(signingConfiguration={"rules": []})
    ecr.create_repository_creation_template(prefix="prod", appliedFor=["REPLICATION"])
    return person


@pytest.fixture(scope="module")
def unshaken(browser: Browser, server: Served) -> Iterator[tuple[Person, dict[str, object]]]:
    """A person of all forged forms together, none of which changes anything, and what there was before them."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    person = Person(context.new_page(), server, new_account())
    person.sign_in()
    yield settle(person), everything(person)
    context.close()


@pytest.fixture(scope="module")
def foreign_token(browser: Browser, server: Served) -> str:
    """The token of the forms of another session."""
    other = browser.new_context()
    page = other.new_page()
    Person(page, server, new_account()).sign_in()
    token = page.locator("input[name=csrf]").first.input_value()
    other.close()
    return token


POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Sid":"One","Effect":"Allow","Principal":'
    '{"AWS":"arn:aws:iam::333333333333:root"},"Action":"ecr:ReplicateImage","Resource":"*"}]}'
)


@pytest.mark.parametrize(("path", "fields"), FORMS, ids=[path for path, _ in FORMS])
@pytest.mark.parametrize("token", ["", "0" * 64, "of another session"])
def test_a_form_without_its_token_changes_nothing(
    unshaken: tuple[Person, dict[str, object]], foreign_token: str, path: str, fields: dict[str, str], token: str
) -> None:
    person, before = unshaken
    sent = foreign_token if token == "of another session" else token
    form = {**fields, **({"csrf": sent} if sent else {})}
    answer = send(person.page, person.server.url + path, form)
    assert answer.status == 403
    assert "was not made for your session" in answer.text()
    assert everything(person) == before
    person.visit(f"{HOME}/repositories")
    person.sees_title("Repositories")


def test_a_page_of_another_origin_cannot_send_a_form(person: Person) -> None:
    settled = settle(person)
    token = settled.page.locator("input[name=csrf]").first.input_value()
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        answer = post(settled, {"name": "forged", "csrf": token}, {"Origin": origin})
        assert answer.status == 403
    assert post(settled, NEW | {"name": "genuine", "csrf": token}, {"Origin": settled.server.url}).status == 303
    ecr = settled.server.client("ecr", settled.account, "eu-west-1")
    names = [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]
    assert names == ["genuine", "team/api"]


def test_a_session_fixed_beforehand_is_not_the_one_that_signs_in(
    page: Page, context: BrowserContext, server: Served, account: str
) -> None:
    person = Person(page, server, account)
    person.sign_in()
    cookie = session_cookie(context)
    person.sign_out()
    context.add_cookies([{"name": cookie["name"], "value": "fixed-by-somebody", "url": server.url}])
    person.sign_in()
    assert session_cookie(context)["value"] not in (cookie["value"], "fixed-by-somebody")
    for value in (cookie["value"], "fixed-by-somebody"):
        assert opens(page, server, cookie["name"], value) == 303


def test_a_stolen_session_ends_with_signing_out(person: Person, context: BrowserContext, page: Page) -> None:
    cookie = session_cookie(context)
    assert opens(page, person.server, cookie["name"], cookie["value"]) == 200
    person.sign_out()
    assert opens(page, person.server, cookie["name"], cookie["value"]) == 303


def test_an_expired_session_leads_to_the_sign_in_page_and_back(person: Person, page: Page) -> None:
    with closing(sqlite3.connect(person.server.data / "global.db")) as database, database:
        database.execute("UPDATE console_session SET expires_at = created_at WHERE principal_id = ?", (person.account,))
    person.visit(f"{HOME}/replication")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("Another account").fill(person.account)
    person.press("Open")
    person.sees_title("Replication configuration")


def test_the_session_cookie_is_out_of_reach(person: Person, context: BrowserContext, page: Page) -> None:
    person.sees_title("Repositories")
    cookie = session_cookie(context)
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert page.evaluate("document.cookie") == ""


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/console//evil.example",
        "/console/../..//evil.example",
        "/console/%2e%2e/%2f%2fevil.example",
        "/console/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/v2/",
        "/console/sign-out",
    ],
)
def test_signing_in_leads_nowhere_else(page: Page, server: Served, account: str, target: str) -> None:
    page.goto(f"{server.url}/console/sign-in")
    token = page.locator("input[name=csrf]").first.input_value()
    form = {"csrf": token, "way": "open", "account": account, "next": target}
    answer = send(page, f"{server.url}/console/sign-in", form)
    assert (answer.status, answer.headers["location"]) == (303, "/console/")


def test_no_page_can_be_framed(person: Person, page: Page) -> None:
    answer = page.request.get(f"{person.server.url}{HOME}/repositories")
    assert answer.headers["x-frame-options"] == "DENY"
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    page.goto("about:blank")
    page.set_content(f"<iframe src='{person.server.url}{HOME}/repositories'></iframe>")
    page.wait_for_load_state("networkidle")
    assert "Repositories" not in (page.frames[1].content() if len(page.frames) > 1 else "")


def test_markup_is_shown_and_not_run(person: Person, page: Page) -> None:
    server, account = person.server, person.account
    iam = server.client("iam", account, "us-east-1")
    iam.create_service_linked_role(AWSServiceName="replication.ecr.amazonaws.com", Description=MARKUP)
    server.client("ecr", account, "eu-west-1").create_repository(repositoryName="team/api")
    push(server, account, "team/api", "1.0")
    ran: list[str] = []

    def note(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    for path in (
        f"{HOME}/roles",
        f"{HOME}/roles/{ROLE}",
        f"{HOME}/roles/{ROLE}/description",
        f"{HOME}/permissions/generate?sid=x&accounts={MARKUP}",
        f"{HOME}/replication/add?type=account&at=accounts&go=next&account0={MARKUP}&account0-region={MARKUP}",
        f"{HOME}/replication/add?type=region&region=us-east-1&at=filters&go=next&filter={MARKUP}",
        f"{HOME}/images?repository={MARKUP}",
        f"{HOME}/repositories?page={MARKUP}",
        f"{HOME}/repositories?search={MARKUP}",
        f"{HOME}/policy/why?repository=team/api&principal={MARKUP}&action={MARKUP}",
        f"{HOME}/tags?repository=team/api&key={MARKUP}",
        f"{HOME}/roles/x/deletion?task={MARKUP}",
        f"{HOME}/{MARKUP}",
        f"/console/sign-in?next={MARKUP}&user={MARKUP}&account={MARKUP}&key={MARKUP}",
    ):
        person.visit(path)
        assert "twinport" in page.title()
        assert page.locator("main img, main script").count() == 0
    assert ran == []


def test_nonsense_in_an_address_is_a_page_that_says_so(person: Person, page: Page) -> None:
    for path, status in (
        ("/console/atlantis-1/repositories", 404),
        (f"{HOME}/images", 400),
        (f"{HOME}/repositories?page=nonsense", 400),
        (f"{HOME}/replication/remove?rule=-1", 404),
        (f"{HOME}/replication/remove?rule=٣", 404),
        (f"{HOME}/roles/nobody", 404),
        (f"{HOME}/roles/{ROLE}/deletion?task=none", 404),
        (f"{HOME}/repositories?{'&'.join(f'a{number}=1' for number in range(2500))}", 400),
        (f"{HOME}/repositories/../../v2/", 404),
    ):
        answer = page.goto(person.server.url + path)
        assert answer is not None
        assert answer.status == status, path
        person.sees("Request id")


def test_a_huge_form_is_refused(person: Person) -> None:
    answer = post(person, {"name": "x" * 300_000})
    assert answer.status == 400
    assert "larger than" in answer.text()


def test_a_person_may_follow_a_link_from_elsewhere_but_no_page_may_fetch(person: Person, page: Page) -> None:
    cross = {"Sec-Fetch-Site": "cross-site"}
    url = f"{person.server.url}{HOME}/repositories"
    followed = page.request.get(url, headers={**cross, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})
    assert followed.status == 200
    for mode, destination in (("no-cors", "script"), ("cors", "empty"), ("navigate", "iframe")):
        fetched = page.request.get(url, headers={**cross, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination})
        assert fetched.status == 403


def post(person: Person, form: dict[str, str], headers: dict[str, str] | None = None) -> APIResponse:
    return send(person.page, f"{person.server.url}{HOME}/repositories/new", form, headers)


def everything(person: Person) -> dict[str, object]:
    """What forged forms might have changed."""
    ecr = person.server.client("ecr", person.account, "eu-west-1")
    iam = person.server.client("iam", person.account, "us-east-1")
    arn = ecr.describe_repositories(repositoryNames=["team/api"])["repositories"][0]["repositoryArn"]
    return {
        "tags": ecr.list_tags_for_resource(resourceArn=arn)["tags"],
        "repositories": ecr.describe_repositories()["repositories"],
        "replication": ecr.describe_registry()["replicationConfiguration"],
        "own policy": ecr.get_repository_policy(repositoryName="team/api")["policyText"],
        "policy": ecr.get_registry_policy()["policyText"],
        "lifecycle": ecr.get_lifecycle_policy(repositoryName="team/api")["lifecyclePolicyText"],
        "preview": ecr.get_lifecycle_policy_preview(repositoryName="team/api")["lifecyclePolicyText"],
        "templates": ecr.describe_repository_creation_templates()["repositoryCreationTemplates"],
        "scanning": ecr.get_registry_scanning_configuration()["scanningConfiguration"],
        "setting": ecr.get_account_setting(name="BLOB_MOUNTING")["value"],
        "exclusions": ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"],
        "signing": ecr.get_signing_configuration()["signingConfiguration"],
        "role": iam.get_role(RoleName=ROLE)["Role"].get("Description"),
    }


def session_cookie(context: BrowserContext) -> dict[str, Any]:
    (cookie,) = [each for each in context.cookies() if "session" in each["name"]]
    return dict(cookie)


def opens(page: Page, server: Served, name: str, value: str) -> int:
    """Ask for a page with a cookie, from outside the browser."""
    playwright_request = page.context.browser
    assert playwright_request is not None
    outside = playwright_request.new_context()
    answer = outside.request.get(
        f"{server.url}{HOME}/repositories", headers={"Cookie": f"{name}={value}"}, max_redirects=0
    )
    outside.close()
    return answer.status
