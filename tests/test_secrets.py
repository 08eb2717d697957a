"""Secrets are planted by real requests and commands, and looked for in every log, output, page and file."""

import base64
import contextlib
import re
import sqlite3
import stat
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path

import psycopg
import pytest

from tests import catalogs
from tests.browser.pushing import push
from tests.command_line import called
from tests.iam.answers import trusting
from tests.issuer import issuing
from tests.served import Served, start
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.large

ACCOUNT, REGION, PASSWORD = "111122223333", "eu-west-1", "Planted-Password-1843"
DATABASE_PASSWORD, METRICS_TOKEN = "planted-database-password", "planted-metrics-token-0123456789abcdef"
PAGES = (
    "repositories",
    "images?repository=team/api",
    "registry",
    "replication",
    "replication/activity",
    "permissions",
    "roles",
    "roles/ci",
)
COMMANDS = (
    ("account", "list"),
    ("user", "list", ACCOUNT),
    ("user", "keys", "list", ACCOUNT, "alice"),
    (
        "why",
        f"arn:aws:iam::{ACCOUNT}:user/alice",
        "ecr:PutImage",
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/api",
    ),
    ("gc",),
    ("verify",),
    ("status",),
    ("replication", "list"),
)


# Both tables hold secrets: sealed ones, and hashes of passwords.
REFUSALS_OF_SQLITE = "".join(
    f"CREATE TRIGGER no_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'the test refuses it'); END;"
    for table in ("access_key", "login_profile")
)
REFUSALS_OF_POSTGRESQL = b"""
    CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'the test refuses it'; END $$ LANGUAGE plpgsql;
    CREATE TRIGGER no BEFORE INSERT ON access_key FOR EACH ROW EXECUTE FUNCTION refuse();
    CREATE TRIGGER no BEFORE INSERT ON login_profile FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@dataclass
class Planted:
    """The secrets by name, and what was shown: the log, outputs of commands, pages of the console."""

    served: Served
    secrets: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, body: bytes | None = None, **headers: str) -> str:
        request = urllib.request.Request(f"{self.served.url}{path}", body, headers)
        return read(urllib.request.build_opener(), request)


def read(opener: urllib.request.OpenerDirector, request: urllib.request.Request | str) -> str:
    try:
        with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            return str(answer.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode("utf-8", "replace")


@pytest.fixture(scope="module", params=catalogs.ENGINES)
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Everything that is secret, used rightly and wrongly at a server that logs as much as it can."""
    folder = tmp_path_factory.mktemp("planted")
    config = folder / "twinport.toml"
    with issuing(tmp_path_factory.mktemp("issuer")) as issuer:
        lines = [f'metrics_token = "{METRICS_TOKEN}"', 'log_level = "debug"', "access_log = true"]
        lines += ['egress_networks = ["127.0.0.0/8"]', f'egress_authorities = "{issuer.certified.authority}"']
        lines += ["basic_access_keys = true", "open_accounts = true"]
        if request.param == catalogs.POSTGRESQL:
            address = request.getfixturevalue("postgres").new_address()
            lines.append(f'database = "{address.replace(":@", f":{DATABASE_PASSWORD}@")}"')
            assert DATABASE_PASSWORD in lines[-1]
        config.write_text("\n".join(lines))
        planted = Planted(start(folder / "data", words=("--config", str(config))))
        planted.secrets = {"database password": DATABASE_PASSWORD, "metrics token": METRICS_TOKEN}
        plant_identities(planted, issuer.url, issuer.token())
        plant_registry(planted)
        visit_console(planted)
        show_metrics(planted)
    for words in COMMANDS:
        ended = called(*words, "--data", str(folder / "data"), "--config", str(config))
        planted.shown[" ".join(words)] = f"{ended.stdout}{ended.stderr}"
    planted.served.stop()
    key = (folder / "data" / "sealing.key").read_bytes().strip()
    planted.secrets["sealing key"] = key.decode("latin-1")
    planted.shown["the log"] = (folder / "data.log").read_text()
    return planted


def plant_identities(planted: Planted, issuer: str, id_token: str) -> None:
    iam, sts = planted.served.client("iam", ACCOUNT), planted.served.client("sts", ACCOUNT)
    iam.create_user(UserName="alice")
    iam.create_login_profile(UserName="alice", Password=PASSWORD)
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    role = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=trusting(ACCOUNT))["Role"]["Arn"]
    session = sts.assume_role(RoleArn=role, RoleSessionName="build")["Credentials"]
    iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"])
    for token in (id_token, f"{id_token}x"):
        with pytest.raises(sts.exceptions.ClientError):
            sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="build", WebIdentityToken=token)
    keys = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    address = planted.served.client("sts", ACCOUNT, keys=keys).generate_presigned_url("get_caller_identity")
    planted.get(address.removeprefix(planted.served.url))
    planted.get(f"{address.removeprefix(planted.served.url)}x")
    planted.get("/", f"Action=ListUsers&Secret={key['SecretAccessKey']}".encode())
    query = urllib.parse.parse_qs(address.partition("?")[2])
    planted.secrets |= {
        "access key": key["SecretAccessKey"],
        "console password": PASSWORD,
        "session secret": session["SecretAccessKey"],
        "session token": session["SessionToken"],
        "ID token": id_token,
        "signature of a request": query["X-Amz-Signature"][0],
    }
    planted.secrets["key for docker"] = base64.b64encode(
        f"{key['AccessKeyId']}:{key['SecretAccessKey']}".encode()
    ).decode()


