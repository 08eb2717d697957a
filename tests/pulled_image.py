"""A process with an image to pull, and a client that may pull it, for tests of what a pull asks of the databases."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from tests.deployment import Process
from tests.statements import Sent

MANIFEST = "/v2/team/api/manifests/v1"
_TO_PULL = ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_TO_LIST = ("ecr:DescribeImages", "ecr:ListImages")
_TO_PUSH = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
Act = Callable[[], Awaitable[None]]


@dataclass
class House:
    """A process with a repository that holds one image, a user with a policy of two statements, and its token."""

    process: Process
    sent: Sent
    auth: dict[str, str]

    is_embedded: bool = True
    heads: Iterator[int] = field(default_factory=count)

    async def get(self, path: str = MANIFEST, method: str = "GET") -> None:
        """Pull with a head that did not come before: one that did may get the answer that is kept."""
        await self.get_again(path, method, {"x-head": str(next(self.heads))})

    async def get_again(self, path: str = MANIFEST, method: str = "GET", more: Mapping[str, str] | None = None) -> None:
        """Pull with the head of the last time, but for the headers of this request."""
        assert (await self.process.ask(method, path, b"", self.auth | dict(more or {}))).status == 200

    async def least(self, act: Act, times: int = 5) -> list[str]:
        """Return the statements of an act at its cheapest: a background task may send its own meanwhile."""
        counted = []
        for _ in range(times):
            self.sent.taken()
            await act()
            counted.append(self.sent.taken())
        return min(counted, key=len)


async def furnished(process: Process, sent: Sent) -> House:
    await process.done("iam", "CreateUser", {"UserName": "ci"})
    statements = [{"Effect": "Allow", "Action": each, "Resource": "*"} for each in (_TO_PULL + _TO_LIST, _TO_PUSH)]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    await process.done("iam", "PutUserPolicy", {"UserName": "ci", "PolicyName": "p", "PolicyDocument": document})
    await process.done("ecr", "CreateRepository", {"repositoryName": "team/api"})
    auth = await process.login(await process.new_keys("ci"))
    await process.push("team/api", "v1", auth)
    return House(process, sent, auth)
