"""Every page of the console, with contents that are hard on a layout: long names, much of everything, nothing."""

import json
from dataclasses import dataclass
from typing import Any

from tests.browser.person import ROLE
from tests.browser.pushing import find, hold_back, push, push_index, push_referrer
from tests.served import Served, new_account
from tests.waiting import until

LONG = "a-team-with-a-name/that-is-sixty-characters-long/as-some-do-it"
MARKUP = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"


@dataclass(frozen=True)
class Place:
    """`shows` is text that is on the page when it is the page that is meant."""

    name: str
    path: str
    shows: str


def furnish(server: Served, account: str) -> list[Place]:
    """Fill an account, and list the pages that there are to see of it."""
    ecr, iam = server.client("ecr", account, "eu-west-1"), server.client("iam", account, "us-east-1")
    _replicate(server, account, ecr)
    _age(ecr)
    _set(server, account, ecr)
    for number in range(12):
        iam.create_role(
            RoleName=f"application-role-with-a-rather-long-name-so-as-to-wrap-{number:02}",
            AssumeRolePolicyDocument=_trust(account),
            Description=MARKUP if number == 0 else f"What application {number} may do",
        )
    task = iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]
    return [
        *_registry_places(),
        *_image_places(server, account, ecr),
        *_lifecycle_places(),
        *_setting_places(),
        *_role_places(task),
        *_empty_places(),
    ]


def _replicate(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — boto3 makes its clients at run time
    filters = [{"filterType": "WILDCARD", "filter": f"{character * 100}*"} for character in "abcde"]
    ecr.create_repository(
        repositoryName=LONG,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
        tags=[{"Key": f"{number:02}{'k' * 120}", "Value": "v" * 250} for number in range(50)],
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": f"alias/{'key-with-a-long-name' * 10}"},
    )
    for name in ("team/api", "team/web", "empty"):
        ecr.create_repository(repositoryName=name)
    stranger = new_account()
    places = [{"region": region, "registryId": account} for region in ("us-east-1", "ap-southeast-2")]
    rules = [
        {
            "destinations": places,
            "repositoryFilters": [{"filter": "team/", "filterType": "PREFIX_MATCH"}],
        },
        {
            "destinations": [{"region": "us-west-2", "registryId": stranger}],
            "repositoryFilters": [
                {"filter": LONG[:40], "filterType": "PREFIX_MATCH"},
                {"filter": "team/", "filterType": "PREFIX_MATCH"},
            ],
        },
    ]
    ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    ecr.put_registry_policy(policyText=json.dumps(_long_policy(account)))
    ecr.set_repository_policy(repositoryName=LONG, policyText=json.dumps(_long_policy(account)))
    for tag in ("1.0", "1.1", "a-tag-that-is-sixty-characters-long-for-reasons-nobody-knows"):
        push(server, account, "team/api", tag)
    hold_back(server, "eu-west-1", held=True)
    push(server, account, "team/api", "2.0")
    push(server, account, LONG, "latest")


def _age(ecr: Any) -> None:  # noqa: ANN401 — boto3 makes its clients at run time
    """Give a repository as many rules as a policy may have, and preview a policy that takes most images of another."""
    rules = [_rule(number, tagPrefixList=[LONG[: number + 10], f"team{number}"]) for number in range(1, 50)]
    rules.append(_rule(50, tagStatus="any"))
    ecr.put_lifecycle_policy(repositoryName=LONG, lifecyclePolicyText=json.dumps({"rules": rules}))
    taking = json.dumps({"rules": [_rule(1, tagStatus="any", countNumber=1)]})
    ecr.start_lifecycle_policy_preview(repositoryName="team/api", lifecyclePolicyText=taking)
    waiter = ecr.get_waiter("lifecycle_policy_preview_complete")
    waiter.wait(repositoryName="team/api", WaiterConfig={"Delay": 1})


def _rule(priority: int, **selection: object) -> dict[str, object]:
    basis = {"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 1000}
    described = MARKUP if priority == 1 else f"The images of team {priority}, which are kept for as long as it wants"
    return {
        "rulePriority": priority,
        "description": described,
        "selection": basis | selection,
        "action": {"type": "expire"},
    }


def _set(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — boto3 makes its clients at run time
    """Give the registry as much of each setting as a page shows. Enhanced scans are of a Region without findings."""
    filters = [{"filter": f"{LONG}-{number:02}/*", "filterType": "WILDCARD"} for number in range(40)]
    rule = {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": filters}
    enhanced = server.client("ecr", account, "eu-north-1")
    enhanced.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])
    for number in range(60):
        arn = f"arn:aws:iam::222222222222:role/a-path/that-is-long/a-role-with-a-rather-long-name-{number:02}"
        ecr.register_pull_time_update_exclusion(principalArn=arn)
    _template(ecr)
    profile = f"arn:aws:signer:eu-west-1:222222222222:/signing-profiles/{'long_name_' * 6}"
    signed = [{"filter": f"{LONG}/*", "filterType": "WILDCARD_MATCH"}] * 12
    rules = [{"signingProfileArn": f"{profile}{number}", "repositoryFilters": signed} for number in range(10)]
    ecr.put_signing_configuration(signingConfiguration={"rules": rules})


def _template(ecr: Any) -> None:  # noqa: ANN401 — boto3 makes its clients at run time
    """Make many templates, one of which has as much of everything as a page shows."""
    for number in range(25):
        ecr.create_repository_creation_template(prefix=f"{LONG}-{number:02}", appliedFor=["REPLICATION"])
    rules = [_rule(number, tagPrefixList=[LONG[: number + 10], f"team{number}"]) for number in range(1, 50)]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    statements = [statement | {"Sid": f"Statement{number}"} for number in range(80)]
    ecr.create_repository_creation_template(
        prefix="ROOT",
        appliedFor=["CREATE_ON_PUSH", "REPLICATION", "PULL_THROUGH_CACHE"],
        description=MARKUP * 3,
        imageTagMutability="MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": f"{LONG[:9]}-*"}],
        resourceTags=[{"Key": f"key-{number}-{LONG}", "Value": "v" * 200} for number in range(50)],
        repositoryPolicy=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        lifecyclePolicy=json.dumps({"rules": rules}),
    )


