"""What a person does in the console, in the words of the pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from playwright.sync_api import APIResponse, Page, expect

from tests.served import Served

ROLE = "AWSServiceRoleForECRReplication"


def send(page: Page, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> APIResponse:
    """Send a form with the browser's cookies but without its page, and follow nothing."""
    fields: dict[str, str | float | bool] = dict(form)
    return page.request.post(url, form=fields, headers=dict(headers or {}), max_redirects=0)


@dataclass(frozen=True)
class Person:
    page: Page
    server: Served
    account: str

    def sign_in(self) -> None:
        """Open the account on the sign-in page of a development deployment."""
        self.page.goto(f"{self.server.url}/")
        self.page.get_by_label("Another account").fill(self.account)
        self.press("Open")

    def sign_out(self) -> None:
        self.page.locator("summary", has_text="Account").click()
        self.press("Sign out")

    def sign_in_with_password(self, user: str, password: str) -> None:
        self.page.goto(f"{self.server.url}/console/sign-in")
        self.page.get_by_label("Account id").fill(self.account)
        self.page.get_by_label("User name").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in")

    def visit(self, path: str) -> None:
        self.page.goto(f"{self.server.url}{path}")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def pick_region(self, code: str) -> None:
        self.page.locator("summary", has_text="Region").click()
        self.page.get_by_role("navigation", name="Region").get_by_role("link", name=code).click()

    def sees(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)

    def sees_title(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    # --- the story ----------------------------------------------------------------------------------------

    def add_rule(self, *regions: str, accounts: dict[str, list[str]] | None = None, prefix: str = "") -> None:
        """Go through the wizard from the replication page of the Region that is picked."""
        self.follow("Private registry")
        self.follow("Replication configuration")
        self.follow("Edit")
        self.follow("Add replication rule")
        self._choose_types(cross_region=bool(regions), cross_account=bool(accounts))
        if regions:
            self._check_regions("region", *regions)
            self.press("Next")
        if accounts:
            self._give_accounts(accounts)
        if prefix:
            self.page.get_by_label("Filter 1").fill(prefix)
        self.press("Next")
        self.sees_title("Review and submit")
        self.press("Submit rule")

    def delete_all_rules(self, region: str) -> None:
        """From the replication page of a Region."""
        self.follow("Edit")
        self.follow("Delete all")
        self.page.get_by_label("To confirm").fill(region)
        self.press("Delete all")

    def open_role(self) -> None:
        self.follow("Roles")
        self.follow(ROLE)

    def delete_role(self) -> None:
        """From the role's page, past the dialog of its last activity."""
        self.follow("Delete")
        self.page.get_by_label("To confirm").fill(ROLE)
        self.press("Delete role")

    def _choose_types(self, *, cross_region: bool, cross_account: bool) -> None:
        if cross_region:
            self.page.get_by_label("Cross-Region replication").check()
        if cross_account:
            self.page.get_by_label("Cross-account replication").check()
        self.press("Next")

    def _check_regions(self, field: str, *regions: str) -> None:
        for region in regions:
            self.page.locator(f"input[name={field}][value={region}]").check()

    def _give_accounts(self, accounts: dict[str, list[str]]) -> None:
        for number, (account, regions) in enumerate(accounts.items()):
            if number:
                self.press("Add destination account")
            self.page.locator(f"#account{number}").fill(account)
            self._check_regions(f"account{number}-region", *regions)
        self.press("Next")
