"""Terraform makes repositories and the settings of a registry, finds them unchanged, changes and destroys them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.catalogs import SQLITE
from tests.journeys import terraform
from tests.journeys.clients import AWAY, HOME, OTHER, SOURCE, Owner
from tests.journeys.images import small
from tests.journeys.registry import Registry

# What Terraform is told does not depend on it, and it takes more than a minute.
DATABASES = (SQLITE,)
NAMES = [
    "ecr-ex-complete",
    "eg-prod-app",
    "eg-prod-web",
    "team/api",
    "team/key",
    "team/own-key",
    "team/plain",
    "team/twice",
]
KMS = f"arn:aws:kms:{HOME}:{SOURCE}"
KEY = f"{KMS}:key/0a1b2c3d-0000-4000-8000-000000000000"
FORGOTTEN = ("description", "customRoleArn", "lifecyclePolicy", "repositoryPolicy", "resourceTags")
CHANGES: dict[str, Any] = {
    "mutability": "IMMUTABLE",
    "scan_on_push": False,
    "kept": 5,
    "tags": {"Name": "api", "Owner": "ann"},
    "readers": ["333333333333"],
    "scan_type": "ENHANCED",
    "replicated": ["team/"],
    "purposes": ["PULL_THROUGH_CACHE", "REPLICATION"],
    "scope": "V1",
    "sparse": True,
    "pushed": True,
}


def test_terraform_manages_repositories_and_the_settings_of_a_registry(source: Owner, tmp_path: Path) -> None:
    registry, ecr = terraform.initialized("registry", source, tmp_path), source.boto("ecr")

    registry.apply()
    made = registry.outputs()
    assert (made["names"], made["user"], made["images"]) == (NAMES, "AWS", [])
    assert made["keys"] == [KEY, f"{KMS}:alias/aws/ecr", KEY]
    assert made["repository"] == _seen(source, mutable="MUTABLE", scanned=True, tags={"Name": "api", "Team": "blue"})
    assert registry.has_nothing_to_do()

    image = small()
    for repository in ("team/api", "eg-prod-app"):
        assert Registry.of(source).push(repository, "v1", image) == 201
    registry.change(**CHANGES)
    changed = registry.outputs()
    assert changed["repository"] == _seen(
        source, mutable="IMMUTABLE", scanned=False, tags=CHANGES["tags"], latest=["v1"]
    )
    digest = image.manifest.digest
    found = {"digest": digest, "tags": ["v1"], "uri": f"{source.registry}/team/api@{digest}"}
    assert changed["images"] == [found] * 3
    _holds_the_changes(ecr)
    assert registry.has_nothing_to_do(**CHANGES)

    assert "ECR Repository (eg-prod-app) not empty" in registry.refusal_to_destroy()
    ecr.batch_delete_image(repositoryName="eg-prod-app", imageIds=[{"imageDigest": digest}])
    registry.destroy()
    _has_nothing(ecr)


def _seen(owner: Owner, *, mutable: str, scanned: bool, tags: object, latest: list[str] | None = None) -> object:
    return {
        "arn": f"arn:aws:ecr:{HOME}:{SOURCE}:repository/team/api",
        "url": f"{owner.registry}/team/api",
        "mutable": mutable,
        "scanned": scanned,
        "encrypted": "AES256",
        "tags": tags,
        "latest": latest or [],
    }


def _holds_the_changes(ecr: Any) -> None:  # noqa: ANN401 — boto3's clients have no types
    """Ask another client than Terraform what there is."""
    lifecycle = json.loads(ecr.get_lifecycle_policy(repositoryName="team/api")["lifecyclePolicyText"])
    assert [rule["selection"]["countNumber"] for rule in lifecycle["rules"]] == [5, 14, 365]
    readers, *_ = json.loads(ecr.get_repository_policy(repositoryName="team/api")["policyText"])["Statement"]
    assert readers["Principal"] == {"AWS": "333333333333"}
    replicators, *_ = json.loads(ecr.get_registry_policy()["policyText"])["Statement"]
    assert replicators["Principal"] == {"AWS": "arn:aws:iam::333333333333:root"}
    assert ecr.get_account_setting(name="REGISTRY_POLICY_SCOPE")["value"] == "V1"
    scanning = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
    assert scanning["scanType"] == "ENHANCED"
    assert sorted(rule["scanFrequency"] for rule in scanning["rules"]) == ["CONTINUOUS_SCAN", "SCAN_ON_PUSH"]
    assert ecr.describe_registry()["replicationConfiguration"]["rules"] == [
        {
            "destinations": [{"region": AWAY, "registryId": SOURCE}, {"region": AWAY, "registryId": OTHER}],
            "repositoryFilters": [{"filter": "team/", "filterType": "PREFIX_MATCH"}],
        }
    ]
    _holds_the_changed_templates(ecr)


def _holds_the_changed_templates(ecr: Any) -> None:  # noqa: ANN401 — boto3's clients have no types
    answer = ecr.describe_repository_creation_templates(prefixes=["prod", "bare"])
    templates = {each["prefix"]: each for each in answer["repositoryCreationTemplates"]}
    prod, bare = templates["prod"], templates["bare"]
    assert (prod["imageTagMutability"], sorted(prod["appliedFor"])) == ("IMMUTABLE", CHANGES["purposes"])
    assert {tag["Key"]: tag["Value"] for tag in prod["resourceTags"]} == CHANGES["tags"]
    assert bare["imageTagMutability"] == "MUTABLE"
    assert not any(bare.get(name) for name in FORGOTTEN)


def _has_nothing(ecr: Any) -> None:  # noqa: ANN401 — boto3's clients have no types
    assert ecr.describe_repositories()["repositories"] == []
    assert ecr.describe_repository_creation_templates()["repositoryCreationTemplates"] == []
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"] == {"scanType": "BASIC", "rules": []}
    with pytest.raises(ecr.exceptions.RegistryPolicyNotFoundException):
        ecr.get_registry_policy()
