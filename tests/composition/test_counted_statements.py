"""How much the hot paths ask of the databases: counted, since times depend on the machine."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.catalogs import ENGINES, POSTGRESQL, emptied_address
from tests.deployment import begun
from tests.pulled_image import MANIFEST, House, furnished
from tests.statements import commits, sent_by_new_connections
from twinport.model.manifests import OCI_MANIFEST


@pytest.fixture(params=ENGINES)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    database = emptied_address(request) if request.param == POSTGRESQL else None
    with sent_by_new_connections() as sent:
        process = begun(tmp_path / "data", database)
        try:
            house = await furnished(process, sent)
            house.is_embedded = database is None
            yield house
        finally:
            process.whole.close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_manifest_that_was_pulled_before_takes_two_statements(house: House, method: str) -> None:
    assert len(await house.least(lambda: house.get(method=method))) <= 2


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_pull_whose_answer_is_kept_takes_the_generation_and_the_version(house: House, method: str) -> None:
    await house.get_again(method=method)
    again = await house.least(lambda: house.get_again(method=method))
    if house.is_embedded:
        assert [each.partition(" ")[0] for each in again] == ["SELECT", "PRAGMA"]
        assert "repository" not in again[0]
    assert len(again) <= 2


async def test_a_pull_whose_kept_answer_is_void_takes_two_statements_and_the_version(house: House) -> None:
    counted = []
    for number in range(3):
        await house.get_again()
        await house.process.push("team/api", f"other{number}", house.auth)
        counted.append(len(await house.least(house.get_again, times=1)))
    assert min(counted) <= (3 if house.is_embedded else 2)


async def test_a_manifest_by_its_digest_takes_two_statements(house: House) -> None:
    answer = await house.process.ask("GET", MANIFEST, b"", house.auth)
    path = f"/v2/team/api/manifests/{answer.headers['docker-content-digest']}"
    assert len(await house.least(lambda: house.get(path))) <= 2


async def test_a_blob_takes_two_statements(house: House) -> None:
    answer = await house.process.ask("GET", MANIFEST, b"", house.auth)
    path = f"/v2/team/api/blobs/{answer.json['config']['digest']}"
    assert len(await house.least(lambda: house.get(path))) <= 2


async def test_a_list_of_tags_takes_two_statements(house: House) -> None:
    assert len(await house.least(lambda: house.get("/v2/team/api/tags/list"))) <= 2


async def test_a_list_of_tags_that_is_kept_takes_the_generation_and_the_version(house: House) -> None:
    await house.get_again("/v2/team/api/tags/list")
    again = await house.least(lambda: house.get_again("/v2/team/api/tags/list"))
    assert len(again) <= 2
    assert not any("repository" in each for each in again) or not house.is_embedded


async def test_a_list_of_referrers_takes_five_statements(house: House) -> None:
    answer = await house.process.ask("GET", MANIFEST, b"", house.auth)
    path = f"/v2/team/api/referrers/{answer.headers['docker-content-digest']}"
    subject = {"digest": answer.headers["docker-content-digest"], "size": len(answer.body), "mediaType": OCI_MANIFEST}
    referrer = json.dumps({**answer.json, "subject": subject, "artifactType": "application/bill"}).encode()
    headers = {**house.auth, "content-type": OCI_MANIFEST}
    assert (await house.process.ask("PUT", "/v2/team/api/manifests/bill", referrer, headers)).status == 201
    assert len(await house.least(lambda: house.get(path))) <= 5


# What proves who asks takes three: the generation of IAM's data, the key, and the use that is noted at times.
DESCRIPTIONS: dict[str, tuple[dict[str, Any], int]] = {
    "DescribeRepositories": ({"repositoryNames": [f"team/{number}" for number in range(10)]}, 1),
    "DescribeImages": ({"repositoryName": "team/api", "imageIds": [{"imageTag": "v1"}]}, 7),
    "ListImages": ({"repositoryName": "team/api"}, 3),
}


@pytest.mark.parametrize("operation", DESCRIPTIONS)
async def test_a_description_takes_as_many_statements_for_ten_as_for_one(house: House, operation: str) -> None:
    members, most = DESCRIPTIONS[operation]
    for name in members.get("repositoryNames", ()):
        await house.process.done("ecr", "CreateRepository", {"repositoryName": name})

    async def describe() -> None:
        await house.process.done("ecr", operation, members)

    statements = await house.least(describe)
    assert len(statements) <= 3 + most, statements


async def test_a_push_of_an_image_with_two_blobs_takes_thirty_statements_and_three_commits(house: House) -> None:
    tags = iter(f"cheap{number}" for number in range(5))

    async def push() -> None:
        await house.process.push("team/api", next(tags), house.auth)

    statements = await house.least(push)
    assert len(statements) <= 30
    assert commits(statements) <= 3


async def test_pushes_void_nothing_that_pulls_keep(house: House) -> None:
    await house.get()
    pulls: list[str] = []
    for number in range(20):
        await house.process.push("team/api", f"t{number}", house.auth)
        for _ in range(5):
            pulls += await house.least(house.get, times=1)
    # What belongs to IAM is read again by none of them: the rate of hits is 100 %.
    assert [each for each in pulls if any(table in each for table in ("access_key", "inline_policy"))] == []


async def test_a_change_of_iam_is_loaded_once(house: House) -> None:
    counted = []
    for value in ("red", "blue", "green"):
        tag = {"UserName": "ci", "Tags.member.1.Key": "team", "Tags.member.1.Value": value}
        await house.process.done("iam", "TagUser", tag)
        counted.append(len(await house.least(house.get, times=1)))
    assert 2 < min(counted) <= 4
    assert len(await house.least(house.get)) <= 2
