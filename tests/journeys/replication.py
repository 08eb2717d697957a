"""What every journey about replication does: allow it, configure it, wait for it."""

import json
from collections.abc import Mapping

from tests.journeys.clients import AWAY, OTHER, SOURCE, Owner
from tests.journeys.waiting import until

# A courier that was killed holds its lease for half a minute.
COPY_SECONDS = 60.0
ROLE = "AWSServiceRoleForECRReplication"

Destination = tuple[str, str]

TO_BOTH: Mapping[str, object] = {
    "rules": [
        {
            "destinations": [
                {"region": AWAY, "registryId": SOURCE},
                {"region": AWAY, "registryId": OTHER},
            ],
            "repositoryFilters": [{"filter": "team/", "filterType": "PREFIX_MATCH"}],
        }
    ]
}
TO_THE_OTHER_REGION: Mapping[str, object] = {"rules": [{"destinations": [{"region": AWAY, "registryId": SOURCE}]}]}
NOWHERE: Mapping[str, object] = {"rules": []}


def allow_replication(destination: Owner, source: str) -> None:
    """Let another account replicate into this registry, as its owner."""
    destination.boto("ecr").put_registry_policy(policyText=registry_policy(destination, source))


def registry_policy(destination: Owner, source: str) -> str:
    """The policy of a registry that lets another account replicate into it."""
    statement = {
        "Sid": "ReplicationAccessCrossAccount",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{source}:root"},
        "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
        "Resource": [f"arn:aws:ecr:{destination.region}:{destination.account}:repository/*"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow_pulls(owner: Owner, repository: str, puller: str) -> None:
    """Let another account pull from one repository, as the repository's owner."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{puller}:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    owner.boto("ecr").set_repository_policy(repositoryName=repository, policyText=policy)


def configure(source: Owner, rules: Mapping[str, object]) -> None:
    source.boto("ecr").put_replication_configuration(replicationConfiguration=rules)


def statuses(source: Owner, repository: str, image: Mapping[str, str]) -> dict[Destination, str]:
    """How far each copy of an image is, which is named by its tag or its digest."""
    answer = source.boto("ecr").describe_image_replication_status(repositoryName=repository, imageId=image)
    return {(copy["registryId"], copy["region"]): copy["status"] for copy in answer["replicationStatuses"]}


def wait_for_copies(source: Owner, repository: str, image: Mapping[str, str], *destinations: Owner) -> None:
    wanted = {(owner.account, owner.region): "COMPLETE" for owner in destinations}
    wait_for_statuses(source, repository, image, wanted)


def wait_for_statuses(
    source: Owner, repository: str, image: Mapping[str, str], wanted: Mapping[Destination, str]
) -> None:
    until(
        f"the copies of {repository} are {wanted}",
        lambda: statuses(source, repository, image) == wanted,
        seconds=COPY_SECONDS,
    )
