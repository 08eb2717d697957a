"""Every page and form of the console asks the gate, or leads to one that does."""

import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

import pytest

from tests.served import Served
from tests.sts.callers import user

REGION = "eu-west-1"
ROLE = "AWSServiceRoleForECRReplication"
# The first step of a rule is a form that shows nothing of anybody's; sending it asks.
OPEN = "replication/add"
PAGES = (
    "repositories",
    "images?repository=team/api",
    "images/fresh?repository=team/api",
    "registry",
    "replication",
    "replication/edit",
    OPEN,
    "replication/remove?rule=0",
    "replication/delete-all",
    "permissions",
    "permissions/edit",
    "permissions/generate",
    "permissions/delete",
    "roles",
    f"roles/{ROLE}",
    f"roles/{ROLE}/description",
    f"roles/{ROLE}/delete",
    f"roles/{ROLE}/deletion",
    f"roles/{ROLE}/deletion/fresh",
)
FORMS = {
    "repositories/new": {"name": "team/web", "mutability": "MUTABLE"},
    "permissions/edit": {"policy": "{}"},
    "permissions/delete": {"confirm": "delete"},
    "replication/delete-all": {"confirm": "delete"},
    f"roles/{ROLE}/description": {"description": "words"},
    f"roles/{ROLE}/delete": {"confirm": ROLE},
}


class Visitor:
    """Somebody who is signed in, with a browser that keeps cookies and nothing else."""

    def __init__(self, server: Served, form: dict[str, str]) -> None:
        self._base = f"{server.url}/console"
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.post("sign-in", form)

    def get(self, page: str) -> str:
        return self._read(f"{self._base}/{page}", None)

    def post(self, page: str, form: dict[str, str]) -> str:
        (token, *_) = re.findall(r'name="csrf" value="(\w+)"', self.get(page))
        return self._read(f"{self._base}/{page}", urllib.parse.urlencode({"csrf": token, **form}).encode())

    def _read(self, url: str, body: bytes | None) -> str:
        try:
            with self._opener.open(url, body, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as refused:
            return refused.read().decode()


@pytest.fixture
def root(server: Served, account: str) -> Visitor:
    server.client("ecr", account, REGION).create_repository(repositoryName="team/api")
    server.client("iam", account).create_service_linked_role(AWSServiceName="replication.ecr.amazonaws.com")
    return Visitor(server, {"way": "open", "account": account})


@pytest.mark.parametrize("page", [page for page in PAGES if page != OPEN])
def test_who_may_nothing_is_shown_nothing_of_a_page(server: Served, account: str, page: str) -> None:
    nobody = user(server, account, "nobody")
    visitor = Visitor(server, {"way": "key", "key": nobody.keys[0], "secret": nobody.keys[1]})
    assert "not authorized to perform" in visitor.get(f"{REGION}/{page}")


@pytest.mark.parametrize("page", PAGES)
def test_an_accounts_root_sees_every_page(root: Visitor, page: str) -> None:
    assert "not authorized" not in root.get(f"{REGION}/{page}")


@pytest.mark.parametrize("page", FORMS)
def test_an_accounts_root_may_send_every_form(root: Visitor, page: str) -> None:
    assert "not authorized" not in root.post(f"{REGION}/{page}", FORMS[page])