def _setting_places() -> list[Place]:
    home, empty = "/console/eu-west-1", "/console/af-south-1"
    return [
        Place("scanning", "/console/eu-north-1/scanning", "Continuous scanning"),
        Place("templates", f"{home}/templates", "Next page"),
        Place("templates-none", f"{empty}/templates", "No templates"),
        Place("template", f"{home}/templates/one?prefix=ROOT", "every repository that no other template"),
        Place("template-new", f"{home}/templates/new", "Custom role ARN"),
        Place("template-edit", f"{home}/templates/edit?prefix=ROOT", "Custom role ARN"),
        Place("template-delete", f"{home}/templates/delete?prefix={LONG}-00", "Delete template"),
        Place("scanning-none", f"{empty}/scanning", "Basic scanning"),
        Place("account-settings", f"{home}/account-settings", "Blob mounting"),
        Place("account-settings-edit", f"{home}/account-settings/edit?name=REGISTRY_POLICY_SCOPE", "V1"),
        Place("exclusions", f"{home}/pull-time-exclusions", "Next page"),
        Place("exclusions-none", f"{empty}/pull-time-exclusions", "No exclusions"),
        Place("exclusions-remove", f"{home}/pull-time-exclusions/deregister?principal={LONG}", "Remove exclusion"),
        Place("signing", f"{home}/signing", "SIGNING_NOT_SUPPORTED"),
        Place("signing-none", f"{empty}/signing", "No configuration"),
        Place("signing-edit", f"{home}/signing/edit", "Rule 10"),
        Place("signing-create", f"{empty}/signing/edit", "Rule 1"),
        Place("signing-delete", f"{home}/signing/delete", "These rules of account"),
    ]


def _lifecycle_places() -> list[Place]:
    home = "/console/eu-west-1/lifecycle"
    return [
        Place("lifecycle", f"{home}?repository={LONG}", "Preview saved policy"),
        Place("lifecycle-none", f"{home}?repository=empty", "No lifecycle policy"),
        Place("lifecycle-edit", f"{home}/edit?repository={LONG}", "The text in words"),
        Place("lifecycle-create", f"{home}/edit?repository=empty", "Create lifecycle policy"),
        Place("lifecycle-preview", f"{home}/preview?repository=team/api", "images would expire"),
        Place("lifecycle-preview-none", f"{home}/preview?repository=empty", "There is no preview yet"),
        Place("lifecycle-delete", f"{home}/delete?repository={LONG}", "These rules are deleted"),
    ]


