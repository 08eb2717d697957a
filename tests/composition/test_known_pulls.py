"""An answer that is kept is the answer that would be made, whatever changes in whichever process, and whatever ends."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import update

from tests.asgi import Reply
from tests.deployment import ROOT, Keys, Process, begun
from tests.fakes import ACCOUNT
from tests.statements import Sent, sent_by_new_connections
from twinport.access.lasting import LONGEST
from twinport.catalog.partition.schema import access_key
from twinport.logs import telemetry
from twinport.logs.levels import LogLevel
from twinport.metrics import names
from twinport.oci.door import OciDoor
from twinport.oci.known_pulls import NEVER_KNOWN

REPOSITORY = "team/api"
ARN = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{REPOSITORY}"
MANIFEST, TAGS = f"/v2/{REPOSITORY}/manifests/v1", f"/v2/{REPOSITORY}/tags/list"
PULLS = [f"ecr:{each}" for each in ("GetAuthorizationToken", "BatchGetImage", "GetDownloadUrlForLayer", "ListImages")]
YEAR = timedelta(days=365)


def document(effect: str = "Allow", *, principal: bool = False, **condition: Any) -> str:  # noqa: ANN401 — as IAM has it
    statement: dict[str, Any] = {"Effect": effect, "Action": PULLS}
    statement |= {"Principal": "*"} if principal else {"Resource": "*"}
    statement |= {"Condition": condition} if condition else {}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def sent() -> Iterator[Sent]:
    with sent_by_new_connections() as sent:
        yield sent


class Site:
    """A process that serves a client, and others beside it: the first of them changes things."""

    def __init__(self, folder: Path, sent: Sent, *others: dict[str, Any]) -> None:
        self.serving, *self.others = (begun(folder, **options) for options in ({}, {}, *others))
        self.changing = self.others[0]
        self.sent, self.auth = sent, dict[str, str]()

    @property
    def processes(self) -> tuple[Process, ...]:
        return self.serving, *self.others

    async def furnish(self) -> None:
        await self.ecr("CreateRepository", repositoryName=REPOSITORY)
        await self.changing.push(REPOSITORY, "v1", await self.changing.login(ROOT))
        await self.iam("CreateUser", UserName="ci")
        await self.allow(document())
        self.auth = await self.changing.login(await self.changing.new_keys("ci"))

    async def iam(self, operation: str, **members: str) -> None:
        await self.changing.done("iam", operation, members)

    async def ecr(self, operation: str, **members: Any) -> None:  # noqa: ANN401 — as the API has it
        await self.changing.done("ecr", operation, members)

    async def allow(self, policy: str) -> None:
        await self.iam("PutUserPolicy", UserName="ci", PolicyName="p", PolicyDocument=policy)

    async def pull(self, path: str = MANIFEST, method: str = "GET", **headers: str) -> Reply:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.serving.ask(method, path, b"", self.auth | more)

    async def is_known(self, path: str = MANIFEST, method: str = "GET", **headers: str) -> bool:
        """Pull, and tell whether the answer was one that was kept: then no row of the Region is read."""
        self.sent.taken()
        status = (await self.pull(path, method, **headers)).status
        assert status in (200, 206, 304, 404), status
        return not any("repository" in each for each in self.sent.taken())

    async def blob(self) -> str:
        return f"/v2/{REPOSITORY}/blobs/{(await self.pull()).json['config']['digest']}"

    def advance(self, by: timedelta) -> None:
        for process in self.processes:
            world: Any = door_of(process).world
            world.advance(by)


def door_of(process: Process) -> OciDoor:
    door = dict(process.whole.application.doors)["/v2/"]
    assert isinstance(door, OciDoor)
    return door


@pytest.fixture
async def site(request: pytest.FixtureRequest, tmp_path: Path, sent: Sent) -> AsyncIterator[Site]:
    site = Site(tmp_path / "data", sent, *getattr(request, "param", ()))
    try:
        await site.furnish()
        yield site
    finally:
        for process in site.processes:
            process.whole.close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_second_pull_is_known_and_has_an_id_of_its_own(site: Site, method: str) -> None:
    first, second = await site.pull(method=method), await site.pull(method=method)
    assert await site.is_known(method=method)
    assert first.headers.pop("x-request-id") != second.headers.pop("x-request-id")
    assert first == second


async def test_a_blob_is_known_too(site: Site) -> None:
    path = await site.blob()
    assert (await site.pull(path)).status == 200
    assert await site.is_known(path)


async def test_a_list_of_tags_is_known_too_until_a_tag_comes_or_goes(site: Site) -> None:
    assert (await site.pull(TAGS)).json["tags"] == ["v1"]
    assert await site.is_known(TAGS)
    await site.changing.push(REPOSITORY, "v2", await site.changing.login(ROOT))
    assert (await site.pull(TAGS)).json["tags"] == ["v1", "v2"]
    assert await site.is_known(TAGS)
    await site.ecr("BatchDeleteImage", repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])
    assert (await site.pull(TAGS)).json["tags"] == ["v2"]
    assert (await site.pull(f"{TAGS}?n=0")).json["tags"] == []


async def test_a_blob_whose_file_is_gone_is_not_served(site: Site, tmp_path: Path) -> None:
    path = await site.blob()
    assert (await site.pull(path)).status == 200
    for file in (tmp_path / "data").rglob("blobs/**/*"):
        if file.is_file():
            file.unlink()
    assert (await site.pull(path)).status == 503


async def test_an_answer_is_for_its_head_alone(site: Site) -> None:
    etag = (await site.pull()).headers["etag"]
    assert (await site.pull(if_none_match=etag)).status == 304
    assert (await site.pull(if_none_match=etag)).status == 304
    assert (await site.pull(method="HEAD")).body == b""
    assert (await site.pull()).body != b""
    path = await site.blob()
    whole = (await site.pull(path)).headers["content-length"]
    assert (await site.pull(path, range="bytes=0-0")).headers["content-length"] == "1"
    assert (await site.pull(path)).headers["content-length"] == whole != "1"
    assert (await site.serving.ask("GET", MANIFEST)).status == 401


CHANGES: dict[str, tuple[str, dict[str, Any], int]] = {
    "the tag is moved": ("PutImage", {"imageTag": "v1", "imageManifest": "another"}, 200),
    "the tag is removed": ("BatchDeleteImage", {"imageIds": [{"imageTag": "v1"}]}, 404),
    "the repository is deleted": ("DeleteRepository", {"force": True}, 404),
    "its policy denies": ("SetRepositoryPolicy", {"policyText": document("Deny", principal=True)}, 403),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_the_next_pull_obeys_a_change_of_the_region(site: Site, change: str) -> None:
    before = await site.pull()
    assert await site.is_known()
    operation, members, status = CHANGES[change]
    if "imageManifest" in members:
        members = {**members, "imageManifest": before.body.decode() + "\n"}
    await site.ecr(operation, repositoryName=REPOSITORY, **members)
    after = await site.pull()
    assert after.status == status
    assert after.body != before.body


@pytest.mark.parametrize(
    "condition",
    [
        {"DateLessThan": {"aws:CurrentTime": "2999-01-01T00:00:00Z"}},
        {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
        {"StringNotEquals": {"aws:PrincipalTag/team": "red"}},
    ],
    ids=["of the time", "of the address", "of a tag"],
)
async def test_an_answer_under_a_condition_is_not_kept(site: Site, condition: dict[str, Any]) -> None:
    await site.allow(document(**condition))
    assert (await site.pull()).status == 200
    assert not await site.is_known()


async def test_an_answer_under_a_condition_of_the_repositorys_policy_is_not_kept(site: Site) -> None:
    late = document("Deny", principal=True, DateGreaterThan={"aws:CurrentTime": "2999-01-01T00:00:00Z"})
    await site.ecr("SetRepositoryPolicy", repositoryName=REPOSITORY, policyText=late)
    assert (await site.pull()).status == 200
    assert not await site.is_known()


async def test_an_answer_is_kept_for_a_few_seconds(site: Site) -> None:
    await site.pull()
    site.advance(LONGEST - timedelta(seconds=1))
    assert await site.is_known()
    site.advance(timedelta(seconds=2))
    assert not await site.is_known()
    assert await site.is_known()


async def test_an_answer_ends_with_the_token(site: Site) -> None:
    site.advance(timedelta(hours=12) - timedelta(seconds=5))
    await site.pull()
    assert await site.is_known()
    site.advance(timedelta(seconds=6))
    assert (await site.pull()).status == 403


async def test_an_answer_ends_with_the_session(site: Site) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    trusting = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    await site.iam("CreateRole", RoleName="builder", AssumeRolePolicyDocument=trusting)
    await site.iam("PutRolePolicy", RoleName="builder", PolicyName="p", PolicyDocument=document())
    site.auth = await site.changing.login(await site.changing.assume("builder"))
    site.advance(timedelta(hours=1) - timedelta(seconds=5))
    await site.pull()
    assert await site.is_known()
    site.advance(timedelta(seconds=6))
    assert (await site.pull()).status == 403


async def test_a_clock_that_goes_back_ends_it(site: Site) -> None:
    await site.pull()
    site.advance(-timedelta(seconds=1))
    assert not await site.is_known()


async def test_a_range_is_read_anew(site: Site) -> None:
    path = await site.blob()
    assert (await site.pull(path, range="bytes=0-3")).status == 206
    assert not await site.is_known(path, range="bytes=0-3")


async def test_refusals_are_not_kept(site: Site) -> None:
    missing = MANIFEST.replace("v1", "v2")
    assert [(await site.pull(missing)).status for _ in range(2)] == [404, 404]
    assert not await site.is_known(missing)
    await site.changing.push(REPOSITORY, "v2", await site.changing.login(ROOT))
    assert (await site.pull(missing)).status == 200


async def test_each_decision_is_in_the_log_of_an_operator_that_reads_them(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.configure(LogLevel.DEBUG)
    try:
        for _ in range(3):
            await site.pull()
    finally:
        telemetry.configure()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    allowed = [each for each in lines if each["event"] == "access.allowed" and each["action"] == "ecr:BatchGetImage"]
    assert len(allowed) == 3


def pulls_counted() -> float:
    """Return how many requests of manifests were counted as answered."""
    return sum(values[0] for labels, values in names.REQUESTS.numbers() if labels == ["oci:GET manifests", "ok"])


@pytest.mark.parametrize("site", [[{"access_log": True}]], indirect=True)
async def test_what_is_known_is_in_the_access_log_and_counts(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.serving, site.others = site.others[-1], [site.serving, site.changing]
    await site.pull()
    before = pulls_counted()
    capsys.readouterr()
    assert await site.is_known()
    [line] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["event"], line["status"], line["path"]) == ("request.answered", 200, MANIFEST)
    assert line["caller"] == f"arn:aws:iam::{ACCOUNT}:user/ci"
    assert pulls_counted() == before + 1


async def test_what_decides_nothing_voids_nothing(site: Site) -> None:
    await site.pull()
    used = update(access_key).values(last_used_at=None)
    await site.changing.whole.catalog.partition.record(lambda db: db.execute(used))
    assert await site.is_known()


@pytest.mark.parametrize("site", [[{"deviations": ("rates",)}]], indirect=True)
async def test_calls_that_are_counted_are_never_known(site: Site) -> None:
    site.serving, site.others = site.others[-1], [site.serving, site.changing]
    await site.pull()
    assert not await site.is_known()


# --- histories ------------------------------------------------------------------------------------------------


POLICIES = [
    document(),
    document(),
    document(),
    document("Deny"),
    document(DateLessThan={"aws:CurrentTime": "2999-01-01T00:00:00Z"}),
    document(StringEquals={"aws:ResourceTag/team": "blue"}),
]


async def push(site: Site, random: Random, _keys: Keys) -> None:
    await site.changing.push(REPOSITORY, f"v{random.randrange(2)}", await site.changing.login(ROOT))


async def delete(site: Site, random: Random, _keys: Keys) -> None:
    images = [{"imageTag": f"v{random.randrange(2)}"}]
    await site.changing.aws("ecr", "BatchDeleteImage", {"repositoryName": REPOSITORY, "imageIds": images})


async def change_the_users_policy(site: Site, random: Random, _keys: Keys) -> None:
    await site.allow(random.choice(POLICIES))


async def change_the_repositorys_policy(site: Site, random: Random, _keys: Keys) -> None:
    text = document(random.choice(["Allow", "Deny"]), principal=True)
    await site.ecr("SetRepositoryPolicy", repositoryName=REPOSITORY, policyText=text)


async def remove_the_repositorys_policy(site: Site, _random: Random, _keys: Keys) -> None:
    await site.changing.aws("ecr", "DeleteRepositoryPolicy", {"repositoryName": REPOSITORY})


async def change_the_key(site: Site, random: Random, keys: Keys) -> None:
    status = random.choice(["Active", "Inactive"])
    await site.iam("UpdateAccessKey", UserName="ci", AccessKeyId=keys.id, Status=status)


async def tag_the_repository(site: Site, random: Random, _keys: Keys) -> None:
    team = [{"Key": "team", "Value": random.choice(["blue", "red"])}]
    await site.ecr("TagResource", resourceArn=ARN, tags=team)


async def let_time_pass(site: Site, random: Random, _keys: Keys) -> None:
    site.advance(timedelta(seconds=random.choice([1, 4, 9, 11, 600])))


KINDS = [
    push,
    delete,
    change_the_users_policy,
    change_the_repositorys_policy,
    remove_the_repositorys_policy,
    change_the_key,
    tag_the_repository,
    let_time_pass,
]


@pytest.mark.parametrize("site", [[{}]], indirect=True)
@pytest.mark.parametrize("seed", range(4))
async def test_a_process_that_keeps_answers_gives_those_of_one_that_keeps_none(site: Site, seed: int) -> None:
    random = Random(seed)
    keys = await site.changing.new_keys("ci")
    site.auth = await site.changing.login(keys)
    forgetful, blob, known = site.others[-1], await site.blob(), 0
    object.__setattr__(door_of(forgetful), "known", NEVER_KNOWN)
    for _ in range(60):
        await random.choice(KINDS)(site, random, keys)
        path = random.choice([blob, TAGS, *(f"/v2/{REPOSITORY}/manifests/v{number}" for number in range(2))])
        for method in random.choices(["GET", "HEAD"], k=4):
            made = await outcome(forgetful, site, path, method)
            site.sent.taken()
            assert await outcome(site.serving, site, path, method) == made
            known += made[0] == 200 and not any("repository" in each for each in site.sent.taken())
    assert known > 5


async def outcome(process: Process, site: Site, path: str, method: str) -> tuple[int, dict[str, str], bytes]:
    reply = await process.ask(method, path, b"", site.auth)
    return reply.status, {name: text for name, text in reply.headers.items() if name != "x-request-id"}, reply.body
