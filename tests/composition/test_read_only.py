"""Read-only mode at every door: no operation changes what is stored, and what only reads goes on."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, select

from tests.catalogs import ENGINES, POSTGRESQL, emptied_address
from tests.deployment import ROOT, Process, begun
from tests.ecr import bounds
from tests.fakes import ACCOUNT, REGION
from tests.iam.test_gate import REQUEST
from twinport.aws import shapes
from twinport.catalog.partition import maintenance
from twinport.catalog.partition import schema as identities
from twinport.catalog.regional import schema
from twinport.gateway import Gateway
from twinport.model.names import RegionName
from twinport.refusals.storage import ReadOnly

NAME = "team/api"
MANIFEST = f"/v2/{NAME}/manifests/latest"
UPLOADS = f"/v2/{NAME}/blobs/uploads/"
# What is written on the way in, for the caller's own sign-in and no client's content.
# A token of a Region that was never used lists the Region, for its key.
ON_THE_WAY_IN = {
    "session",
    "console_session",
    "sign_in_failure",
    "token_key",
    "maintenance",
    "generation",
    "region",
    "rate_budget",
}
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}'
OF_A_REPOSITORY = POLICY.replace('"Resource":"*"', '"Principal":"*"')
_STATEMENT = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [_STATEMENT]})
IN_IAM: dict[str, Any] = {
    **REQUEST,
    "PolicyDocument": POLICY,
    "AssumeRolePolicyDocument": TRUST,
    "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/mine",
}
IN_ECR: dict[str, Any] = {
    "repositoryName": NAME,
    "imageIds": [{"imageTag": "latest"}],
    "tags": [],
    "policyText": OF_A_REPOSITORY,
}
# These are refused although a wrong request would be refused otherwise: the guard is met.
WRITE = {
    "ecr": {"CreateRepository", "DeleteRepository", "BatchDeleteImage", "SetRepositoryPolicy", "PutImageTagMutability"},
    "iam": {"CreateUser", "CreateRole", "CreateGroup", "DeleteUser", "CreateAccessKey", "PutUserPolicy", "TagUser"},
}


@pytest.fixture(params=ENGINES)
async def process(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Process]:
    made = begun(tmp_path / "data", emptied_address(request) if request.param == POSTGRESQL else None)
    try:
        await made.whole.tasks.sessions.open()
        await made.done("ecr", "CreateRepository", {"repositoryName": NAME})
        await made.push(NAME, "latest", await made.login(ROOT))
        await made.done("iam", "CreateUser", {"UserName": "ann"})
        await made.done("iam", "CreateRole", {"RoleName": "build", "AssumeRolePolicyDocument": TRUST})
        yield made
    finally:
        made.whole.close()


async def ordered(process: Process, *, on: bool) -> None:
    """Give the order as the command does, and let the process read it."""
    catalog = process.whole.tasks.catalog

    def change(db: Connection) -> None:
        if on:
            maintenance.begin_read_only(db, catalog.now(db))
        else:
            maintenance.end_read_only(db)

    await process.whole.tasks.orders.catalog.partition.write(change)
    await process.whole.tasks.orders.read()


def rows(db: Connection, metadata: MetaData) -> dict[str, list[str]]:
    tables = [table for table in metadata.sorted_tables if table.name not in ON_THE_WAY_IN]
    return {table.name: sorted(map(repr, db.execute(select(table)).all())) for table in tables}


async def stored(process: Process) -> set[tuple[str, str]]:
    """Return every row with its table."""
    catalog = process.whole.catalog
    found = [
        await catalog.partition.read(lambda db: rows(db, identities.partition)),
        await catalog.region(RegionName(REGION)).read(lambda db: rows(db, schema.regional)),
    ]
    return {(table, row) for each in found for table, some in each.items() for row in some}


def operations(process: Process) -> list[tuple[str, str]]:
    """Return every operation that the product answers, as its composition builds the door."""
    gateway = next(door for prefix, door in process.whole.application.doors if prefix == "/")
    assert isinstance(gateway, Gateway)
    return [(each.service.name, name) for each in gateway.services for name in each.handlers]


def members(service: str, name: str) -> dict[str, Any]:
    operation = shapes.load(service).operations[name]
    if service == "ecr":
        plain = bounds.plain(operation)
        return {**plain, **{key: IN_ECR[key] for key in operation.input.members if key in IN_ECR}}
    given = {key: IN_IAM[key] for key in operation.input.members if key in IN_IAM}
    found: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, list):
            for number, each in enumerate(value, 1):
                inner = each if isinstance(each, dict) else {"": each}
                found |= {f"{key}.member.{number}{'.' * bool(of)}{of}": one for of, one in inner.items()}
        else:
            found[key] = value
    return found


async def test_no_operation_of_aws_changes_a_row(process: Process) -> None:
    await ordered(process, on=True)
    before = await stored(process)
    refused: dict[str, set[str]] = {"ecr": set(), "iam": set(), "sts": set()}
    for service, name in operations(process):
        answer = await process.aws(service, name, members(service, name))
        if b"read-only since" in answer.body:
            assert answer.status == (500 if service == "ecr" else 503), answer
            assert answer.headers["retry-after"]
            refused[service].add(name)
    assert await stored(process) ^ before == set()
    assert {service: names - refused[service] for service, names in WRITE.items()} == {"ecr": set(), "iam": set()}
    assert refused["sts"] == set()
    assert not [name for names in refused.values() for name in names if name.startswith(("Get", "List", "Describe"))]


async def test_no_request_of_the_registry_protocol_changes_a_row(process: Process) -> None:
    auth = await process.login(ROOT)
    began = await process.ask("POST", UPLOADS, b"", auth)
    there, manifest = began.headers["location"], (await process.ask("GET", MANIFEST, b"", auth))
    digest = manifest.json["layers"][0]["digest"]
    await ordered(process, on=True)
    before = await stored(process)
    # To begin an upload writes nothing: its id is sealed, and its first bytes make the row.
    assert (await process.ask("POST", UPLOADS, b"", auth)).status == 202
    assert await stored(process) ^ before == set()
    asked = [
        ("PATCH", there, b"a piece"),
        ("DELETE", there, b""),
        ("PUT", f"/v2/{NAME}/manifests/other", manifest.body),
        ("PUT", "/v2/team/new/manifests/other", manifest.body),
        ("DELETE", MANIFEST, b""),
        ("DELETE", f"/v2/{NAME}/blobs/{digest}", b""),
    ]
    for method, target, body in asked:
        headers = {**auth, "content-type": manifest.headers["content-type"]} if method == "PUT" else auth
        answer = await process.ask(method, target, body, headers)
        assert await stored(process) ^ before == set(), target
        assert (answer.status, b"UNAVAILABLE" in answer.body) == (503, True), (method, target, answer)
        assert answer.headers["retry-after"] == "5"


async def test_the_bytes_of_an_upload_are_refused_though_it_may_begin(process: Process) -> None:
    await ordered(process, on=True)
    began = await process.done("ecr", "InitiateLayerUpload", {"repositoryName": NAME})
    part = {"uploadId": began.json["uploadId"], "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "YQ=="}
    before = await stored(process)
    answer = await process.aws("ecr", "UploadLayerPart", {"repositoryName": NAME, **part})
    assert (answer.status, b"read-only since" in answer.body) == (500, True), answer
    assert await stored(process) ^ before == set()


async def test_pulls_tokens_sessions_and_sign_ins_go_on(process: Process) -> None:
    await ordered(process, on=True)
    auth = await process.login(ROOT)
    manifest = await process.ask("GET", MANIFEST, b"", auth)
    layer = manifest.json["layers"][0]["digest"]
    assert manifest.status == 200
    assert (await process.ask("GET", f"/v2/{NAME}/blobs/{layer}", b"", auth)).status == 200
    assert (await process.ask("GET", f"/v2/{NAME}/tags/list", b"", auth)).status == 200
    keys = await process.assume("build")
    assert keys.token is not None


async def test_writes_go_on_once_the_order_is_withdrawn(process: Process) -> None:
    await ordered(process, on=True)
    assert (await process.aws("ecr", "CreateRepository", {"repositoryName": "team/other"})).status == 500
    await ordered(process, on=False)
    await process.done("ecr", "CreateRepository", {"repositoryName": "team/other"})


async def test_work_beside_the_requests_waits_and_a_process_that_ends_waits_no_longer(process: Process) -> None:
    orders = process.whole.tasks.orders
    await ordered(process, on=True)
    waiting = asyncio.create_task(orders.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    await ordered(process, on=False)
    await waiting
    await ordered(process, on=True)
    waiting = asyncio.create_task(orders.wait())
    await asyncio.sleep(0)
    orders.release()
    with pytest.raises(ReadOnly, match="read-only since"):
        await waiting
