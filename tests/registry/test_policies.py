"""Policies of repositories and registries: which are taken, and how they come back."""

import json
from dataclasses import dataclass, replace

import pytest

from tests.fakes import ACCOUNT, NOW, OTHER_REGION, REGION, REGISTRY, AllowAll, RecordingGate, caller
from twinport.access.gate import Gate, RepositoryResource
from twinport.catalog import permissions
from twinport.catalog.ports import WholeCatalog
from twinport.catalog.regional import repositories
from twinport.identities.rules import users
from twinport.model.entities import User
from twinport.model.identities import Caller
from twinport.model.images import NewRepository
from twinport.model.names import Registry, RepositoryName
from twinport.refusals.images import RegistryPolicyNotFound, RepositoryNotFound, RepositoryPolicyNotFound
from twinport.refusals.requests import InvalidParameter
from twinport.registry.policies import Lockout, RegistryPolicies, RepositoryPolicies

API = RepositoryName("team/api")
STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}
OPEN = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
OPEN_AS_ECR_WRITES_IT = (
    '{\n  "Version" : "2012-10-17",\n  "Statement" : [ {\n    "Effect" : "Allow",\n'
    '    "Principal" : "*",\n    "Action" : "ecr:BatchGetImage"\n  } ]\n}'
)
OF_REGISTRY = json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, "Resource": "*"}]})


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A gate's forecast that was settled beforehand."""

    allowed: bool

    async def would_allow(
        self, caller: Caller, action: str, resource: RepositoryResource, repository_policy: str
    ) -> bool:
        assert (caller.account, action, resource.repository.name) == (ACCOUNT, "ecr:SetRepositoryPolicy", API)
        assert json.loads(repository_policy)
        return self.allowed


def policies(catalog: WholeCatalog, *, keeps_in: bool = True, gate: Gate | None = None) -> RepositoryPolicies:
    return RepositoryPolicies(gate or AllowAll(), Foreseen(keeps_in), catalog)


@pytest.fixture
async def catalog(catalog: WholeCatalog) -> WholeCatalog:
    await catalog.region(REGION).write(
        lambda db: repositories.insert(db, REGISTRY.repository(API), NewRepository(), NOW)
    )
    return catalog


async def test_a_policy_is_answered_as_ecr_lays_it_out_from_the_first(catalog: WholeCatalog) -> None:
    verbs = policies(catalog)
    assert await verbs.put(caller(), REGISTRY.repository(API), OPEN, Lockout.REFUSED) == OPEN_AS_ECR_WRITES_IT
    assert await verbs.get(caller(), REGISTRY.repository(API)) == OPEN_AS_ECR_WRITES_IT
    assert await verbs.delete(caller(), REGISTRY.repository(API)) == OPEN_AS_ECR_WRITES_IT


async def test_a_repository_without_a_policy_says_so(catalog: WholeCatalog) -> None:
    verbs = policies(catalog)
    text = "Repository policy does not exist for the repository with name 'team/api' in the registry with id "
    for verb in (verbs.get, verbs.delete):
        with pytest.raises(RepositoryPolicyNotFound, match=text):
            await verb(caller(), REGISTRY.repository(API))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"text"',
        '{"Version":"2012-10-17"}',
        json.dumps({"Statement": [{**STATEMENT, "Action": "s3:GetObject"}]}),
        json.dumps({"Statement": [{**STATEMENT, "Principal": {"AWS": "nobody"}}]}),
        json.dumps({"Statement": [{"Effect": "Allow", "Action": "ecr:*"}]}),
    ],
)
async def test_what_is_no_repository_policy_is_refused_in_ecrs_words(catalog: WholeCatalog, text: str) -> None:
    verbs = policies(catalog)
    with pytest.raises(InvalidParameter) as refusal:
        await verbs.put(caller(), REGISTRY.repository(API), text, Lockout.ACCEPTED)
    assert refusal.value.message == (
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
    )
    with pytest.raises(RepositoryPolicyNotFound):
        await verbs.get(caller(), REGISTRY.repository(API))


async def test_a_policy_that_locks_its_author_out_needs_force(catalog: WholeCatalog) -> None:
    verbs = policies(catalog, keeps_in=False)
    with pytest.raises(InvalidParameter, match="prevent its author from setting another policy"):
        await verbs.put(caller(), REGISTRY.repository(API), OPEN, Lockout.REFUSED)
    assert await verbs.put(caller(), REGISTRY.repository(API), OPEN, Lockout.ACCEPTED) == OPEN_AS_ECR_WRITES_IT


async def test_a_policy_needs_a_repository_to_hang_on(catalog: WholeCatalog) -> None:
    elsewhere = Registry(ACCOUNT, OTHER_REGION)
    with pytest.raises(RepositoryNotFound):
        await policies(catalog).put(caller(), elsewhere.repository(API), OPEN, Lockout.REFUSED)


async def test_the_gate_is_asked_about_the_repository(catalog: WholeCatalog) -> None:
    gate = RecordingGate()
    await policies(catalog, gate=gate).put(caller(), REGISTRY.repository(API), OPEN, Lockout.REFUSED)
    assert gate.asked == [("ecr:SetRepositoryPolicy", REGISTRY.repository_arn(API))]


async def test_a_registrys_policy_is_put_read_and_deleted(catalog: WholeCatalog) -> None:
    verbs = RegistryPolicies(AllowAll(), catalog)
    written = await verbs.put(caller(), REGISTRY, OF_REGISTRY)
    assert json.loads(written)["Statement"][0]["Resource"] == "*"
    assert await verbs.get(caller(), REGISTRY) == written
    assert await verbs.delete(caller(), REGISTRY) == written
    for verb in (verbs.get, verbs.delete):
        with pytest.raises(RegistryPolicyNotFound) as refusal:
            await verb(caller(), REGISTRY)
        assert refusal.value.message == f"Registry policy does not exist in the registry with id '{ACCOUNT}'"


@pytest.mark.parametrize("text", ["", "{}", OPEN])
async def test_what_is_no_registry_policy_is_refused_in_ecrs_words(catalog: WholeCatalog, text: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        await RegistryPolicies(AllowAll(), catalog).put(caller(), REGISTRY, text)
    assert refusal.value.message == (
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'"
    )


async def test_a_user_is_stored_by_unique_id_and_shown_by_the_name_of_now(catalog: WholeCatalog) -> None:
    alice = User("AIDAALICEALICEALICEA", ACCOUNT, "alice", "/", NOW)
    await catalog.partition.write(lambda db: users.add(db, alice))
    statement = {"Effect": "Allow", "Principal": {"AWS": [alice.arn, ACCOUNT]}, "Action": "ecr:*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    verbs = policies(catalog)
    assert alice.arn in await verbs.put(caller(), REGISTRY.repository(API), text, Lockout.REFUSED)
    stored = (
        await catalog.region(REGION).read(lambda db: permissions.repository(db, REGISTRY.repository(API)))
    ).policy or ""
    assert (alice.unique_id in stored, alice.arn in stored) == (True, False)
    renamed = replace(alice, name="alicia")
    await catalog.partition.write(lambda db: users.rename(db, renamed))
    assert renamed.arn in await verbs.get(caller(), REGISTRY.repository(API))
    await catalog.partition.write(lambda db: users.delete(db, renamed))
    assert alice.unique_id in await verbs.delete(caller(), REGISTRY.repository(API))
