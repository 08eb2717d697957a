"""A push to a repository that is absent, as docker makes it: a template for CREATE_ON_PUSH lets the push create it."""

import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.asgi import Reply
from tests.served import Served, new_account
from tests.shelf import image_of
from tests.waiting import PATIENCE_SECONDS
from twinport.model.content import Digest
from twinport.model.manifests import OCI_MANIFEST

CONFIG, LAYER = b"{}", b"a layer"
PULL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
}
LIFECYCLE = (
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":5},'
    '"action":{"type":"expire"}}]}'
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
PUSHES = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)


class Docker:
    """The requests of `docker push` and `docker pull`, one by one."""

    def __init__(self, server: Served, ecr: Any, registry: str = "") -> None:  # noqa: ANN401 — boto3 makes its clients at run time
        self.port = server.port
        self.prefix = f"/v2/{registry}/" if registry else "/v2/"
        self.token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> Reply:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"authorization": f"Basic {self.token}", "content-type": kind or "application/octet-stream"}
        try:
            connection.request(method, path if path.startswith("/v2/") else self.prefix + path, body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def push_blob(self, name: str, content: bytes) -> Reply:
        """HEAD, POST, PATCH, PUT: stop at the first refusal."""
        digest = Digest.of(content)
        assert self.ask("HEAD", f"{name}/blobs/{digest}").status in {404, 403}
        begun = self.ask("POST", f"{name}/blobs/uploads/")
        if begun.status != 202:
            return begun
        grown = self.ask("PATCH", begun.headers["location"], content)
        assert grown.status == 202
        return self.ask("PUT", f"{grown.headers['location']}?digest={digest}")

    def push(self, name: str, tag: str = "1") -> Reply:
        """Push an image, or return the first refusal."""
        for blob in (LAYER, CONFIG):
            done = self.push_blob(name, blob)
            if done.status != 201:
                return done
        assert self.ask("HEAD", f"{name}/manifests/{tag}").status in {404, 403}
        return self.put(name, tag)

    def put(self, name: str, tag: str = "1") -> Reply:
        return self.ask("PUT", f"{name}/manifests/{tag}", image_of(CONFIG, LAYER), OCI_MANIFEST)


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — as above
    return server.client("ecr", account)


@pytest.fixture
def docker(server: Served, ecr: Any) -> Docker:  # noqa: ANN401 — as above
    return Docker(server, ecr)


def template(ecr: Any, prefix: str, *purposes: str, **settings: object) -> None:  # noqa: ANN401 — as above
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=purposes or ["CREATE_ON_PUSH"], **settings)


def names(ecr: Any) -> list[str]:  # noqa: ANN401 — as above
    return [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]


def user(server: Served, account: str, *statements: dict[str, object], name: str = "ann") -> Any:  # noqa: ANN401 — as above
    """Make a user with these permissions, and a client of ECR with its key."""
    iam = server.client("iam", account)
    iam.create_user(UserName=name)
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client("ecr", account, keys=(key["AccessKeyId"], key["SecretAccessKey"], None))


def allow(*actions: str, resource: str = "*") -> dict[str, object]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def role(server: Served, account: str, *statements: dict[str, object], trust: dict[str, Any] = TRUST) -> str:
    """Make a role for ECR with these permissions, and return its ARN."""
    iam = server.client("iam", account)
    arn: str = iam.create_role(RoleName="maker", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName="maker", PolicyName="own", PolicyDocument=document)
    return arn


# --- a push that creates ------------------------------------------------------------------------------------


