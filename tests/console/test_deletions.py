"""A document is deleted as its page showed it: one that was replaced meanwhile is shown instead."""

import pytest

from tests.console.browsing import Visitor
from tests.console.test_asking import LIFECYCLE, REGION
from tests.served import Served
from tests.sts.callers import document, statement

OTHERS = document(statement("Deny", "ecr:BatchGetImage", Sid="Newer", Principal="*"))
POLICY = document(statement("Allow", "ecr:BatchGetImage", Principal="*"))
SIGNER = "arn:aws:signer:eu-west-1:222222222222:/signing-profiles/{}"
SIGNING = {"rules": [{"signingProfileArn": SIGNER.format("one")}]}
TEMPLATE = {"prefix": "prod", "appliedFor": ["CREATE_ON_PUSH"]}


def registry_policy(account: str, sid: str) -> str:
    resource = f"arn:aws:ecr:{REGION}:{account}:repository/*"
    return document(statement("Allow", "ecr:ReplicateImage", resource, Sid=sid, Principal={"AWS": "222222222222"}))


@pytest.mark.parametrize(
    ("page", "confirmation"),
    [
        ("policy/delete?repository=team/api", "team/api"),
        ("lifecycle/delete?repository=team/api", "team/api"),
        ("permissions/delete", REGION),
        ("signing/delete", REGION),
        ("templates/delete?prefix=prod", "prod"),
    ],
)
def test_what_was_replaced_meanwhile_is_not_deleted(server: Served, account: str, page: str, confirmation: str) -> None:
    ecr = server.client("ecr", account, REGION)
    ecr.create_repository(repositoryName="team/api")
    ecr.set_repository_policy(repositoryName="team/api", policyText=POLICY)
    ecr.put_lifecycle_policy(repositoryName="team/api", lifecyclePolicyText=LIFECYCLE)
    ecr.put_registry_policy(policyText=registry_policy(account, "Older"))
    ecr.put_signing_configuration(signingConfiguration=SIGNING)
    ecr.create_repository_creation_template(**TEMPLATE)
    root = Visitor(server, {"way": "open", "account": account})
    held = root.form(f"{REGION}/{page}")
    ecr.set_repository_policy(repositoryName="team/api", policyText=OTHERS)
    ecr.put_lifecycle_policy(repositoryName="team/api", lifecyclePolicyText=LIFECYCLE.replace("1000", "900"))
    ecr.put_registry_policy(policyText=registry_policy(account, "Newer"))
    ecr.put_signing_configuration(signingConfiguration={"rules": [{"signingProfileArn": SIGNER.format("two")}]})
    ecr.update_repository_creation_template(prefix="prod", description="newer")
    place = f"{REGION}/{page.partition('?')[0]}"
    told = root.send(place, {**held, "confirmation": confirmation})
    assert "this was changed after the page was shown" in told
    again = {**root.form(f"{REGION}/{page}"), "confirmation": confirmation}
    assert "was deleted" in root.send(place, again)
