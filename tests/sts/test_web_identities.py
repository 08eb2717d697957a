"""AssumeRoleWithWebIdentity with tokens of a real issuer: no caller signs the request, and the token must be true."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.iam.answers import ALLOW_ALL, refusal
from tests.issuer import DISCOVERY, Issuer, issuing
from tests.served import Served, new_account, start
from tests.sts.callers import Keys, document, keys_of, statement

ACTION = "sts:AssumeRoleWithWebIdentity"
DENIED = (403, "AccessDenied", f"Not authorized to perform {ACTION}")
MALFORMED = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference "
    "AssumeRoleWithWebIdentity documentation for requirements"
)
INVALID = (400, "InvalidIdentityToken")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Issuer, Served]]:
    """An issuer, and a server that may go there and trusts its authority."""
    folder = tmp_path_factory.mktemp("web")
    with issuing(folder / "issuer") as issuer:
        served = start(
            folder / "data",
            TWINPORT_EGRESS_NETWORKS="127.0.0.1/32",
            TWINPORT_EGRESS_AUTHORITIES=str(issuer.certified.authority),
        )
        yield issuer, served
        served.stop()


@dataclass
class House:
    """An account with a provider and a role `web` that lets its tokens in."""

    issuer: Issuer
    server: Served
    account: str

    @property
    def iam(self) -> Any:  # noqa: ANN401 — boto3's clients have no type
        return self.server.client("iam", self.account)

    @property
    def provider(self) -> str:
        return f"arn:aws:iam::{self.account}:oidc-provider/{self.issuer.provider}"

    @property
    def role(self) -> dict[str, str]:
        return {"RoleArn": f"arn:aws:iam::{self.account}:role/web", "RoleSessionName": "build"}

    def trusting(self, *actions: str, **members: object) -> str:
        principal = {"Federated": self.provider}
        return document({"Effect": "Allow", "Principal": principal, "Action": [ACTION, *actions], **members})

    def trust(self, *actions: str, **members: object) -> None:
        self.iam.update_assume_role_policy(RoleName="web", PolicyDocument=self.trusting(*actions, **members))

    def allow(self, policy: str) -> None:
        self.iam.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=policy)

    @property
    def assume(self) -> Any:  # noqa: ANN401
        nobody = Config(signature_version=UNSIGNED, retries={"max_attempts": 1})
        sts = boto3.client("sts", region_name="eu-west-1", endpoint_url=self.server.url, config=nobody)
        return sts.assume_role_with_web_identity

    def come(self, token: str | None = None, /, **members: object) -> Any:  # noqa: ANN401
        return self.assume(**self.role, WebIdentityToken=token or self.issuer.token(), **members)

    def refused(self, token: str | None = None, /, **members: object) -> tuple[int, str, str]:
        return refusal(self.assume, **self.role, WebIdentityToken=token or self.issuer.token(), **members)

    def repositories(self, keys: Keys) -> Any:  # noqa: ANN401
        return self.server.client("ecr", self.account, keys=keys).describe_repositories()["repositories"]


@pytest.fixture
def house(running: tuple[Issuer, Served]) -> Iterator[House]:
    issuer, server = running
    made = House(issuer, server, new_account())
    made.iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["sts.amazonaws.com", "app"])
    made.iam.create_role(RoleName="web", AssumeRolePolicyDocument=made.trusting(), MaxSessionDuration=7200)
    made.allow(ALLOW_ALL)
    keys = dict(issuer.keys)
    yield made
    issuer.keys = keys
    issuer.pages.clear()


@pytest.mark.parametrize("key", ["rsa", "curve"])
def test_a_true_token_opens_the_role_to_its_subject(house: House, key: str) -> None:
    answer = house.come(house.issuer.token(key))
    assert answer["SubjectFromWebIdentityToken"] == "repo:acme/app:ref:refs/heads/main"
    assert (answer["Audience"], answer["Provider"]) == ("sts.amazonaws.com", house.provider)
    assert "PackedPolicySize" not in answer
    me = house.server.client("sts", house.account, keys=keys_of(answer)).get_caller_identity()
    assert me["Arn"] == f"arn:aws:sts::{house.account}:assumed-role/web/build" == answer["AssumedRoleUser"]["Arn"]
    assert me["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert house.repositories(keys_of(answer)) == []


def test_a_session_lasts_an_hour_or_as_long_as_is_asked_and_the_role_allows(house: House) -> None:
    for members, hours in (({}, 1), ({"DurationSeconds": 7200}, 2)):
        end = house.come(**members)["Credentials"]["Expiration"]
        assert abs(end - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=1)
    assert house.refused(DurationSeconds=7201)[:2] == (400, "ValidationError")


def test_session_policies_narrow_the_role(house: House) -> None:
    answer = house.come(Policy=document(statement("Allow", "ecr:Describe*")))
    assert answer["PackedPolicySize"] > 0
    assert house.repositories(keys_of(answer)) == []
    create = house.server.client("ecr", house.account, keys=keys_of(answer)).create_repository
    assert "because no session policy allows" in refusal(create, repositoryName="team/api")[2]


def test_a_provider_has_to_be_there_and_named_in_the_trust(house: House) -> None:
    house.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=house.provider)
    words = f"No OpenIDConnect provider found in your account for {house.issuer.url}"
    assert house.refused() == (*INVALID, words)
    house.iam.create_open_id_connect_provider(Url=house.issuer.url, ClientIDList=["sts.amazonaws.com"])
    assert house.come()["Audience"] == "sts.amazonaws.com"
    other = document({"Effect": "Allow", "Principal": {"Federated": f"{house.provider}/other"}, "Action": ACTION})
    house.iam.update_assume_role_policy(RoleName="web", PolicyDocument=other)
    assert house.refused() == DENIED


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}])
def test_a_trust_policy_that_names_every_principal_lets_no_outsider_in(house: House, principal: object) -> None:
    everybody = document({"Effect": "Allow", "Principal": principal, "Action": [ACTION, "sts:AssumeRole"]})
    house.iam.update_assume_role_policy(RoleName="web", PolicyDocument=everybody)
    assert house.refused() == DENIED


def test_a_role_that_is_not_there_is_denied_in_the_same_words(house: House) -> None:
    members = {"RoleArn": f"arn:aws:iam::{house.account}:role/nothing", "RoleSessionName": "build"}
    assert refusal(house.assume, **members, WebIdentityToken=house.issuer.token()) == DENIED


def test_an_account_believes_its_own_providers_alone(house: House) -> None:
    other = House(house.issuer, house.server, new_account())
    trust = document({"Effect": "Allow", "Principal": {"Federated": house.provider}, "Action": ACTION})
    other.iam.create_role(RoleName="web", AssumeRolePolicyDocument=trust)
    assert other.refused()[:2] == INVALID


@pytest.mark.parametrize(
    ("operator", "claim", "right", "wrong"),
    [
        ("StringEquals", "aud", "sts.amazonaws.com", "app"),
        ("StringEquals", "oaud", "sts.amazonaws.com", "app"),
        ("StringEquals", "sub", "repo:acme/app:ref:refs/heads/main", "repo:acme/app"),
        ("StringLike", "sub", "repo:acme/*", "repo:other/*"),
        ("ForAnyValue:StringEquals", "amr", "mfa", "otp"),
        ("StringEquals", "email", "ann@acme.example", "bob@acme.example"),
    ],
)
def test_trust_may_ask_what_the_token_says(house: House, operator: str, claim: str, right: str, wrong: str) -> None:
    token = house.issuer.token(amr=["pwd", "mfa"], email="ann@acme.example")
    key = f"{house.issuer.provider}:{claim}"
    house.trust(Condition={operator: {key: right}})
    assert house.come(token)["Credentials"]
    house.trust(Condition={operator: {key: wrong}})
    assert house.refused(token) == DENIED


def test_the_authorized_party_is_the_audience_where_there_is_one(house: House) -> None:
    key = house.issuer.provider
    equal = {f"{key}:aud": "app", f"{key}:oaud": "somebody"}
    house.trust(Condition={"StringEquals": equal})
    token = house.issuer.token(aud=["somebody", "else"], azp="app")
    assert house.come(token)["Audience"] == "app"
    assert house.refused(house.issuer.token(azp="stranger")) == (*INVALID, "Incorrect token audience")


def test_an_audience_that_is_not_listed_is_wrong(house: House) -> None:
    assert house.refused(house.issuer.token(aud="other")) == (*INVALID, "Incorrect token audience")
    house.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=house.provider, ClientID="other")
    assert house.come(house.issuer.token(aud="other"))["Audience"] == "other"
    assert house.come(house.issuer.token(aud=["unknown", "app"]))["Credentials"]


def test_a_token_is_believed_until_five_minutes_after_its_time(house: House) -> None:
    now = int(time.time())
    assert house.come(house.issuer.token(exp=now - 200))["Credentials"]
    status, code, words = house.refused(house.issuer.token(exp=now - 400))
    assert (status, code) == (400, "ExpiredTokenException")
    assert words.endswith(f" must be before the expiration date/time {now - 400}")


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_from_the_future_is_not_believed_yet(house: House, claim: str) -> None:
    now = int(time.time())
    assert house.come(house.issuer.token(**{claim: now + 200}))["Credentials"]
    assert house.refused(house.issuer.token(**{claim: now + 400}))[:2] == INVALID


@pytest.mark.parametrize("claim", ["sub", "aud", "exp", "iat"])
def test_a_token_without_what_it_must_say_is_not_believed(house: House, claim: str) -> None:
    words = f"Missing a required claim: {claim}"
    assert house.refused(house.issuer.token(**{claim: None})) == (*INVALID, words)


@pytest.mark.parametrize("claims", [{"exp": "soon"}, {"sub": 7}, {"aud": {"a": "b"}}, {"exp": True}, {"amr": [1]}])
def test_claims_of_the_wrong_kind_are_no_token(house: House, claims: dict[str, Any]) -> None:
    claims.setdefault("aud", "sts.amazonaws.com")
    said = {"iss": house.issuer.url, "sub": "a", "iat": int(time.time()), "exp": int(time.time()) + 60, **claims}
    signed = _signed(house.issuer, json.dumps(said).encode())
    assert house.refused(signed) == (*INVALID, MALFORMED)


def _signed(issuer: Issuer, payload: bytes) -> str:
    return jwt.PyJWS().encode(payload, issuer.keys["rsa"], "RS256", {"kid": "rsa"})


def test_what_is_no_token_is_told_so(house: House) -> None:
    good = house.issuer.token()
    head, payload, signature = good.split(".")
    unsigned = jwt.encode(jwt.decode(good, options={"verify_signature": False}), "", "none", {"kid": "rsa"})
    shared = jwt.encode({"iss": house.issuer.url}, "x" * 64, "HS256", {"kid": "rsa"})
    no_issuer = house.issuer.token(iss=None)
    for token in ("word", f"{head}.{payload}", f"{head}.!!.{signature}", unsigned, shared, no_issuer, "a.b.c.d.e"):
        assert house.refused(token) == (*INVALID, MALFORMED)


def test_a_token_that_was_altered_or_signed_by_a_stranger_is_not_believed(house: House) -> None:
    head, payload, signature = house.issuer.token().split(".")
    others = house.issuer.token(sub="another subject").split(".")
    altered = ".".join([head, others[1], signature])
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    said = jwt.decode(f"{head}.{payload}.{signature}", options={"verify_signature": False})
    forged = jwt.encode(said, stranger, "RS256", {"kid": "rsa"})
    for token in (altered, forged):
        assert house.refused(token)[:2] == INVALID
    # The key is asked for by its id, and another algorithm does not fit it.
    wrong_kind = jwt.encode(said, ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": "rsa"})
    assert house.refused(wrong_kind) == (*INVALID, NO_KEY)


def test_keys_are_fetched_once_and_again_for_a_key_that_is_new(house: House, running: tuple[Issuer, Served]) -> None:
    issuer, _ = running
    house.come()
    issuer.asked.clear()
    for _ in range(3):
        house.come()
    assert issuer.asked == []
    issuer.keys["new"] = ec.generate_private_key(ec.SECP256R1())
    # Strangers make twinport ask again once a minute at most, so this one waits.
    assert house.refused(issuer.token("new")) == (*INVALID, NO_KEY)
    assert issuer.asked == []


def test_tags_in_the_token_are_tags_of_the_session_where_the_trust_allows(house: House) -> None:
    tags = {"principal_tags": {"team": ["blue"]}, "transitive_tag_keys": ["team"]}
    token = house.issuer.token(**{"https://aws.amazon.com/tags": tags})
    assert house.refused(token) == (403, "AccessDenied", "Not authorized to perform sts:TagSession")
    house.trust("sts:TagSession", Condition={"StringEquals": {"aws:RequestTag/team": "blue"}})
    condition = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    house.allow(document(statement("Allow", "*", Condition=condition)))
    answer = house.come(token)
    assert house.repositories(keys_of(answer)) == []
    flat = {"https://aws.amazon.com/tags/principal_tags/team": "blue"}
    assert house.repositories(keys_of(house.come(house.issuer.token(**flat)))) == []
    assert house.refused() == DENIED


def test_a_source_identity_in_the_token_stays_with_the_session(house: House) -> None:
    token = house.issuer.token(**{"https://aws.amazon.com/source_identity": "ann"})
    assert house.refused(token)[2] == "Not authorized to perform sts:SetSourceIdentity"
    house.trust("sts:SetSourceIdentity", Condition={"StringEquals": {"sts:SourceIdentity": "ann"}})
    assert house.come(token)["SourceIdentity"] == "ann"


def test_a_session_knows_its_provider_and_its_subject(house: House) -> None:
    issuer = house.issuer.provider
    seen = {"aws:FederatedProvider": house.provider, f"{issuer}:sub": house.issuer.url, f"{issuer}:aud": "app"}
    house.allow(document(statement("Allow", "ecr:*", Condition={"StringEquals": seen})))
    answer = house.come(house.issuer.token(sub=house.issuer.url, aud="app"))
    assert house.repositories(keys_of(answer)) == []
    ecr = house.server.client("ecr", house.account, keys=keys_of(house.come()))
    assert refusal(ecr.describe_repositories)[1] == "AccessDeniedException"


def test_an_issuer_that_may_not_be_reached_or_says_nothing_useful_gives_no_key(house: House) -> None:
    iam = house.iam
    for url, expected in (
        ("https://169.254.169.254", (400, "IDPCommunicationError")),
        ("https://localhost:1", (400, "IDPCommunicationError")),
        (f"{house.issuer.url}/empty", INVALID),
        (f"{house.issuer.url}/another", INVALID),
    ):
        house.issuer.pages[f"/another{DISCOVERY}"] = {"issuer": "https://other", "jwks_uri": f"{house.issuer.url}/keys"}
        arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["app"])["OpenIDConnectProviderArn"]
        trust = document({"Effect": "Allow", "Principal": {"Federated": arn}, "Action": ACTION})
        iam.update_assume_role_policy(RoleName="web", PolicyDocument=trust)
        status, code, words = house.refused(house.issuer.token(iss=url, aud="app"))
        assert (status, code) == expected
        # Who may not even sign learns nothing of what lies inside.
        assert "169.254.169.254, which" not in words


def test_no_other_operation_is_answered_without_a_signature(house: House) -> None:
    nobody = Config(signature_version=UNSIGNED, retries={"max_attempts": 1})
    sts = boto3.client("sts", region_name="eu-west-1", endpoint_url=house.server.url, config=nobody)
    for call, members in (
        (sts.get_caller_identity, {}),
        (sts.get_session_token, {}),
        (sts.assume_role, house.role),
    ):
        assert refusal(call, **members)[:2] == (403, "MissingAuthenticationToken")


def test_a_web_identity_may_not_use_assume_role_and_users_may_not_use_its_action(house: House) -> None:
    house.trust("sts:AssumeRole")
    assert refusal(house.server.client("sts", house.account).assume_role, **house.role)[1] == "AccessDenied"


def test_an_operators_keys_are_used_and_none_is_fetched(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("given")
    (folder / "keys.json").write_text(json.dumps(house.issuer.key_set()))
    url = "https://issuer.nowhere.invalid/path"
    served = start(folder / "data", TWINPORT_OIDC_KEYS=f"{url}/={folder / 'keys.json'}")
    try:
        given = House(house.issuer, served, new_account())
        arn = given.iam.create_open_id_connect_provider(Url=url, ClientIDList=["app"])["OpenIDConnectProviderArn"]
        trust = document({"Effect": "Allow", "Principal": {"Federated": arn}, "Action": ACTION})
        given.iam.create_role(RoleName="web", AssumeRolePolicyDocument=trust)
        assert given.come(house.issuer.token(iss=url, aud="app"))["Provider"] == arn
        for slashes in ("/", "//", "///"):
            with pytest.raises(ClientError, match="InvalidIdentityToken"):
                given.come(house.issuer.token(iss=f"{url}{slashes}", aud="app"))
    finally:
        served.stop()