def plant_registry(planted: Planted) -> None:
    ecr = planted.served.client("ecr", ACCOUNT, REGION)
    ecr.create_repository(repositoryName="team/api")
    push(planted.served, ACCOUNT, "team/api", "v1", REGION)
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    password = base64.b64decode(token).decode().partition(":")[2]
    basic = planted.secrets["key for docker"]
    for header in (f"Basic {token}", f"Basic {token}x", f"Bearer {password}", f"Basic {basic}", f"Basic {basic}x"):
        planted.get(f"/v2/team/api/tags/list?password={password}", Authorization=header)
    manifest = ecr.batch_get_image(repositoryName="team/api", imageIds=[{"imageTag": "v1"}])["images"][0]
    digest = re.findall(r"sha256:[0-9a-f]{64}", manifest["imageManifest"])[0]
    address = ecr.get_download_url_for_layer(repositoryName="team/api", layerDigest=digest)["downloadUrl"]
    path = urllib.parse.urlsplit(address)
    for query in (path.query, f"{path.query}0"):
        planted.get(f"{path.path}?{query}")
    signature = urllib.parse.parse_qs(path.query)["signature"][0]
    planted.secrets |= {"registry token": token, "docker password": password, "signature of a layer": signature}


def visit_console(planted: Planted) -> None:
    """Sign in wrongly, with secrets in the wrong fields, then rightly; and read pages."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = f"{planted.served.url}/console"
    wrong: tuple[Mapping[str, str], ...] = (
        {"way": "password", "account": ACCOUNT, "user": PASSWORD, "password": PASSWORD},
        {"way": "key", "key": planted.secrets["access key"], "secret": planted.secrets["access key"]},
    )
    right = {"way": "password", "account": ACCOUNT, "user": "alice", "password": PASSWORD}
    for form in (*wrong, right):
        (csrf, *_) = re.findall(r'name="csrf" value="(\w+)"', read(opener, f"{address}/sign-in"))
        body = urllib.parse.urlencode({**form, "csrf": csrf}).encode()
        answer = read(opener, urllib.request.Request(f"{address}/sign-in", body))
        if form is right:
            # The others show a person what that person typed, whatever it was.
            planted.shown["signing in"] = answer
    for page in PAGES:
        planted.shown[page] = read(opener, f"{address}/{REGION}/{page}")
    session = [cookie.value for cookie in jar if "session" in cookie.name]
    assert session, "the right password signs in"
    planted.secrets["console session"] = str(session[0])


def show_metrics(planted: Planted) -> None:
    for token in (METRICS_TOKEN, f"{METRICS_TOKEN}x"):
        planted.shown[f"metrics with {len(token)}"] = planted.get("/_twinport/metrics", Authorization=f"Bearer {token}")


def test_no_secret_is_shown_by_any_log_page_or_command(planted: Planted) -> None:
    found = [
        (name, place)
        for name, secret in planted.secrets.items()
        for place, text in planted.shown.items()
        if secret in text
    ]
    assert not found


@pytest.mark.parametrize("engine", catalogs.ENGINES)
def test_a_row_that_the_database_refuses_is_not_in_the_log(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    address = request.getfixturevalue("postgres_address") if engine == catalogs.POSTGRESQL else None
    served = start(tmp_path / "data", **({"TWINPORT_DATABASE": address} if address else {}))
    try:
        iam = served.client("iam", ACCOUNT)
        iam.create_user(UserName="alice")
        if address is None:
            with contextlib.closing(sqlite3.connect(served.data / "global.db")) as database:
                database.executescript(REFUSALS_OF_SQLITE)
        else:
            with psycopg.connect(address) as connection:
                connection.execute(REFUSALS_OF_POSTGRESQL)
        with pytest.raises(iam.exceptions.ClientError):
            iam.create_access_key(UserName="alice")
        with pytest.raises(iam.exceptions.ClientError):
            iam.create_login_profile(UserName="alice", Password=PASSWORD)
    finally:
        served.stop()
    log = (tmp_path / "data.log").read_text()
    assert "the test refuses it" in log
    assert not re.findall(r"scrypt:\d+|v1:[0-9a-f]{8}:|AKIA\w{16}", log)


def test_no_secret_is_readable_in_the_data_folder(planted: Planted) -> None:
    files = [file for file in planted.served.data.rglob("*") if file.is_file() and file.name != "sealing.key"]
    assert files
    stored = [(file.name, file.read_bytes()) for file in files]
    assert not [
        (name, file)
        for name, secret in planted.secrets.items()
        for file, held in stored
        if secret.encode("latin-1") in held
    ]


def test_what_was_planted_was_used(planted: Planted) -> None:
    log = planted.shown["the log"]
    for event in ("request.answered", "access.allowed", "access.denied", "sign_in.refused", "sign_in.done"):
        assert f'"event":"{event}"' in log, event
    for path in ("/_layers/", "/v2/team/api/tags/list", "/console/sign-in", "/_twinport/metrics"):
        assert path in log, path
    assert "ecr:GetAuthorizationToken" in log
    assert len(planted.secrets) >= 13
    assert all(len(secret) > 15 for secret in planted.secrets.values())


def test_the_sealing_key_is_its_owners_alone(tmp_path: Path) -> None:
    start(tmp_path / "data").stop()
    assert stat.S_IMODE((tmp_path / "data" / "sealing.key").stat().st_mode) == 0o600
