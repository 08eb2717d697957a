"""Every page and form of the console asks the gate, or leads to one that does."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import doors
from tests.browser.pushing import push
from tests.console.browsing import Visitor
from tests.iam.answers import trusting
from tests.journeys.images import small
from tests.served import Served, new_account
from tests.sts.callers import document, statement, user
from tests.waiting import until
from twinport.console.door import ConsoleDoor

# boto3 makes its clients at run time.
Ecr = Any
Iam = Any
REGION, OTHER_REGION = "eu-west-1", "us-east-1"
ROLE = "AWSServiceRoleForECRReplication"
# The image that is pushed under this tag.
DIGEST = small("v1").manifest.digest
SCANNER = "arn:aws:iam::222222222222:role/scanner"
# How each page is opened: under its pattern, that which follows the Region.
PAGES = {
    "repositories": "repositories",
    "repositories/delete": "repositories/delete?repository=team/api",
    "images": "images?repository=team/api",
    "images/fresh": "images/fresh?repository=team/api",
    "image": f"image?repository=team/api&digest={DIGEST}",
    "images/archive": f"images/archive?repository=team/api&digest={DIGEST}",
    "images/restore": f"images/restore?repository=team/api&digest={DIGEST}",
    "images/delete": f"images/delete?repository=team/api&digest={DIGEST}",
    "image/untag": f"image/untag?repository=team/api&digest={DIGEST}&tag=v1",
    "image/findings": f"image/findings?repository=team/api&digest={DIGEST}",
    "image/findings/fresh": f"image/findings/fresh?repository=team/api&digest={DIGEST}",
    "image/fresh": f"image/fresh?repository=team/api&digest={DIGEST}",
    "policy": "policy?repository=team/api",
    "policy/edit": "policy/edit?repository=team/api",
    "policy/why": "policy/why?repository=team/api&principal=222222222222&action=ecr:PutImage",
    "policy/delete": "policy/delete?repository=team/api",
    "tags": "tags?repository=team/api",
    "settings": "settings?repository=team/api",
    "lifecycle": "lifecycle?repository=team/api",
    "lifecycle/edit": "lifecycle/edit?repository=team/api",
    "lifecycle/preview": "lifecycle/preview?repository=team/api",
    "lifecycle/preview/fresh": "lifecycle/preview/fresh?repository=team/api",
    "lifecycle/delete": "lifecycle/delete?repository=team/api",
    "registry": "registry",
    "scanning": "scanning",
    "account-settings": "account-settings",
    "account-settings/edit": "account-settings/edit?name=BLOB_MOUNTING",
    "pull-time-exclusions": "pull-time-exclusions",
    "pull-time-exclusions/deregister": f"pull-time-exclusions/deregister?principal={SCANNER}",
    "signing": "signing",
    "templates": "templates",
    "templates/one": "templates/one?prefix=prod",
    "templates/edit": "templates/edit?prefix=prod",
    "templates/delete": "templates/delete?prefix=prod",
    "signing/edit": "signing/edit",
    "signing/delete": "signing/delete",
    "replication": "replication",
    "replication/edit": "replication/edit",
    "replication/activity": "replication/activity",
    "replication/add": f"replication/add?type=region&region={OTHER_REGION}&at=filters&go=next",
    "replication/remove": "replication/remove?rule=1",
    "replication/delete-all": "replication/delete-all",
    "permissions": "permissions",
    "permissions/edit": "permissions/edit",
    "permissions/generate": "permissions/generate?sid=Fresh&accounts=222222222222",
    "permissions/delete": "permissions/delete",
    "roles": "roles",
    "roles/{name}": f"roles/{ROLE}",
    "roles/{name}/description": f"roles/{ROLE}/description",
    "roles/{name}/delete": f"roles/{ROLE}/delete",
    "roles/{name}/deletion": f"roles/{ROLE}/deletion",
    "roles/{name}/deletion/fresh": f"roles/{ROLE}/deletion/fresh",
}
# Forms that show no data of an account.
BLANK, BLANK_TEMPLATE = "repositories/new", "templates/new"
PROFILE = f"arn:aws:signer:{REGION}:222222222222:/signing-profiles/one"
POLICY = document(
    statement(
        "Allow", "ecr:ReplicateImage", f"arn:aws:ecr:{REGION}:ACCOUNT:repository/*", Principal={"AWS": "222222222222"}
    )
)

OWN_POLICY = document(statement("Allow", "ecr:BatchGetImage", Principal={"AWS": "333333333333"}))


@dataclass(frozen=True)
class Form:
    """What is typed into a form, the action that sending it needs, and what the page says that it leads to.

    `page` is the key of the page that the form stands on, if that is not the form's own address.
    """

    action: str
    says: str
    typed: dict[str, str] = field(default_factory=dict)
    page: str = ""


LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1000},
                "action": {"type": "expire"},
            }
        ]
    }
)
RULE = {"priority": "2", "tags": "untagged", "count-type": "sinceImagePushed", "count": "7", "action": "expire"}
TEMPLATE = {"applied": "CREATE_ON_PUSH", "mutability": "IMMUTABLE", "encryption": "AES256"}
FORMS = {
    "images/archive": Form("ecr:UpdateImageStorageClass", "The image is in the archive."),
    "images/restore": Form("ecr:UpdateImageStorageClass", "The image is active."),
    "images/delete": Form("ecr:BatchDeleteImage", "1 image was deleted.", {"confirmation": "team/api"}),
    "image/untag": Form("ecr:BatchDeleteImage", "1 image was deleted.", {"confirmation": "v1"}),
    "image/findings": Form("ecr:StartImageScan", "A scan was requested."),
    BLANK: Form(
        "ecr:CreateRepository",
        "<h1>team/web</h1>",
        {"name": "team/web", "mutability": "IMMUTABLE", "encryption": "AES256"},
    ),
    "repositories/delete": Form(
        "ecr:DeleteRepository", "The repository was deleted.", {"confirmation": "team/api", "images": "deleted"}
    ),
    "policy/edit": Form(
        "ecr:SetRepositoryPolicy", "The policy is saved.", {"policy": OWN_POLICY.replace("333", "444")}
    ),
    "policy/delete": Form("ecr:DeleteRepositoryPolicy", "The policy was deleted", {"confirmation": "team/api"}),
    "tags/set": Form("ecr:TagResource", "The tag is saved.", {"key": "owner", "value": "us"}, "tags"),
    "tags/remove": Form("ecr:UntagResource", "The tags were removed.", {"chosen": "team"}, "tags"),
    "settings/mutability": Form(
        "ecr:PutImageTagMutability", "Image tag mutability is saved.", {"mutability": "IMMUTABLE"}, "settings"
    ),
    "settings/scanning": Form(
        "ecr:PutImageScanningConfiguration", "Scan on push is saved.", {"scan": "on"}, "settings"
    ),
    "lifecycle/edit": Form("ecr:PutLifecyclePolicy", "The policy is saved.", {"policy": LIFECYCLE}),
    "lifecycle/add": Form(
        "ecr:GetLifecyclePolicy", "was added to the text", {"policy": "", **RULE}, page="lifecycle/edit"
    ),
    "lifecycle/preview": Form("ecr:StartLifecyclePolicyPreview", "Preview of a lifecycle policy"),
    "lifecycle/delete": Form("ecr:DeleteLifecyclePolicy", "The policy was deleted", {"confirmation": "team/api"}),
    BLANK_TEMPLATE: Form(
        "ecr:CreateRepositoryCreationTemplate", "The template was created.", {"prefix": "team", **TEMPLATE}
    ),
    "templates/edit": Form("ecr:UpdateRepositoryCreationTemplate", "The template is saved.", TEMPLATE),
    "templates/delete": Form(
        "ecr:DeleteRepositoryCreationTemplate", "The template was deleted.", {"confirmation": "prod"}
    ),
    "scanning": Form("ecr:PutRegistryScanningConfiguration", "The configuration is saved.", {"type": "ENHANCED"}),
    "account-settings/edit": Form("ecr:PutAccountSetting", "The setting is saved.", {"value": "DISABLED"}),
    "pull-time-exclusions": Form(
        "ecr:RegisterPullTimeUpdateExclusion",
        "The principal was added",
        {"principal": "arn:aws:iam::222222222222:user/backup"},
    ),
    "pull-time-exclusions/deregister": Form("ecr:DeregisterPullTimeUpdateExclusion", "The principal was removed"),
    "signing/edit": Form("ecr:PutSigningConfiguration", "The configuration is saved.", {"profile": "", "filters": ""}),
    "signing/delete": Form("ecr:DeleteSigningConfiguration", "The configuration was deleted", {"confirmation": REGION}),
    "permissions/edit": Form(
        "ecr:PutRegistryPolicy", "The policy is saved.", {"policy": POLICY.replace("222222222222", "333333333333")}
    ),
    "permissions/generate": Form("ecr:PutRegistryPolicy", "The statement was added"),
    "permissions/delete": Form("ecr:DeleteRegistryPolicy", "The policy was deleted", {"confirmation": REGION}),
    "replication/add": Form("ecr:PutReplicationConfiguration", "The rules are saved."),
    "replication/remove": Form("ecr:PutReplicationConfiguration", "The rules were removed."),
    "replication/delete-all": Form(
        "ecr:PutReplicationConfiguration", "The rules were removed.", {"confirmation": REGION}
    ),
    "roles/{name}/description": Form("iam:UpdateRole", "The description is saved.", {"description": "words"}),
    "roles/{name}/delete": Form("iam:DeleteServiceLinkedRole", "Deletion of a role", {"confirmation": ROLE}),
}


def _lifecycle(_server: Served, _account: str, ecr: Ecr) -> None:
    ecr.put_lifecycle_policy(repositoryName="team/api", lifecyclePolicyText=LIFECYCLE)
    ecr.start_lifecycle_policy_preview(repositoryName="team/api")
    until(lambda: ecr.get_lifecycle_policy_preview(repositoryName="team/api")["status"] == "COMPLETE")


def _rule(_server: Served, account: str, ecr: Ecr) -> None:
    place = {"region": OTHER_REGION, "registryId": account}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [place]}]})


# What pages and forms are about, each part with how an account gets it.
FURNITURE: dict[str, Callable[[Served, str, Ecr], object]] = {
    "repository": lambda _server, _account, ecr: ecr.create_repository(
        repositoryName="team/api", tags=[{"Key": "team", "Value": "a"}]
    ),
    "image": lambda server, account, _ecr: push(server, account, "team/api", "v1", REGION),
    "lifecycle": _lifecycle,
    # A rule comes with the role that it needs.
    "rule": _rule,
    "registry policy": lambda _server, account, ecr: ecr.put_registry_policy(
        policyText=POLICY.replace("ACCOUNT", account)
    ),
    "policy": lambda _server, _account, ecr: ecr.set_repository_policy(
        repositoryName="team/api", policyText=OWN_POLICY
    ),
    "exclusion": lambda _server, _account, ecr: ecr.register_pull_time_update_exclusion(principalArn=SCANNER),
    "template": lambda _server, _account, ecr: ecr.create_repository_creation_template(
        prefix="prod", appliedFor=["REPLICATION"]
    ),
    "signing": lambda _server, _account, ecr: ecr.put_signing_configuration(
        signingConfiguration={"rules": [{"signingProfileArn": PROFILE}]}
    ),
}
# The parts that a form finds, by the first word of its address: an account has them quickly, and no others.
FOUND = {
    "images": ("repository", "image"),
    "image": ("repository", "image"),
    "repositories": ("repository", "image"),
    "policy": ("repository", "policy"),
    "tags": ("repository",),
    "settings": ("repository",),
    "lifecycle": ("repository", "lifecycle"),
    "templates": ("template",),
    "scanning": (),
    "account-settings": (),
    "pull-time-exclusions": ("exclusion",),
    "signing": ("signing",),
    "permissions": ("registry policy",),
    "replication": ("rule",),
    "roles": ("rule",),
}
# The parts of pages that are not shown, and say so, to a user who may not see them and may see the rest.
PARTS = [
    ("images?repository=team/api", "ecr:DescribeImageReplicationStatus"),
    ("images/fresh?repository=team/api", "ecr:DescribeImageReplicationStatus"),
    (f"image?repository=team/api&digest={DIGEST}", "ecr:DescribeImageReplicationStatus"),
    (f"image/fresh?repository=team/api&digest={DIGEST}", "ecr:DescribeImageReplicationStatus"),
    (f"image?repository=team/api&digest={DIGEST}", "ecr:BatchGetImage"),
    (f"image/findings?repository=team/api&digest={DIGEST}", "ecr:DescribeImageScanFindings"),
    (f"image/findings/fresh?repository=team/api&digest={DIGEST}", "ecr:DescribeImageScanFindings"),
    ("repositories/delete?repository=team/api", "ecr:DescribeImages"),
    ("settings?repository=team/api", "ecr:GetRegistryScanningConfiguration"),
    ("lifecycle?repository=team/api", "ecr:GetLifecyclePolicyPreview"),
    ("lifecycle/preview?repository=team/api", "ecr:GetLifecyclePolicy"),
    ("registry", "ecr:GetRegistryScanningConfiguration"),
    ("registry", "ecr:GetSigningConfiguration"),
    ("registry", "ecr:DescribeRepositoryCreationTemplates"),
    ("registry", "ecr:GetAccountSetting"),
    ("registry", "ecr:ListPullTimeUpdateExclusions"),
    ("registry", "ecr:DescribeRegistry"),
    ("registry", "ecr:GetRegistryPolicy"),
    ("replication", "iam:GetRole"),
    ("roles/builder", "iam:ListAttachedRolePolicies"),
    ("roles/builder", "iam:ListRolePolicies"),
    ("roles/builder", "iam:GetRolePolicy"),
    (f"roles/{ROLE}", "iam:GetPolicy"),
    (f"roles/{ROLE}", "iam:GetPolicyVersion"),
    (f"roles/{ROLE}", "ecr:DescribeRegistry"),
]


@dataclass(frozen=True)
class Shown:
    """A furnished account with its root, a user who may nothing, and one who may what a test says."""

    server: Served
    account: str
    root: Visitor
    stranger: Visitor
    someone: Visitor
    ecr: Ecr
    iam: Iam

    def state(self) -> tuple[object, ...]:
        return state(self.ecr, self.iam)

    def allowing_all_but(self, action: str) -> Visitor:
        policy = document(statement("Allow", "*"), statement("Deny", action))
        self.iam.put_user_policy(UserName="someone", PolicyName="p", PolicyDocument=policy)
        return self.someone


@pytest.fixture(scope="module")
def shown(server: Served) -> Shown:
    """An account with an image, rules, a policy and roles, for tests that change nothing."""
    account = new_account()
    root = furnished(server, account)
    iam = server.client("iam", account)
    iam.create_role(RoleName="builder", AssumeRolePolicyDocument=trusting(account))
    iam.put_role_policy(RoleName="builder", PolicyName="inline", PolicyDocument=document(statement("Allow", "s3:*")))
    stranger, ecr = someone(server, account, name="stranger"), server.client("ecr", account, REGION)
    return Shown(server, account, root, stranger, someone(server, account), ecr, iam)


def furnished(server: Served, account: str, parts: Sequence[str] = tuple(FURNITURE)) -> Visitor:
    """Give an account what pages and forms are about, and sign in as its root."""
    ecr = server.client("ecr", account, REGION)
    for part in parts:
        FURNITURE[part](server, account, ecr)
    return Visitor(server, {"way": "open", "account": account})


def test_no_page_and_no_form_of_the_console_is_left_out() -> None:
    [console] = [door for _, door in doors.built() if isinstance(door, ConsoleDoor)]
    routes = {(route.method, route.pattern.removeprefix("/console/{region}/")) for route in console.pages.routes}
    assert routes == {("GET", page) for page in [*PAGES, BLANK, BLANK_TEMPLATE]} | {("POST", form) for form in FORMS}


@pytest.mark.parametrize("page", PAGES)
def test_who_may_nothing_is_shown_nothing_of_a_page(shown: Shown, page: str) -> None:
    assert "not authorized to perform" in shown.stranger.get(f"{REGION}/{PAGES[page]}")


@pytest.mark.parametrize("page", PAGES)
def test_an_accounts_root_sees_every_page(shown: Shown, page: str) -> None:
    assert "not authorized" not in shown.root.get(f"{REGION}/{PAGES[page]}")


def test_the_console_tells_policies_which_page_a_request_came_from(server: Served, account: str) -> None:
    condition = {"StringLike": {"aws:Referer": "https://intranet.example/*"}}
    policy = document(statement("Allow", "ecr:DescribeRepositories", Condition=condition))
    visitor = someone(server, account, policy)
    assert "not authorized to perform" in visitor.get(f"{REGION}/repositories")
    visitor.comes_from("https://intranet.example/links")
    assert "not authorized" not in visitor.get(f"{REGION}/repositories")


@pytest.mark.parametrize("form", FORMS)
def test_an_accounts_root_may_send_every_form(server: Served, account: str, form: str) -> None:
    root = furnished(server, account, FOUND[form.partition("/")[0]])
    assert FORMS[form].says in root.send(address(form), filled(root, account, form))


@pytest.mark.parametrize("form", FORMS)
def test_who_may_nothing_changes_nothing_by_a_form(shown: Shown, form: str) -> None:
    before = shown.state()
    answer = shown.stranger.send(address(form), filled(shown.root, shown.account, form))
    assert "not authorized to perform" in answer
    assert shown.state() == before


@pytest.mark.parametrize("form", FORMS)
def test_who_may_all_but_what_a_form_is_for_is_told_so(shown: Shown, form: str) -> None:
    before, action = shown.state(), FORMS[form].action
    answer = shown.allowing_all_but(action).send(address(form), filled(shown.root, shown.account, form))
    assert f"not authorized to perform: {action} on resource" in answer
    assert "<h1>Access denied</h1>" not in answer, "a page of its own instead of the form"
    assert shown.state() == before


def test_the_first_rule_needs_the_permission_to_create_the_role(server: Served, account: str) -> None:
    root = Visitor(server, {"way": "open", "account": account})
    policy = document(statement("Allow", "*"), statement("Deny", "iam:CreateServiceLinkedRole"))
    rule = filled(root, account, "replication/add")
    answer = someone(server, account, policy).send(address("replication/add"), rule)
    assert "not authorized to perform: iam:CreateServiceLinkedRole on resource" in answer
    assert f"the service-linked role {ROLE} was created" in root.send(address("replication/add"), rule)


@pytest.mark.parametrize(("page", "action"), PARTS)
def test_a_part_of_a_page_that_is_not_shown_says_so(shown: Shown, page: str, action: str) -> None:
    hidden = shown.allowing_all_but(action).get(f"{REGION}/{page}")
    assert f"not authorized to perform: {action} on resource" in hidden
    assert "Access denied" not in hidden
    assert "not authorized" not in shown.root.get(f"{REGION}/{page}")


def someone(server: Served, account: str, policy: str | None = None, name: str = "someone") -> Visitor:
    """Sign in a new user, who may nothing unless a policy is given."""
    person = user(server, account, name, policy)
    return Visitor(server, {"way": "key", "key": person.keys[0], "secret": person.keys[1]})


def address(form: str) -> str:
    return f"{REGION}/{form.format(name=ROLE)}"


def filled(root: Visitor, account: str, form: str) -> dict[str, str]:
    """Return a form as its page shows it to a user who may see it, with what is typed."""
    typed = {name: value.replace("ACCOUNT", account) for name, value in FORMS[form].typed.items()}
    page = FORMS[form].page or form
    return root.form(f"{REGION}/{PAGES.get(page, page)}", form) | typed


def state(ecr: Ecr, iam: Iam) -> tuple[object, ...]:
    """Return all that the forms could change."""
    repositories = ecr.describe_repositories()["repositories"]
    role = iam.get_role(RoleName=ROLE)["Role"]
    try:
        policy = ecr.get_registry_policy()["policyText"]
    except ClientError as refused:
        policy = refused.response["Error"]["Code"]
    replication = ecr.describe_registry()["replicationConfiguration"]
    try:
        own = ecr.get_repository_policy(repositoryName="team/api")["policyText"]
    except ClientError as refused:
        own = refused.response["Error"]["Code"]
    images = ecr.describe_images(repositoryName="team/api", filter={"imageStatus": "ANY"})["imageDetails"]
    tags = [ecr.list_tags_for_resource(resourceArn=each["repositoryArn"])["tags"] for each in repositories]
    lifecycle = ecr.get_lifecycle_policy(repositoryName="team/api")["lifecyclePolicyText"]
    documents, role_facts = (own, lifecycle, policy), (role.get("Description"), role["RoleId"])
    return repositories, images, tags, documents, replication, role_facts, _settings(ecr)


def _settings(ecr: Ecr) -> tuple[object, ...]:
    return (
        ecr.get_registry_scanning_configuration()["scanningConfiguration"],
        ecr.get_account_setting(name="BLOB_MOUNTING")["value"],
        ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"],
        ecr.get_signing_configuration()["signingConfiguration"],
        ecr.describe_repository_creation_templates()["repositoryCreationTemplates"],
    )
