"""Each example that the AWS command line documents for ECR is typed as it stands there, and prints what is documented.

What is documented is read from the installed command line. What was changed in a command is in `ADAPTED`: all have
another account and Region, and the paths of their files.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.catalogs import SQLITE
from tests.ecr.pushing import EMPTY, OCI_CONFIG, digest_of, manifest, push, push_layer
from tests.journeys import cli_examples
from tests.journeys.cli_examples import Example
from tests.journeys.clients import HOME, Owner
from tests.journeys.server import Server
from tests.journeys.waiting import until
from tests.served import new_account
from tests.waiting import PATIENCE_SECONDS

# What the command line is told does not depend on it.
DATABASES = (SQLITE,)
CONFIG = b'{"os": "linux"}'
IMAGE = manifest(CONFIG).replace(EMPTY, OCI_CONFIG)
POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]})
# What is documented: the digest of an image, the id of an upload, and where the bytes of a layer lie.
SCANNED = "sha256:74b2c688c700ec95a93e478cdb959737c148df3fbf5ea706abe0318726e885e6"
UPLOAD = "6cb64b8a-9378-0e33-2ab1-b780fab8a9e9"
LAYER_FOLDER = (
    "/var/lib/docker/image/overlay2/layerdb/sha256/ff986b10a018b48074e6d3a68b39aad8ccc002cdad912d4148c0f92b3729323e/"
)
FINDINGS = {
    "vulnerabilitySourceUpdatedAt": "2026-01-24T00:00:00Z",
    "findings": [
        {
            "name": "CVE-2019-5188",
            "description": "A code execution vulnerability",
            "uri": "https://example.com/CVE-2019-5188",
            "severity": "MEDIUM",
            "attributes": [{"key": "package_name", "value": "e2fsprogs"}],
        }
    ],
}

# What an example needs to be there, and what is to be written in its place: a text, and what stands for it.
Prepared = Mapping[str, str]
Prepare = Callable[[Any, str, Path], Prepared]


def nothing(_ecr: Any, _name: str, _folder: Path) -> Prepared:  # noqa: ANN401 — boto3 makes its clients at run time
    return {}


def repository(ecr: Any, name: str, _folder: Path) -> Prepared:  # noqa: ANN401 — as above
    ecr.create_repository(repositoryName=name, tags=[{"Key": "Stage", "Value": "Integ"}])
    return {}


def two_repositories(ecr: Any, _name: str, _folder: Path) -> Prepared:  # noqa: ANN401 — as above
    for name in ("ubuntu", "test"):
        ecr.create_repository(repositoryName=name)
    return {}


def image(*tags: str) -> Prepare:
    """Push an image with these tags; its digest stands for the documented one."""

    def prepare(ecr: Any, name: str, folder: Path) -> Prepared:  # noqa: ANN401 — as above
        repository(ecr, name, folder)
        push_layer(ecr, name, CONFIG)
        digests = {push(ecr, name, IMAGE, tag) for tag in tags}
        return {f"imageDigest={SCANNED}": f"imageDigest={digests.pop()}"}

    return prepare


def two_images(ecr: Any, name: str, folder: Path) -> Prepared:  # noqa: ANN401 — as above
    repository(ecr, name, folder)
    push_layer(ecr, name, CONFIG)
    for tag in ("prod", "team1"):
        push(ecr, name, manifest(CONFIG, annotations={"tag": tag}), tag)
    return {}


def layer(ecr: Any, name: str, folder: Path) -> Prepared:  # noqa: ANN401 — as above
    """Push an image: the digest of its configuration stands for the documented one."""
    image("1")(ecr, name, folder)
    return {"sha256:6171c7451a50945f8ddd72f7732cc04d7a0d1f48138a426b2e64387fdeb834ed": digest_of(CONFIG)}


def upload(ecr: Any, name: str, folder: Path) -> Prepared:  # noqa: ANN401 — as above
    """Begin an upload, and write its bytes into a file."""
    repository(ecr, name, folder)
    (folder / "layer.b64").write_bytes(CONFIG)
    return {
        UPLOAD: ecr.initiate_layer_upload(repositoryName=name)["uploadId"],
        "8323314": str(len(CONFIG) - 1),
        LAYER_FOLDER: "",
    }


def whole_upload(ecr: Any, name: str, folder: Path) -> Prepared:  # noqa: ANN401 — as above
    """Upload all of a layer. What is documented as its digest is no digest."""
    words = upload(ecr, name, folder)
    where = {"repositoryName": name, "uploadId": words[UPLOAD]}
    ecr.upload_layer_part(**where, partFirstByte=0, partLastByte=len(CONFIG) - 1, layerPartBlob=CONFIG)
    return {f"{UPLOAD}:48074e6d3a68b39aad8ccc002cdad912d4148c0f92b3729323e": digest_of(CONFIG), **words}


def manifest_file(ecr: Any, name: str, folder: Path) -> Prepared:  # noqa: ANN401 — as above
    """Put a manifest whose layers are there into the place of the documented one."""
    image("2019.07")(ecr, name, folder)
    (folder / "hello-world.manifest.json").write_text(IMAGE)
    return {}


def policy(ecr: Any, name: str, folder: Path) -> Prepared:  # noqa: ANN401 — as above
    repository(ecr, name, folder)
    ecr.set_repository_policy(repositoryName=name, policyText=POLICY)
    return {}


def lifecycle(ecr: Any, name: str, folder: Path) -> Prepared:  # noqa: ANN401 — as above
    repository(ecr, name, folder)
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=LIFECYCLE)
    return {}


def preview(ecr: Any, name: str, folder: Path) -> Prepared:  # noqa: ANN401 — as above
    lifecycle(ecr, name, folder)
    ecr.start_lifecycle_policy_preview(repositoryName=name)
    ecr.get_waiter("lifecycle_policy_preview_complete").wait(
        repositoryName=name, WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE_SECONDS}
    )
    return {}


def scan(ecr: Any, name: str, folder: Path) -> Prepared:  # noqa: ANN401 — as above
    words = image("1")(ecr, name, folder)
    ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "1"})
    asked = {"repositoryName": name, "imageId": {"imageTag": "1"}}
    until(
        "the scan has ended",
        lambda: ecr.describe_image_scan_findings(**asked)["imageScanStatus"]["status"] == "COMPLETE",
        seconds=PATIENCE_SECONDS,
    )
    return words


LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": 14,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
# Each example with what is made for it; the functions say what they change in the command.
ADAPTED: Mapping[str, Prepare] = {
    "batch-check-layer-availability 1": layer,
    "batch-delete-image 1": image("precise"),
    "batch-delete-image 2": two_images,
    "batch-get-image 1": image("v1.13.6"),
    "batch-get-image 2": two_images,
    "complete-layer-upload 1": whole_upload,
    "create-repository 1": nothing,
    "create-repository 2": nothing,
    "create-repository 3": nothing,
    "delete-lifecycle-policy 1": lifecycle,
    "delete-repository 1": image("1"),
    "delete-repository-policy 1": policy,
    "describe-image-scan-findings 1": scan,
    "describe-images 1": image("v1.13.6"),
    "describe-repositories 1": two_repositories,
    "get-authorization-token 1": nothing,
    "get-download-url-for-layer 1": layer,
    "get-lifecycle-policy 1": lifecycle,
    "get-lifecycle-policy-preview 1": preview,
    "get-login-password 1": nothing,
    "get-repository-policy 1": policy,
    "initiate-layer-upload 1": repository,
    "list-images 1": image("v1.13.8", "v1.13.7", "v1.13.6"),
    "list-tags-for-resource 1": repository,
    "put-image 1": manifest_file,
    "put-image-scanning-configuration 1": repository,
    "put-image-tag-mutability 1": repository,
    "put-lifecycle-policy 1": repository,
    "set-repository-policy 1": repository,
    "start-image-scan 1": image("1"),
    "start-lifecycle-policy-preview 1": repository,
    "tag-resource 1": repository,
    "untag-resource 1": repository,
    "upload-layer-part 1": upload,
}
# Examples that are not typed, and why.
LEFT_OUT: Mapping[str, str] = {
    "get-login-password 2": "it is the first one piped to docker: test_docker_and_the_aws_cli.py",
    "get-login 1": "version 1 alone has this command, which is deprecated",
    "get-login 2": "version 1 alone has this command, which is deprecated",
}
# A name that no repository can have, here and at Amazon ECR.
RENAMED = {"MyRepository": "my-repository"}


@pytest.fixture(scope="module")
def documented() -> dict[str, Example]:
    return cli_examples.examples("ecr")


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose scans find what stands in a document for each repository that an example scans."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "findings" / "repositories").mkdir(parents=True)
    (folder / "findings" / "repositories" / "sample-repo.json").write_text(json.dumps(FINDINGS))
    server = Server(folder)
    server.environment["TWINPORT_SCAN_FINDINGS"] = str(folder / "findings")
    with server:
        yield server


def test_every_documented_example_is_in_one_of_the_tables(documented: dict[str, Example]) -> None:
    assert documented.keys() - ADAPTED.keys() - LEFT_OUT.keys() == set()
    assert ADAPTED.keys() - documented.keys() == set()
    assert ADAPTED.keys() & LEFT_OUT.keys() == set()


@pytest.mark.parametrize("name", ADAPTED)
def test_an_example_prints_what_is_documented(
    serving: Server, documented: dict[str, Example], tmp_path: Path, name: str
) -> None:
    example, owner = documented[name], Owner(serving, new_account(), HOME)
    for file, content in example.files.items():
        (tmp_path / file).write_text(content)
    words = ADAPTED[name](owner.boto("ecr"), repository_of(example), tmp_path)
    said = owner.aws(*typed(example, words, owner, tmp_path))
    if example.output is None:
        assert said == ""
    elif example.output == "<password>":
        assert re.fullmatch(r"\S+\n", said)
    else:
        assert list(cli_examples.differences(json.loads(example.output), json.loads(said))) == []


def typed(example: Example, words: Prepared, owner: Owner, folder: Path) -> list[str]:
    """Return the words behind `aws`, with another account, Region, and what `words` says."""
    command = example.command.replace("\\\n", " ")
    for old, new in {**RENAMED, **words}.items():
        command = command.replace(old, new)
    command = command.replace("012345678910", owner.account).replace("us-west-2", HOME)
    return shlex.split(re.sub("(fileb?)://", rf"\1://{folder}/", command))[1:]


def repository_of(example: Example) -> str:
    """Return the repository that a command is about, by its name or its ARN."""
    found = re.search(r"--repository-name\s+\"?([\w./-]+)|:repository/([\w./-]+)", example.command)
    name = (found[1] or found[2]) if found else ""
    return RENAMED.get(name, name)
