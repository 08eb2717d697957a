"""A server that is killed while it applies a lifecycle policy deletes nothing that the policy keeps."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ecr.pushing import manifest, push, push_layer
from tests.served import new_account, start
from tests.waiting import until
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.clock import ManualClock, WallClock
from twinport.model.names import RegionName
from twinport.registry.lifecycle_runs import LifecycleRuns
from twinport.registry.pulls import Pulls

pytestmark = pytest.mark.large
REGION, API, CONFIG = "eu-west-1", "team/api", b"{}"
IMAGES, KEPT = 350, 40
RULE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT},
    "action": {"type": "expire"},
}


def tags(ecr: Any) -> set[str]:  # noqa: ANN401 — boto3 makes its clients at run time
    pages = ecr.get_paginator("list_images").paginate(repositoryName=API)
    return {image["imageTag"] for page in pages for image in page["imageIds"]}


@pytest.mark.parametrize("transactions", [1, 2])
def test_another_process_ends_a_run_whose_server_was_killed(tmp_path: Path, transactions: int) -> None:
    data, account = tmp_path / "data", new_account()
    served = start(data)
    log = tmp_path / "data.log"
    try:
        ecr = served.client("ecr", account, REGION)
        ecr.create_repository(repositoryName=API)
        push_layer(ecr, API, CONFIG)
        for number in range(IMAGES):
            push(ecr, API, manifest(CONFIG, annotations={"number": str(number)}), f"v{number}")
        ecr.put_lifecycle_policy(repositoryName=API, lifecyclePolicyText=json.dumps({"rules": [RULE]}))
        until(lambda: log.read_text().count('"image.expired"') >= 100 * transactions)
    finally:
        served.process.kill()
        served.process.wait()
    newest = {f"v{number}" for number in range(IMAGES - KEPT, IMAGES)}
    asyncio.run(after_the_lease(data))
    served = start(data)
    try:
        assert tags(served.client("ecr", account, REGION)) == newest
    finally:
        served.stop()


async def after_the_lease(data: Path) -> None:
    """Look, as another process would when the lease of the killed one has lapsed."""
    catalog = EmbeddedCatalog(data, ManualClock(WallClock().now() + timedelta(minutes=2)))
    try:
        await LifecycleRuns(catalog, "another", Pulls(catalog), asyncio.Event()).look(RegionName(REGION))
    finally:
        catalog.close()