def test_a_push_creates_its_repository_with_the_settings_of_the_template(ecr: Any, docker: Docker) -> None:  # noqa: ANN401 — as above
    rule = {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev*"}],
    }
    template(ecr, "prod", repositoryPolicy=json.dumps(PULL), lifecyclePolicy=LIFECYCLE, **rule)
    assert docker.push("prod/api").status == 201
    (repository,) = ecr.describe_repositories()["repositories"]
    assert repository["repositoryName"] == "prod/api"
    assert {name: repository[name] for name in rule} == rule
    policy = json.loads(ecr.get_repository_policy(repositoryName="prod/api")["policyText"])
    assert policy["Statement"][0]["Action"] == "ecr:BatchGetImage"
    assert ecr.get_lifecycle_policy(repositoryName="prod/api")["lifecyclePolicyText"] == LIFECYCLE
    assert docker.ask("GET", "prod/api/manifests/1").body == image_of(CONFIG, LAYER)


def test_without_a_template_for_pushes_the_repository_stays_unknown(ecr: Any, docker: Docker) -> None:  # noqa: ANN401 — as above
    template(ecr, "ROOT", "REPLICATION", "PULL_THROUGH_CACHE")
    template(ecr, "other")
    assert docker.push("prod/api").error[:2] == (404, "NAME_UNKNOWN")
    # A prefix ends at a slash.
    assert docker.push("otherwise/api").error[:2] == (404, "NAME_UNKNOWN")
    assert docker.push("other").error[:2] == (404, "NAME_UNKNOWN")
    assert names(ecr) == []


def test_no_read_creates_a_repository(ecr: Any, docker: Docker) -> None:  # noqa: ANN401 — as above
    template(ecr, "ROOT")
    digest = Digest.of(LAYER)
    reads = [f"blobs/{digest}", "manifests/1", f"manifests/{digest}", "tags/list", f"referrers/{digest}"]
    for path in reads:
        for method in ("HEAD", "GET"):
            assert docker.ask(method, f"prod/api/{path}").status == 404
    for method, path in (("DELETE", "manifests/1"), ("DELETE", f"blobs/{digest}"), ("PATCH", "blobs/uploads/x")):
        assert docker.ask(method, f"prod/api/{path}").status == 404
    for call in (ecr.describe_images, ecr.list_images):
        with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
            call(repositoryName="prod/api")
    assert names(ecr) == []


@pytest.mark.parametrize("query", ["", f"?digest={Digest.of(LAYER)}", f"?mount={Digest.of(LAYER)}&from=base/os"])
def test_every_form_of_the_first_write_creates_the_repository(ecr: Any, docker: Docker, query: str) -> None:  # noqa: ANN401 — as above
    ecr.create_repository(repositoryName="base/os")
    assert docker.push_blob("base/os", LAYER).status == 201
    template(ecr, "ROOT")
    reply = docker.ask("POST", f"prod/api/blobs/uploads/{query}", LAYER if "digest" in query else b"")
    assert reply.status == (201 if query else 202)
    assert names(ecr) == ["base/os", "prod/api"]


def test_a_mount_from_an_absent_repository_creates_the_target_alone(ecr: Any, docker: Docker) -> None:  # noqa: ANN401 — as above
    template(ecr, "ROOT")
    query = f"mount={Digest.of(LAYER)}&from=base/os"
    assert docker.ask("POST", f"prod/api/blobs/uploads/?{query}").status == 202
    assert names(ecr) == ["prod/api"]


def test_a_manifest_may_be_the_first_write(ecr: Any, docker: Docker) -> None:  # noqa: ANN401 — as above
    template(ecr, "ROOT")
    assert docker.put("prod/api").error[:2] == (400, "MANIFEST_BLOB_UNKNOWN")
    assert names(ecr) == ["prod/api"]
    # What is no manifest creates nothing.
    assert docker.ask("PUT", "prod/web/manifests/1", b"{", OCI_MANIFEST).error[:2] == (400, "MANIFEST_INVALID")
    assert names(ecr) == ["prod/api"]


def test_the_operations_of_ecrs_own_api_create_the_repository_too(ecr: Any) -> None:  # noqa: ANN401 — as above
    template(ecr, "ROOT")
    assert ecr.initiate_layer_upload(repositoryName="prod/api")["uploadId"]
    with pytest.raises(ecr.exceptions.LayersNotFoundException):
        ecr.put_image(repositoryName="prod/web", imageManifest=image_of(CONFIG, LAYER).decode())
    assert names(ecr) == ["prod/api", "prod/web"]