def _registry_places() -> list[Place]:
    home = "/console/eu-west-1"
    add = f"{home}/replication/add"
    regions = "type=region&type=account&region=us-east-1&region=eu-central-1"
    whole = f"{regions}&account0=222222222222&account0-region=us-west-2&filter={LONG[:30]}"
    return [
        Place("repositories", f"{home}/repositories", LONG),
        Place("repositories-search", f"{home}/repositories?search=team/", "team/web"),
        Place("repositories-found-none", f"{home}/repositories?search={LONG}{LONG}", "with a name that begins with"),
        Place("repository-new", f"{home}/repositories/new", "Image tag mutability"),
        Place("images", f"{home}/images?repository=team/api", "Digest"),
        Place("images-long-name", f"{home}/images?repository={LONG}", LONG),
        Place(
            "images-found",
            f"{home}/images?repository=team/api&search=a-tag&sort=tag-backwards",
            "looks at the beginnings",
        ),
        Place("images-not-found", f"{home}/images?repository=team/api&search=x&status=ARCHIVED", "No images match"),
        Place("images-search-refused", f"{home}/images?repository=team/api&search=a%20b", "Invalid input"),
        Place("images-none", f"{home}/images?repository=empty", "No images yet"),
        Place("repository-delete", f"{home}/repositories/delete?repository={LONG}", "Also delete its images"),
        Place("repository-delete-empty", f"{home}/repositories/delete?repository=empty", "It has no images"),
        Place("policy", f"{home}/policy?repository={LONG}&done=saved", "Edit policy"),
        Place("policy-none", f"{home}/policy?repository=empty", "No repository policy"),
        Place("policy-edit", f"{home}/policy/edit?repository={LONG}", "Save policy"),
        Place("policy-why", f"{home}/policy/why?repository={LONG}", "Explain"),
        Place(
            "policy-why-answer",
            f"{home}/policy/why?repository={LONG}&principal=999999999999&action=ecr:CreateRepository",
            "This account does not allow it",
        ),
        Place("policy-delete", f"{home}/policy/delete?repository={LONG}", "Delete the policy of"),
        Place("tags", f"{home}/tags?repository={LONG}&key=01{'k' * 120}", "50 of at most 50"),
        Place("tags-none", f"{home}/tags?repository=empty", "This repository has no tags"),
        Place("settings", f"{home}/settings?repository={LONG}&done=mutability", "Scan on push"),
        Place("registry", f"{home}/registry", "Registry permissions"),
        Place("replication", f"{home}/replication?done=created", "Rules"),
        Place("replication-activity", f"{home}/replication/activity", "DESTINATION_REGISTRY_ACCESS_DENIED"),
        Place("replication-activity-none", "/console/sa-east-1/replication/activity", "No copies in this state"),
        Place("replication-edit", f"{home}/replication/edit", "Delete all"),
        Place("replication-add-types", add, "Destination types"),
        Place("replication-add-nothing", f"{add}?at=types&go=next", "choose at least one type"),
        Place("replication-add-regions", f"{add}?{regions}&at=types&go=next", "Destination Regions"),
        Place("replication-add-accounts", f"{add}?{whole}&at=regions&go=next", "Destination account 1"),
        Place("replication-add-filters", f"{add}?{whole}&at=accounts&go=next", "Repository filters"),
        Place("replication-review", f"{add}?{whole}&at=filters&go=next", "Submit rule"),
        Place("replication-remove", f"{home}/replication/remove?rule=2", "Remove rule 2"),
        Place("replication-delete-all", f"{home}/replication/delete-all", "Delete all replication rules"),
        Place("permissions", f"{home}/permissions", "Registry policy"),
        Place("permissions-edit", f"{home}/permissions/edit", "Policy, as JSON"),
        Place("permissions-generate", f"{home}/permissions/generate", "Source accounts"),
        Place(
            "permissions-preview",
            f"{home}/permissions/generate?sid=Another&accounts=333333333333,444444444444",
            "Add to policy",
        ),
        Place("permissions-delete", f"{home}/permissions/delete", "can then no longer replicate"),
        Place("no-such-page", f"{home}/nothing", "Page not found"),
        Place("no-such-repository", f"{home}/images?repository=not-there", "Not found"),
    ]


