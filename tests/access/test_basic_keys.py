"""Access keys as user and password of the registry protocol: a real server that allows them, and one that does not."""

import base64
from collections.abc import Iterator

import pytest

from tests.oci.test_served import Wire
from tests.served import Served, new_account, start

ALLOWED = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}'
NO_TOKENS = ALLOWED.replace('"Action":"ecr:*"', '"NotAction":"ecr:GetAuthorizationToken"')


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(tmp_path_factory.mktemp("keys") / "data", TWINPORT_BASIC_ACCESS_KEYS="true")
    yield served
    served.stop()


def wire(served: Served, user: str, password: str) -> Wire:
    return Wire(served.port, base64.b64encode(f"{user}:{password}".encode()).decode())


def key_of_new_user(served: Served, account: str, policy: str | None) -> tuple[str, str]:
    iam = served.client("iam", account)
    iam.create_user(UserName="ci")
    if policy is not None:
        iam.put_user_policy(UserName="ci", PolicyName="registry", PolicyDocument=policy)
    key = iam.create_access_key(UserName="ci")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_a_user_s_key_opens_what_the_user_s_policies_allow(served: Served) -> None:
    account = new_account()
    served.client("ecr", account).create_repository(repositoryName="team/api")
    ci = wire(served, *key_of_new_user(served, account, ALLOWED))
    assert ci.ask("GET", "/v2/").status == 200
    reply = ci.ask("GET", f"/v2/{account}/eu-west-1/team/api/tags/list")
    assert reply.json == {"name": f"{account}/eu-west-1/team/api", "tags": []}


@pytest.mark.parametrize("policy", [None, NO_TOKENS], ids=["no policy", "all but tokens"])
def test_who_may_not_have_a_token_may_not_use_the_key_instead(served: Served, policy: str | None) -> None:
    status, code, message = wire(served, *key_of_new_user(served, new_account(), policy)).ask("GET", "/v2/").error
    assert (status, code) == (403, "DENIED")
    assert "is not authorized to perform: ecr:GetAuthorizationToken on resource: *" in message


def test_a_wrong_secret_an_unknown_key_and_an_inactive_one_are_told_apart_by_nothing(served: Served) -> None:
    account = new_account()
    key_id, secret = key_of_new_user(served, account, ALLOWED)
    wrong = wire(served, key_id, "wrong").ask("GET", "/v2/").error
    assert wire(served, "AKIAIOSFODNN7EXAMPLE", secret).ask("GET", "/v2/").error == wrong
    served.client("iam", account).update_access_key(UserName="ci", AccessKeyId=key_id, Status="Inactive")
    assert wire(served, key_id, secret).ask("GET", "/v2/").error == wrong
    assert wrong[:2] == (403, "DENIED")


def test_the_key_of_a_session_is_refused(served: Served) -> None:
    account = new_account()
    key_id, secret = key_of_new_user(served, account, ALLOWED)
    session = served.client("sts", account, keys=(key_id, secret, None)).get_session_token()["Credentials"]
    reply = wire(served, session["AccessKeyId"], session["SecretAccessKey"]).ask("GET", "/v2/")
    assert reply.error[:2] == (403, "DENIED")


def test_without_the_setting_no_key_is_taken(server: Served, account: str) -> None:
    assert wire(server, account, "test").ask("GET", "/v2/").error[:2] == (403, "DENIED")
    key_id, secret = key_of_new_user(server, account, ALLOWED)
    assert wire(server, key_id, secret).ask("GET", "/v2/").error[:2] == (403, "DENIED")
