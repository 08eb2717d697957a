"""A gate that keeps what it loaded, beside one that keeps nothing: the same answers after every change."""

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import delete, select, update

from tests import fakes
from tests.scratch import in_memory
from twinport.access.gate import RepositoryResource
from twinport.access.policy_gate import PolicyGate
from twinport.access.policy_library import PolicyLibrary
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.engine import statements
from twinport.catalog.partition import accounts
from twinport.catalog.partition import schema as partition
from twinport.catalog.ports import Connection
from twinport.catalog.regional import schema as regional
from twinport.clock import ManualClock
from twinport.errors import AccessDenied
from twinport.model.identities import Caller, PrincipalKind
from twinport.model.names import RepositoryName
from twinport.policies.aws_managed import AwsPolicies

USERS = tuple(fakes.caller(kind=PrincipalKind.USER, name=name) for name in ("alice", "bob"))
ACTIONS = ("ecr:BatchGetImage", "ecr:PutImage")
REPOSITORY = RepositoryResource(fakes.REGISTRY.repository(RepositoryName("team/api")))
GROUP, MANAGED = "AGPAPUSHERSPUSHERSXX", f"arn:aws:iam::{fakes.ACCOUNT}:policy/pushers"
COMMON = {"account": fakes.ACCOUNT, "path": "/", "created_at": fakes.NOW}


def document(effect: str, action: str, tag: str | None, principal: bool = False) -> str:  # noqa: FBT001, FBT002 — a fact
    statement: dict[str, object] = {"Effect": effect, "Action": action}
    statement |= {"Principal": "*"} if principal else {"Resource": "*"}
    if tag is not None:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalTag/team": tag}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


effects = st.sampled_from(["Allow", "Deny"])
actions = st.sampled_from([*ACTIONS, "ecr:*"])
tags = st.sampled_from([None, "blue", "red"])
users = st.sampled_from(USERS)
documents = st.builds(document, effects, actions, tags)


class CachedAndUncached(RuleBasedStateMachine):
    """Each rule is a change as a transaction of IAM, or of the Region."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(dir=in_memory())
        self.loop = asyncio.new_event_loop()
        self.catalog = EmbeddedCatalog(Path(self.folder.name), ManualClock(fakes.NOW))
        self.cached = self.gate()
        self.loop.run_until_complete(self.catalog.partition.write(self._people))
        row = {"id": 1, "account": fakes.ACCOUNT, "name": REPOSITORY.repository.name, "created_at": fakes.NOW}
        row |= {"mutability": "MUTABLE", "scan_on_push": False, "encryption": "AES256"}
        self.of_region(lambda db: statements.insert_absent(db, regional.repository, row))

    def _people(self, db: Connection) -> None:
        row = {"id": fakes.ACCOUNT, "name": "acme", "created_at": fakes.NOW}
        statements.insert_absent(db, partition.account, row)
        for each in USERS:
            name = each.arn.rpartition("/")[2]
            row = {"unique_id": each.unique_id, "name": name, "name_key": name, **COMMON}
            statements.insert_absent(db, partition.user, row)
        statements.insert_absent(
            db, partition.group, {"unique_id": GROUP, "name": "pushers", "name_key": "pushers", **COMMON}
        )

    def gate(self) -> PolicyGate:
        return PolicyGate(self.catalog, PolicyLibrary(self.catalog, AwsPolicies()))

    def of_iam(self, change: object) -> None:
        self.loop.run_until_complete(self.catalog.partition.write(change))  # type: ignore[arg-type]

    def of_region(self, change: object) -> None:
        self.loop.run_until_complete(self.catalog.region(fakes.REGION).write(change))  # type: ignore[arg-type]

    @rule(owner=st.sampled_from([*(each.unique_id for each in USERS), GROUP]), text=documents)
    def put_inline_policy(self, owner: str, text: str) -> None:
        key = {"owner_id": owner, "name": "p"}
        self.of_iam(lambda db: statements.upsert(db, partition.inline_policy, key, {"document": text}))

    @rule(owner=st.sampled_from([*(each.unique_id for each in USERS), GROUP]))
    def delete_inline_policy(self, owner: str) -> None:
        mine = partition.inline_policy.c.owner_id == owner
        self.of_iam(lambda db: db.execute(delete(partition.inline_policy).where(mine)))

    @rule(user=users)
    def join_group(self, user: Caller) -> None:
        def join(db: Connection) -> None:
            # A deleted user has no row that a membership could refer to.
            if db.execute(select(partition.user).where(partition.user.c.unique_id == user.unique_id)).first():
                row = {"user_id": user.unique_id, "group_id": GROUP}
                statements.insert_absent(db, partition.membership, row)

        self.of_iam(join)

    @rule()
    def leave_group(self) -> None:
        self.of_iam(lambda db: db.execute(delete(partition.membership)))

    @rule(user=users, arn=st.sampled_from(["arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly", MANAGED]))
    def attach(self, user: Caller, arn: str) -> None:
        row = {"owner_id": user.unique_id, "policy_arn": arn, "attached_at": fakes.NOW}
        self.of_iam(lambda db: statements.insert_absent(db, partition.attachment, row))

    @rule(user=users, arn=st.sampled_from([None, "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"]))
    def bound(self, user: Caller, arn: str | None) -> None:
        def change(db: Connection) -> None:
            db.execute(delete(partition.boundary).where(partition.boundary.c.owner_id == user.unique_id))
            if arn is not None:
                row = {"owner_id": user.unique_id, "policy_arn": arn}
                statements.insert_absent(db, partition.boundary, row)

        self.of_iam(change)

    @rule(user=users, value=st.sampled_from(["blue", "red"]))
    def tag_user(self, user: Caller, value: str) -> None:
        key = {"owner_id": user.unique_id, "key_lower": "team"}
        self.of_iam(lambda db: statements.upsert(db, partition.identity_tag, key, {"key": "team", "value": value}))

    @rule(text=st.one_of(st.none(), st.builds(document, effects, actions, tags, st.just(value=True))))
    def set_repository_policy(self, text: str | None) -> None:
        self.of_region(lambda db: db.execute(update(regional.repository).values(policy=text)))

    @rule(is_disabled=st.booleans())
    def disable(self, is_disabled: bool) -> None:  # noqa: FBT001 — a fact
        since = fakes.NOW if is_disabled else None
        self.of_iam(lambda db: accounts.disable(db, fakes.ACCOUNT, since))

    @rule()
    def delete_bob(self) -> None:
        bob = USERS[1].unique_id

        def forget(db: Connection) -> None:
            db.execute(delete(partition.membership).where(partition.membership.c.user_id == bob))
            db.execute(delete(partition.user).where(partition.user.c.unique_id == bob))

        self.of_iam(forget)

    @invariant()
    def both_gates_answer_alike(self) -> None:
        for user in USERS:
            for action in ACTIONS:
                found = [
                    self.loop.run_until_complete(_answer(each, user, action)) for each in (self.cached, self.gate())
                ]
                assert found[0] == found[1]

    def teardown(self) -> None:
        self.catalog.close()
        self.loop.close()
        self.folder.cleanup()


async def _answer(gate: PolicyGate, user: Caller, action: str) -> str:
    try:
        await gate.authorize(user, action, REPOSITORY)
    except AccessDenied as refusal:
        return str(refusal)
    return "allowed"


TestCachedAndUncached = CachedAndUncached.TestCase
TestCachedAndUncached.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
