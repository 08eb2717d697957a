"""The settings of a repository on the console: what is shown, what is saved, and what is refused with a reason."""

from typing import Any

import pytest

from tests.console.browsing import Visitor
from twinport.console import encryption
from twinport.console.tag_rules import TagRuleFields
from twinport.settings.storage import EncryptionAtRest

# boto3 makes its clients at run time.
Ecr = Any
REGION = "eu-west-1"
SETTINGS = f"{REGION}/settings?repository=team/api"
MUTABILITY, SCANNING = f"{REGION}/settings/mutability", f"{REGION}/settings/scanning"


def described(ecr: Ecr) -> dict[str, object]:
    (found,) = ecr.describe_repositories(repositoryNames=["team/api"])["repositories"]
    return dict(found)


@pytest.mark.parametrize(
    ("mutability", "typed", "filters"),
    [
        ("MUTABLE", "", None),
        ("IMMUTABLE", "", None),
        ("MUTABLE_WITH_EXCLUSION", "v*", ["v*"]),
        ("IMMUTABLE_WITH_EXCLUSION", "latest\r\ndev-*, test-*", ["latest", "dev-*", "test-*"]),
    ],
)
def test_each_mutability_is_saved_and_shown(
    root: Visitor, ecr: Ecr, mutability: str, typed: str, filters: list[str] | None
) -> None:
    held = root.form(SETTINGS, "settings/mutability")
    page = root.send(MUTABILITY, {**held, "mutability": mutability, "filters": typed})
    assert "Image tag mutability is saved." in page
    assert f'value="{mutability}" checked' in page
    kept = described(ecr).get("imageTagMutabilityExclusionFilters")
    assert described(ecr)["imageTagMutability"] == mutability
    assert kept == (None if filters is None else [{"filterType": "WILDCARD", "filter": each} for each in filters])


@pytest.mark.parametrize(
    ("mutability", "typed", "says"),
    [
        ("", "", "choose an image tag mutability"),
        ("MUTABLE", "v*", "remove the exclusion filters"),
        ("IMMUTABLE_WITH_EXCLUSION", "", "give at least one exclusion filter"),
        ("IMMUTABLE_WITH_EXCLUSION", "a/b", "is not an exclusion filter"),
        ("IMMUTABLE_WITH_EXCLUSION", "a b c d e f", "at most 5 exclusion filters"),
    ],
)
def test_a_mutability_that_is_refused_keeps_what_was_typed_and_changes_nothing(
    root: Visitor, ecr: Ecr, mutability: str, typed: str, says: str
) -> None:
    before = described(ecr)
    page = root.send(MUTABILITY, {"repository": "team/api", "mutability": mutability, "filters": typed})
    assert says in page
    assert f">{typed}</textarea>" in page
    assert described(ecr) == before


def test_scan_on_push_is_turned_on_and_off(root: Visitor, ecr: Ecr) -> None:
    on = root.send(SCANNING, {**root.form(SETTINGS, "settings/scanning"), "scan": "on"})
    assert "Images are scanned on push." in on
    assert described(ecr)["imageScanningConfiguration"] == {"scanOnPush": True}
    off = root.send(SCANNING, root.form(SETTINGS, "settings/scanning"))
    assert "Images are scanned when a user asks for it." in off
    assert described(ecr)["imageScanningConfiguration"] == {"scanOnPush": False}


def test_a_setting_that_changed_since_the_page_was_shown_is_left_and_the_other_one_is_saved(
    root: Visitor, ecr: Ecr
) -> None:
    rule, scans = (root.form(SETTINGS, f"settings/{name}") for name in ("mutability", "scanning"))
    ecr.put_image_tag_mutability(repositoryName="team/api", imageTagMutability="IMMUTABLE")
    stale = root.send(MUTABILITY, {**rule, "mutability": "MUTABLE", "filters": ""})
    assert "Image tag mutability is saved." not in stale
    again = root.send(MUTABILITY, {**rule, "mutability": "MUTABLE", "filters": ""})
    assert "Image tag mutability is saved." not in again, "the page that refuses does not show the new value as seen"
    assert described(ecr)["imageTagMutability"] == "IMMUTABLE"
    assert "Scan on push is saved." in root.send(SCANNING, {**scans, "scan": "on"})


@pytest.mark.parametrize(
    ("kind", "frequency", "pattern", "says"),
    [
        ("BASIC", "SCAN_ON_PUSH", "team/*", "decides: images are scanned on push, by its filter &#39;team/*&#39;"),
        ("ENHANCED", "CONTINUOUS_SCAN", "team", "decides: images are scanned continuously, by its filter"),
        ("ENHANCED", "SCAN_ON_PUSH", "others", "its images are not scanned, whatever is chosen here"),
    ],
)
def test_the_page_says_when_the_registry_decides_about_scans(
    root: Visitor, ecr: Ecr, kind: str, frequency: str, pattern: str, says: str
) -> None:
    filters = [{"filter": pattern, "filterType": "WILDCARD"}]
    rules = [{"scanFrequency": frequency, "repositoryFilters": filters}]
    ecr.put_registry_scanning_configuration(scanType=kind, rules=rules)
    assert says in root.get(SETTINGS)


def test_the_facts_name_the_key_and_say_that_nothing_is_encrypted_with_it(root: Visitor, ecr: Ecr) -> None:
    ecr.create_repository(repositoryName="keyed", encryptionConfiguration={"encryptionType": "KMS_DSSE"})
    page = root.get(f"{REGION}/settings?repository=keyed")
    assert "KMS_DSSE with <code>arn:aws:kms:eu-west-1:" in page
    assert "nothing is encrypted with it" in page


def test_what_encryption_means_depends_on_the_operators_setting() -> None:
    meanings = {encryption.meaning("KMS", each) for each in EncryptionAtRest}
    assert len(meanings) == len(EncryptionAtRest)
    assert len({encryption.meaning("AES256", each) for each in EncryptionAtRest}) == 1


def test_many_filters_do_not_make_a_long_answer() -> None:
    fields = TagRuleFields("IMMUTABLE_WITH_EXCLUSION", " ".join(f"/{number}" for number in range(300)))
    assert fields.problems() == ["give at most 5 exclusion filters"]
