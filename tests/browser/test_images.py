"""The images of a repository, clicked through: found, looked at, scanned, archived, restored, untagged, deleted."""

from playwright.sync_api import Page, expect

from tests.browser.person import Person
from tests.browser.pushing import push, push_index


def test_images_are_found_looked_at_archived_restored_and_deleted(person: Person, page: Page) -> None:
    server, account = person.server, person.account
    ecr = server.client("ecr", account, "eu-west-1")
    ecr.create_repository(repositoryName="team/api")
    for tag in ("1.0", "1.1", "2.0"):
        push(server, account, "team/api", tag)
    push_index(server, account, "team/api", "all", "1.0", "1.1")
    person.visit("/console/eu-west-1/images?repository=team/api")
    expect(page.locator("td .tag")).to_have_text(["all", "2.0", "1.1", "1.0"])
    # The list: found by the beginning of a tag, and sorted the other way.
    page.get_by_label("Tag or digest begins with").fill("1.")
    page.get_by_label("Sort by").select_option("Tag, Z to A")
    person.press("Show")
    expect(page.locator("td .tag")).to_have_text(["1.1", "1.0"])
    expect(page.get_by_label("Tag or digest begins with")).to_have_value("1.")
    person.follow("Show all")
    # The image: a scan, which fails here and says why.
    page.get_by_role("row", name="2.0").get_by_role("link").click()
    person.sees("docker pull")
    person.follow("Scan findings")
    person.sees("was not scanned yet")
    person.press("Scan now")
    person.sees("A scan was requested.")
    look_until(page, "No scanner is configured")
    # To the archive and back.
    person.follow("Archive")
    person.sees("Archiving is not replicated")
    person.press("Archive 1 image")
    person.sees("An archived image is not pulled")
    person.follow("Restore")
    person.press("Restore 1 image")
    person.sees("The image is")
    look_until(page, "active")
    # Its only tag, and with it the image.
    person.follow("Remove tag 2.0")
    person.sees("the image is deleted with it")
    page.get_by_label("To confirm").fill("2.0")
    person.press("Remove tag")
    person.sees("1 image was deleted.")
    # Those that are chosen on the list: a part of the index stays, and all together go.
    choose(page, "1.0")
    delete_chosen(person, "team/api")
    person.sees("ImageReferencedByManifestList")
    person.follow("Go to the images")
    choose(page, "1.0", "1.1", "all")
    delete_chosen(person, "team")
    person.sees("type 'team/api' to confirm")
    page.get_by_label("To confirm").fill("team/api")
    person.press("Delete 3 images")
    person.sees("3 images were deleted.")
    person.sees("No images yet")


def choose(page: Page, *tags: str) -> None:
    for tag in tags:
        page.get_by_label(f"Choose {tag}", exact=True).check()


def delete_chosen(person: Person, typed: str) -> None:
    person.press("Delete chosen images")
    person.page.get_by_label("To confirm").fill(typed)
    person.page.locator("main button.danger").click()


def look_until(page: Page, text: str) -> None:
    """Wait until a page says something: by itself where scripts run, by looking again where they do not."""
    place = page.locator("main")
    for _ in range(40):
        if text in place.inner_text():
            return
        again = page.get_by_role("link", name="Refresh")
        if again.count():
            again.click()
        else:
            page.reload()
    expect(place).to_contain_text(text)
