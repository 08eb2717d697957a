"""An account that only a test uses: its root on the console, and a client of ECR with one repository."""

from typing import Any

import pytest

from tests.console.browsing import Visitor
from tests.served import Served


@pytest.fixture
def root(server: Served, account: str) -> Visitor:
    return Visitor(server, {"way": "open", "account": account})


@pytest.fixture
def ecr(server: Served, account: str) -> Any:  # noqa: ANN401 — boto3 makes its clients at run time
    client = server.client("ecr", account, "eu-west-1")
    client.create_repository(repositoryName="team/api")
    return client
