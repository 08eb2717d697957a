"""What every journey about replication does: allow it, configure it, wait for it."""

import json
from collections.abc import Mapping

from tests.journeys.clients import AWAY, OTHER, SOURCE, Owner
from tests.journeys.waiting import until

COPY_SECONDS = 30.0
DELETION_SECONDS = 30.0
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
    statement = {
        "Sid": "ReplicationAccessCrossAccount",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{source}:root"},
        "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
        "Resource": [f"arn:aws:ecr:{destination.region}:{destination.account}:repository/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    destination.aws("ecr", "put-registry-policy", "--policy-text", json.dumps(policy))


def allow_pulls(owner: Owner, repository: str, puller: str) -> None:
    """Let another account pull from one repository, as the repository's owner."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{puller}:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    owner.aws(
        *("ecr", "set-repository-policy", "--repository-name", repository),
        *("--policy-text", json.dumps(policy)),
    )


def configure(source: Owner, rules: Mapping[str, object]) -> None:
    source.aws(
        *("ecr", "put-replication-configuration"),
        *("--replication-configuration", json.dumps(rules)),
    )


def statuses(source: Owner, repository: str, image: str) -> dict[Destination, str]:
    """How far each copy is; the image is named as the command line does, as `imageTag=1.4`."""
    answer = json.loads(
        source.aws(
            *("ecr", "describe-image-replication-status"),
            *("--repository-name", repository, "--image-id", image),
        )
    )
    return {(status["registryId"], status["region"]): status["status"] for status in answer["replicationStatuses"]}


def wait_for_copies(source: Owner, repository: str, image: str, *destinations: Owner) -> None:
    wanted = {(owner.account, owner.region): "COMPLETE" for owner in destinations}
    wait_for_statuses(source, repository, image, wanted)


def wait_for_statuses(source: Owner, repository: str, image: str, wanted: Mapping[Destination, str]) -> None:
    until(
        f"the copies of {repository} are {wanted}",
        lambda: statuses(source, repository, image) == wanted,
        seconds=COPY_SECONDS,
    )


def delete_role(owner: Owner) -> dict[str, object]:
    """Ask for the role's deletion, and return how that ended."""
    task = owner.asks("iam", "delete-service-linked-role", "--role-name", ROLE)["DeletionTaskId"]

    def ended() -> dict[str, object] | None:
        answer = owner.asks(*("iam", "get-service-linked-role-deletion-status"), *("--deletion-task-id", str(task)))
        return answer if answer["Status"] in {"SUCCEEDED", "FAILED"} else None

    return until("the deletion ends", ended, seconds=DELETION_SECONDS)
