"""Secrets: none in the log, none readable in the data folder, nothing readable by others."""

import base64
import json
import stat
import urllib.error
import urllib.request
from pathlib import Path

from tests.served import start
from tests.waiting import PATIENCE_SECONDS

ACCOUNT = "111122223333"


def test_no_secret_is_in_the_log_or_in_the_clear_on_disk(tmp_path: Path) -> None:
    served = start(tmp_path / "data")
    iam, sts = served.client("iam", ACCOUNT), served.client("sts", ACCOUNT)
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName="ci", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    session = sts.assume_role(RoleArn=arn, RoleSessionName="build")["Credentials"]
    ecr = served.client("ecr", ACCOUNT)
    ecr.create_repository(repositoryName="team/api")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    password = base64.b64decode(token).decode().partition(":")[2]
    for header in (f"Basic {token}", f"Basic {token}x", f"Bearer {password}"):
        _get(f"{served.url}/v2/team/api/tags/list", header)
    served.stop()

    log = (tmp_path / "data.log").read_bytes()
    files = [file for file in (tmp_path / "data").rglob("*") if file.is_file()]
    stored = b"".join(file.read_bytes() for file in files)
    secrets = {
        "access key": key["SecretAccessKey"],
        "session secret": session["SecretAccessKey"],
        "session token": session["SessionToken"],
        "registry token": token,
        "password": password,
    }
    for name, secret in secrets.items():
        assert secret.encode() not in log, name
        assert secret.encode() not in stored, name


def test_the_sealing_key_is_its_owners_alone(tmp_path: Path) -> None:
    start(tmp_path / "data").stop()
    assert stat.S_IMODE((tmp_path / "data" / "sealing.key").stat().st_mode) == 0o600


def _get(url: str, authorization: str) -> int:
    request = urllib.request.Request(url, headers={"Authorization": authorization})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