def _image_places(server: Served, account: str, ecr: Any) -> list[Place]:  # noqa: ANN401 — boto3 makes its clients at run time
    page = "/console/eu-west-1/image?repository=pictures&digest="
    ecr.create_repository(repositoryName="pictures")
    tags = ["b" * 128, "1.0"]
    plain, other = [push(server, account, "pictures", tag) for tag in tags]
    whole = push_index(server, account, "pictures", "all", *tags)
    push_referrer(server, account, "pictures", "1.0")
    for digest in (whole, other):
        image = {"imageDigest": digest}
        ecr.update_image_storage_class(repositoryName="pictures", imageId=image, targetStorageClass="ARCHIVE")
    index = push_index(server, account, "pictures", "some", tags[0])
    findings = "/console/eu-west-1/image/findings?repository=pictures&digest="
    _find_much(server, ecr, plain)
    return [
        Place(
            "images-archive",
            f"/console/eu-west-1/images/archive?repository=pictures&digest={plain}",
            "Archiving is not replicated",
        ),
        Place(
            "images-restore",
            f"/console/eu-west-1/images/restore?repository=pictures&digest={whole}&digest={other}",
            "Restore 2 images of pictures?",
        ),
        Place(
            "images-delete",
            f"/console/eu-west-1/images/delete?repository=pictures&digest={plain}&digest={index}",
            "Delete 2 images of pictures?",
        ),
        Place(
            "images-delete-none", "/console/eu-west-1/images/delete?repository=pictures", "Choose at least one image"
        ),
        Place(
            "image-untag",
            f"/console/eu-west-1/image/untag?repository=pictures&digest={plain}&tag={tags[0]}",
            "the image is deleted with it",
        ),
        Place("image-findings", f"{findings}{plain}", "CVE-2026-0001"),
        Place("image-findings-none", f"{findings}{index}", "An index is not scanned"),
        Place("image", f"{page}{plain}", "docker pull"),
        Place("image-archived", f"{page}{other}", "is not pulled until it is restored"),
        Place("image-index", f"{page}{index}", "Images in this index"),
        Place("image-index-archived", f"{page}{whole}", "restore it first"),
        Place("image-missing", f"{page}sha256:{'0' * 64}", "Not found"),
    ]


def _find_much(server: Served, ecr: Any, digest: str) -> None:  # noqa: ANN401 — boto3 makes its clients at run time
    asked = {"repositoryName": "pictures", "imageId": {"imageDigest": digest}}
    ecr.start_image_scan(**asked)
    until(lambda: ecr.describe_image_scan_findings(**asked)["imageScanStatus"]["status"] == "FAILED")
    long = {"name": "CVE-2026-0001" + "x" * 200, "description": MARKUP * 20, "uri": f"https://cves.example/{'y' * 300}"}
    package = [{"key": "package_name", "value": "z" * 256}, {"key": "package_version", "value": "1"}]
    severities = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
    findings = [{**long, "severity": each, "attributes": package} for each in severities for _ in range(6)]
    find(server, "eu-west-1", digest, findings)


def _role_places(task: str) -> list[Place]:
    home = "/console/eu-west-1/roles"
    return [
        Place("roles", home, ROLE),
        Place("role", f"{home}/{ROLE}", "Trust policy"),
        Place("role-description", f"{home}/{ROLE}/description", "Edit description"),
        Place("role-delete", f"{home}/{ROLE}/delete", "Last activity"),
        Place("role-deletion", f"{home}/{ROLE}/deletion?task={task}", "Deletion of"),
    ]


def _empty_places() -> list[Place]:
    home = "/console/af-south-1"
    return [
        Place("empty-repositories", f"{home}/repositories", "No repositories in"),
        Place("empty-replication", f"{home}/replication", "No replication rules in"),
        Place("empty-replication-edit", f"{home}/replication/edit", "no rules yet"),
        Place("empty-permissions", f"{home}/permissions", "No other account"),
    ]


def _long_policy(account: str) -> dict[str, object]:
    statements = [
        {
            "Sid": f"Source{number}",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{number:012}:root"},
            "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
            "Resource": [f"arn:aws:ecr:eu-west-1:{account}:repository/{LONG}/*"],
        }
        for number in range(1, 25)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _trust(account: str) -> str:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
