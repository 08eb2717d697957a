"""How much of a simulation is answered at once."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import AllowAll, caller
from twinport.access.policy_library import PolicyLibrary
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.clock import ManualClock
from twinport.identities.entities import Entities
from twinport.identities.simulations import Answers, Simulations, Wish
from twinport.model.entities import Page
from twinport.policies.aws_managed import AwsPolicies
from twinport.policies.organization import NO_ORGANIZATION

ALLOWING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
ACTIONS = ["ecr:PutImage", "ecr:GetImage", "ecr:ListImages"]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock())
    yield catalog
    catalog.close()


async def answered(catalog: EmbeddedCatalog, wish: Wish, within: timedelta, after: str = "") -> Answers:
    library, entities = PolicyLibrary(catalog, AwsPolicies()), Entities(catalog, AllowAll())
    simulations = Simulations(catalog, entities, library, NO_ORGANIZATION, within)
    return await simulations.of_documents(caller(), wish, Page(after))


async def test_after_the_deadline_a_page_ends_with_its_first_decision(catalog: EmbeddedCatalog) -> None:
    answers = await answered(catalog, Wish(ACTIONS, policies=[ALLOWING]), timedelta(0))
    assert ([each.action for each in answers.shown], answers.begin) == (ACTIONS[:1], 1)


async def test_the_next_page_goes_on_where_a_late_one_ended(catalog: EmbeddedCatalog) -> None:
    answers = await answered(catalog, Wish(ACTIONS, policies=[ALLOWING]), timedelta(minutes=1), after="1")
    assert ([each.action for each in answers.shown], answers.begin) == (ACTIONS[1:], None)


async def test_millions_of_pairs_are_not_spelled_out(catalog: EmbeddedCatalog) -> None:
    resources = [f"arn:aws:ecr:eu-west-1:1:repository/{number}" for number in range(10_000)]
    wish = Wish(ACTIONS * 4_000, resources, [ALLOWING])
    answers = await answered(catalog, wish, timedelta(minutes=1), after=str(12_000 * 10_000 - 1))
    assert [(each.action, each.resource) for each in answers.shown] == [(ACTIONS[-1], resources[-1])]