def test_the_most_specific_template_for_pushes_decides_and_root_comes_last(ecr: Any, docker: Docker) -> None:  # noqa: ANN401 — as above
    template(ecr, "ROOT", imageTagMutability="IMMUTABLE")
    template(ecr, "prod", imageTagMutability="MUTABLE")
    template(ecr, "prod/team/", imageTagMutability="IMMUTABLE")
    template(ecr, "prod/team/api", "REPLICATION", imageTagMutability="MUTABLE")
    wanted = {"prod/api": "MUTABLE", "prod/team": "MUTABLE", "prod/team/api/x": "IMMUTABLE", "dev": "IMMUTABLE"}
    for name in wanted:
        assert docker.push(name).status == 201
    found = {each["repositoryName"]: each["imageTagMutability"] for each in ecr.describe_repositories()["repositories"]}
    assert found == wanted


def test_a_template_says_nothing_about_a_repository_that_exists(ecr: Any, docker: Docker) -> None:  # noqa: ANN401 — as above
    ecr.create_repository(repositoryName="prod/api")
    template(ecr, "prod", imageTagMutability="IMMUTABLE")
    assert docker.push("prod/api").status == 201
    assert ecr.describe_repositories()["repositories"][0]["imageTagMutability"] == "MUTABLE"


def test_pushes_at_once_create_the_repository_once(ecr: Any, docker: Docker) -> None:  # noqa: ANN401 — as above
    template(ecr, "prod", imageTagMutability="IMMUTABLE")
    with ThreadPoolExecutor(8) as clients:
        begun = list(clients.map(lambda _: docker.ask("POST", "prod/api/blobs/uploads/"), range(16)))
    assert {reply.status for reply in begun} == {202}
    assert names(ecr) == ["prod/api"]
    # Each upload is one of the repository that there is.
    assert {docker.ask("GET", reply.headers["location"]).status for reply in begun} == {204}


