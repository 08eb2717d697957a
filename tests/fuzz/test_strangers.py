"""Tokens of strangers, and documents of issuers that a tenant names: each is believed or refused, and none a defect."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.catalogs import ENGINES, POSTGRESQL, SQLITE
from tests.fuzz import tokens
from tests.fuzz.doors import ACCOUNT, Answered, Doors
from tests.fuzz.targets import unexpected
from tests.fuzz.tokens import AUDIENCE, ISSUER, KEY_ID, Signer
from twinport.access import id_tokens
from twinport.access.issuer_keys import DISCOVERY, IssuerKeys
from twinport.clock import ManualClock
from twinport.egress.requests import EgressRequest, EgressResponse
from twinport.errors import Refusal
from twinport.settings.loading import Settings
from twinport.settings.open_accounts import OpenAccounts

pytestmark = pytest.mark.large

EXAMPLES = int(os.environ.get("TWINPORT_FUZZ_EXAMPLES", "25"))
BRIEF = hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
SIGNER = Signer()
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example"
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Federated": PROVIDER},
    "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})


@pytest.fixture(scope="module", params=ENGINES)
def doors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """An account whose role `web` trusts every token of one provider, whose keys the operator has stored."""
    folder = tmp_path_factory.mktemp("strangers")
    (folder / "keys.json").write_text(SIGNER.key_set())
    settings = Settings(
        data=folder / "data", oidc_keys=((ISSUER, folder / "keys.json"),), open_accounts=OpenAccounts.LOCAL
    )
    if request.param == POSTGRESQL:
        settings = replace(settings, database=request.getfixturevalue("postgres").new_address())
    doors = Doors(settings)
    asked = {"Action": "CreateOpenIDConnectProvider", "Url": ISSUER, "ClientIDList.member.1": AUDIENCE}
    _iam(doors, asked)
    _iam(doors, {"Action": "CreateRole", "RoleName": "web", "AssumeRolePolicyDocument": TRUST})
    yield doors
    doors.close()


def _iam(doors: Doors, asked: dict[str, str]) -> None:
    answer = doors.query("iam", urlencode({"Version": "2010-05-08", **asked}).encode())
    assert answer.status == 200, answer


def _come(doors: Doors, token: str) -> Answered:
    return doors.stranger(
        {
            "Action": "AssumeRoleWithWebIdentity",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/web",
            "RoleSessionName": "build",
            "WebIdentityToken": token,
        }
    )


def _token(header: str = "", claims: str = "") -> str:
    usual = tokens.object_of(tokens.usual_header().items()), tokens.object_of(tokens.usual_claims().items())
    return SIGNER.token(header or usual[0], claims or usual[1])


def test_a_token_that_is_not_odd_is_believed(doors: Doors) -> None:
    assert _come(doors, _token()).status == 200


# No header reaches a database: what it names is looked for among the keys of the issuer.
@pytest.mark.parametrize("doors", [SQLITE], indirect=True)
def test_whatever_one_member_of_a_header_holds_a_token_is_believed_or_refused(doors: Doors) -> None:
    for header in (
        *tokens.ODD,
        *tokens.DEEP,
        *tokens.one_odd(tokens.usual_header(), ("crit", "b64", "jwk", "x5c", "zip")),
    ):
        unexpected(_come(doors, _token(header or "x")))


def test_whatever_one_claim_of_a_signed_token_holds_it_is_believed_or_refused(doors: Doors) -> None:
    for claims in (*tokens.ODD, *tokens.DEEP, *tokens.odd_claims()):
        unexpected(_come(doors, _token("", claims or "x")))


@BRIEF
@given(tokens.HEADERS, st.data())
def test_whatever_header_and_claims_hold_together_a_token_is_believed_or_refused(
    doors: Doors, header: str, data: st.DataObject
) -> None:
    unexpected(_come(doors, _token(header, data.draw(tokens.claims()))))


@pytest.mark.parametrize("odd", ['["RS256"]', "{}", "null", "1", "true", '"none"'])
def test_an_algorithm_that_is_not_one_is_an_invalid_token(doors: Doors, odd: str) -> None:
    answer = _come(doors, _token(tokens.object_of({**tokens.usual_header(), "alg": odd}.items())))
    assert (answer.status, b"<Code>InvalidIdentityToken</Code>" in answer.body) == (400, True)


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "azp", "email", "https://aws.amazon.com/source_identity"])
@pytest.mark.parametrize("odd", [f'"{ISSUER}\\u0000"', f'"{ISSUER}\\ud800"'])
def test_a_claim_that_no_database_can_hold_is_an_invalid_token(doors: Doors, claim: str, odd: str) -> None:
    answer = _come(doors, _token("", tokens.object_of({**tokens.usual_claims(), claim: odd}.items())))
    assert (answer.status, b"<Code>InvalidIdentityToken</Code>" in answer.body) == (400, True)


@dataclass
class Web:
    """An issuer whose two documents are given, as text."""

    discovery: str = tokens.object_of({"issuer": f'"{ISSUER}"', "jwks_uri": f'"{ISSUER}/keys"'}.items())
    keys: str = SIGNER.key_set()

    async def fetch(self, request: EgressRequest) -> EgressResponse:
        is_first = request.url == f"{ISSUER}{DISCOVERY}"
        return EgressResponse(200, {}, (self.discovery if is_first else self.keys).encode("utf-8", "replace"))


async def _is_believed(web: Web, token: str) -> bool:
    """Tell whether a true token is believed of an issuer with such documents; a refusal is an answer too."""
    try:
        keys = await IssuerKeys(web, {}, ManualClock()).find(ISSUER, KEY_ID)
        id_tokens.verify(token, id_tokens.read(token).algorithm, keys)
    except Refusal:
        return False
    return True


async def test_an_issuer_whose_documents_are_not_odd_is_believed() -> None:
    assert await _is_believed(Web(), _token())


async def test_whatever_an_issuer_says_of_itself_it_is_believed_or_refused() -> None:
    token = _token()
    assert True in {await _is_believed(Web(discovery=odd), token) for odd in tokens.odd_discoveries()}


async def test_whatever_an_issuer_gives_for_its_keys_a_token_is_believed_or_refused() -> None:
    curve = SIGNER.token('{"alg":"ES256","kid":"first"}', tokens.object_of(tokens.usual_claims().items()))
    for token in (_token(), curve):
        assert {await _is_believed(Web(keys=odd), token) for odd in tokens.odd_key_sets(SIGNER)} <= {True, False}
