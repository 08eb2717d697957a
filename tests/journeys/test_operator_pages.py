"""The pages for operators of a running deployment: each command works, and clients notice what the pages say."""

import json
import urllib.request
from pathlib import Path

from tests.catalogs import SQLITE
from tests.journeys.clients import HOME, SOURCE, Owner, boto
from tests.journeys.documents import run_commands
from tests.journeys.images import small
from tests.journeys.registry import Registry
from tests.journeys.server import Server

# What the commands do on PostgreSQL is tested command by command.
DATABASES = (SQLITE,)
REPOSITORY, IMAGE = "team/api", small()


def test_the_orders_of_an_operator_hold_until_they_are_withdrawn(server: Server, source: Owner, tmp_path: Path) -> None:
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    said = run_commands("how-to/operate.md", {}, tmp_path, **environment(server))
    assert "takes on work again" in said
    assert "not read-only any more" in said
    assert "resumed: garbage is collected" in said
    with urllib.request.urlopen(f"{server.url}/_twinport/health/ready", timeout=60) as answer:
        assert answer.status == 200
    assert Registry.of(source).push(REPOSITORY, "1.4", IMAGE) == 201


def test_keys_are_rotated_while_no_secret_and_no_token_is_lost(server: Server, source: Owner, tmp_path: Path) -> None:
    iam = source.boto("iam")
    iam.create_user(UserName="ci")
    key = iam.create_access_key(UserName="ci")["AccessKey"]
    token = source.token()
    server.stop()
    said = run_commands("how-to/rotate-keys.md", {}, tmp_path, **environment(server))
    assert "it may go" in said
    assert "removed the key" in said
    assert "new tokens are signed with a new key" in said
    server.start()
    sts = boto(server, "sts", HOME, key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert sts.get_caller_identity()["Account"] == SOURCE
    assert Registry(f"{server.url}/v2/{SOURCE}/{HOME}", token).ask("GET", f"{REPOSITORY}/tags/list").status == 404


def test_the_bytes_of_accounts_are_counted(server: Server, source: Owner, tmp_path: Path) -> None:
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    assert Registry.of(source).push(REPOSITORY, "1.4", IMAGE) == 201
    said = run_commands("how-to/usage.md", {}, tmp_path, **environment(server))
    [counted] = json.loads(said[said.index("{") :])["registries"]
    assert (counted["account"], counted["bytes"]) == (SOURCE, sum(len(blob.content) for blob in IMAGE.blobs))


def environment(server: Server) -> dict[str, str]:
    settings = {name: value for name, value in server.environment.items() if name.startswith("TWINPORT_")}
    return {**settings, "TWINPORT_DATA": str(server.data)}