def test_a_push_to_another_region_takes_the_template_of_that_region(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    away = server.client("ecr", account, "us-east-1")
    template(away, "ROOT", imageTagMutability="IMMUTABLE")
    docker = Docker(server, ecr, f"{account}/us-east-1")
    assert docker.push("prod/api").status == 201
    assert (names(ecr), names(away)) == ([], ["prod/api"])


# --- permissions --------------------------------------------------------------------------------------------


def test_a_pusher_needs_the_permission_to_create(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    template(ecr, "prod")
    pusher = Docker(server, user(server, account, allow(*PUSHES)))
    refused = pusher.push("prod/api")
    assert refused.error[:2] == (403, "DENIED")
    assert "is not authorized to perform: ecr:CreateRepository on" in refused.error[2]
    # Where none matches, the answer is the one that says the repository is unknown.
    assert pusher.push("dev/api").error[:2] == (404, "NAME_UNKNOWN")
    assert names(ecr) == []
    # In a repository that exists, nothing but the push is asked for.
    ecr.create_repository(repositoryName="prod/api")
    assert pusher.push("prod/api").status == 201


def test_a_caller_that_may_not_push_learns_nothing_and_creates_nothing(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    template(ecr, "prod")
    ecr.create_repository(repositoryName="prod/there")
    stranger = user(server, account, allow("ecr:GetAuthorizationToken", "ecr:CreateRepository"))
    docker = Docker(server, stranger)
    answers = {docker.ask("POST", f"{name}/blobs/uploads/").error[:2] for name in ("prod/there", "prod/api", "none")}
    assert answers == {(403, "DENIED")}
    assert names(ecr) == ["prod/there"]


def test_tags_need_a_role_that_may_tag(server: Served, account: str, ecr: Any, docker: Docker) -> None:  # noqa: ANN401 — as above
    tags = [{"Key": "team", "Value": "a"}]
    template(ecr, "prod", resourceTags=tags)
    refused = docker.push("prod/api")
    assert refused.error[:2] == (403, "DENIED")
    assert "AWSServiceRoleForECRTemplate" in refused.error[2]
    assert "ecr:TagResource" in refused.error[2]
    assert names(ecr) == []
    arn = role(server, account, allow("ecr:CreateRepository", "ecr:TagResource"))
    ecr.update_repository_creation_template(prefix="prod", customRoleArn=arn)
    assert docker.push("prod/api").status == 201
    (repository,) = ecr.describe_repositories()["repositories"]
    assert ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"] == tags


def test_a_key_needs_a_role_that_may_use_it(server: Served, account: str, ecr: Any, docker: Docker) -> None:  # noqa: ANN401 — as above
    key = f"arn:aws:kms:eu-west-1:{account}:key/0a1b2c3d-0000-4000-8000-000000000000"
    template(ecr, "prod", encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key})
    refused = docker.push("prod/api")
    assert refused.error[:2] == (403, "DENIED")
    assert f"kms:CreateGrant on resource: {key}" in refused.error[2]
    allowed = allow("kms:CreateGrant", "kms:DescribeKey", resource=key)
    arn = role(server, account, allow("ecr:CreateRepository"), allowed)
    ecr.update_repository_creation_template(prefix="prod", customRoleArn=arn)
    assert docker.push("prod/api").status == 201
    (repository,) = ecr.describe_repositories()["repositories"]
    assert repository["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key}


@pytest.mark.parametrize(
    ("statements", "trusted", "missing"),
    [
        ((), "ecr.amazonaws.com", "ecr:CreateRepository"),
        ((allow("ecr:CreateRepository", resource="arn:aws:ecr:*:*:repository/x"),), "ecr.amazonaws.com", "CreateRepo"),
        ((allow("ecr:*"),), "replication.ecr.amazonaws.com", "sts:AssumeRole"),
    ],
    ids=["no permission", "another repository", "no trust"],
)
def test_a_role_that_may_not_create_creates_nothing(
    server: Served, account: str, statements: tuple[dict[str, object], ...], trusted: str, missing: str
) -> None:
    ecr = server.client("ecr", account)
    statement = {"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}
    arn = role(server, account, *statements, trust={"Version": "2012-10-17", "Statement": [statement]})
    template(ecr, "prod", customRoleArn=arn)
    refused = Docker(server, ecr).push("prod/api")
    assert refused.error[:2] == (403, "DENIED")
    assert missing in refused.error[2]
    assert names(ecr) == []


def test_another_account_creates_what_the_registrys_policy_lets_it(server: Served, account: str, ecr: Any) -> None:  # noqa: ANN401 — as above
    template(ecr, "ROOT")
    other = new_account()
    docker = Docker(server, server.client("ecr", other), f"{account}/eu-west-1")
    assert docker.push("prod/api").error[:2] == (403, "DENIED")
    grant = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{other}:root"}, "Resource": "*"}

    def let(*actions: str) -> None:
        text = json.dumps({"Version": "2012-10-17", "Statement": [{**grant, "Action": list(actions)}]})
        ecr.put_registry_policy(policyText=text)

    let(*(action for action in PUSHES if action != "ecr:GetAuthorizationToken"))
    assert "ecr:CreateRepository" in docker.push("prod/api").error[2]
    assert names(ecr) == []
    let("ecr:*")
    assert docker.push("prod/api").status == 201
    assert names(ecr) == ["prod/api"]


def test_a_template_with_tags_is_refused_through_ecrs_api_in_its_form(ecr: Any) -> None:  # noqa: ANN401 — as above
    template(ecr, "prod", resourceTags=[{"Key": "team", "Value": "a"}])
    with pytest.raises(ClientError, match="ecr:TagResource") as refusal:
        ecr.initiate_layer_upload(repositoryName="prod/api")
    assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"
