"""A Region whose database is lost: `verify` fails and makes none, and a running server serves the other Regions."""

import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from psycopg import sql

from tests.catalogs import ENGINES, SQLITE
from tests.command_line import called
from tests.postgres import PostgresServer
from tests.served import Served, start
from tests.waiting import PATIENCE_SECONDS

ACCOUNT, HOME, AWAY = "111122223333", "eu-west-1", "us-east-1"
MISSING = "the database of Region 'eu-west-1' is missing: restore it from the backup"
ANOTHER = "the database of Region 'eu-west-1' is another one: restore it from the backup"


@dataclass
class Deployment:
    """A deployment with a repository in each of two Regions, and a server that runs until it is ended."""

    served: Served
    database: str | None
    postgres: PostgresServer | None

    @property
    def settings(self) -> dict[str, str]:
        return {"TWINPORT_DATABASE": self.database} if self.database else {}

    def verify(self) -> tuple[int, str]:
        done = called("verify", "--data", str(self.served.data), **self.settings)
        return done.code, done.stderr

    def lose(self) -> None:
        if self.postgres is None:
            for file in self.files(HOME):
                file.unlink()
        else:
            self.postgres.run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(self._named(HOME)))

    def exchange(self) -> None:
        """Put the database of the other Region in the place of this one's."""
        self.lose()
        if self.postgres is None:
            for file in self.files(AWAY):
                shutil.copy(file, self.file(HOME).parent)
        else:
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            self.postgres.run(copy.format(self._named(HOME), self._named(AWAY)))

    def file(self, region: str) -> Path:
        return self.served.data / "regions" / region / "catalog.db"

    def files(self, region: str) -> list[Path]:
        """Return the file of a Region's database and its logs."""
        return list(self.file(region).parent.glob("catalog.db*"))

    def is_there(self) -> bool:
        if self.postgres is None:
            return self.file(HOME).exists()
        return f"{self._base}_{HOME}" in self.postgres.databases(self._base)

    def end(self) -> None:
        if self.served.process.poll() is None:
            self.served.stop()

    @property
    def _base(self) -> str:
        return (self.database or "").rpartition("?")[0].rpartition("/")[2]

    def _named(self, region: str) -> sql.Identifier:
        return sql.Identifier(f"{self._base}_{region}")


def begun(folder: Path, database: str | None, postgres: PostgresServer | None) -> Deployment:
    data = folder / "data"
    served = start(data) if database is None else start(data, TWINPORT_DATABASE=database)
    made = Deployment(served, database, postgres)
    for region in (HOME, AWAY):
        made.served.client("ecr", ACCOUNT, region).create_repository(repositoryName="team/api")
    return made


@pytest.fixture(params=ENGINES)
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    if request.param == SQLITE:
        made = begun(tmp_path, None, None)
    else:
        made = begun(tmp_path, request.getfixturevalue("postgres_address"), request.getfixturevalue("postgres"))
    yield made
    made.end()


@pytest.mark.parametrize(("harm", "said"), [(Deployment.lose, MISSING), (Deployment.exchange, ANOTHER)])
def test_verify_fails_for_a_region_whose_database_is_not_its_own(
    deployment: Deployment, harm: Callable[[Deployment], None], said: str
) -> None:
    deployment.end()
    harm(deployment)
    code, heard = deployment.verify()
    assert code == 4
    assert said in heard
    assert deployment.is_there() == (said == ANOTHER)


@pytest.mark.parametrize("deployment", [SQLITE], indirect=True)
def test_verify_fails_for_a_region_whose_file_was_emptied_and_does_not_recreate_it(deployment: Deployment) -> None:
    deployment.end()
    deployment.lose()
    deployment.file(HOME).touch()
    code, heard = deployment.verify()
    assert code == 4
    assert MISSING in heard
    assert deployment.file(HOME).stat().st_size == 0


def test_a_server_refuses_the_region_that_is_lost_and_serves_the_other(deployment: Deployment) -> None:
    home, away = (deployment.served.client("ecr", ACCOUNT, region) for region in (HOME, AWAY))
    token = home.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    deployment.lose()
    with pytest.raises(ClientError, match=MISSING):
        home.create_repository(repositoryName="team/other")
    request = urllib.request.Request(
        f"{deployment.served.url}/v2/team/api/tags/list", headers={"Authorization": f"Basic {token}"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS)
    with refused.value as answer:
        assert (answer.code, answer.headers["retry-after"]) == (503, "5")
        assert MISSING in answer.read().decode()
    assert len(away.describe_repositories()["repositories"]) == 1
    assert not deployment.is_there()


def test_the_deliveries_of_a_region_that_is_lost_are_refused_and_no_defect(deployment: Deployment) -> None:
    deployment.lose()
    shown = f"{deployment.served.url}/_twinport/deliveries?account={ACCOUNT}&region={HOME}"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(shown, timeout=PATIENCE_SECONDS)
    with refused.value as answer:
        assert (answer.code, answer.headers["retry-after"]) == (503, "5")
        assert MISSING in answer.read().decode()
