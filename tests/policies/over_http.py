"""Cases of the decision, brought about by calls of clients: accounts, principals and policies, then the one call."""

import json
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.browser.pushing import push
from tests.iam.answers import allowing, trusting
from tests.issuer import Issuer
from tests.policies.cases import HERE, THERE, Case
from tests.served import Served, new_account
from tests.waiting import until

Keys = tuple[str, str, str | None]
_NAMED = re.compile(r"arn:aws:iam::([0-9]{12}):(user|role)/(?:([^\"*$]+)/)?([^/\"*$]+)\"")
_SESSIONS = re.compile(r"arn:aws:sts::([0-9]{12}):assumed-role/([^/\"]+)/")
_IDS = re.compile(r"A(?:IDA|ROA)[A-Z]{12,}")
_IDS_OF = {
    "AIDAALICEALICEALICEA": "alice",
    "AIDABOBBOBBOBBOBBOBB": "bob",
    "AROABUILDERBUILDERBU": "builder",
    "AROAFARBUILDERBUILDE": "far builder",
}
_SETTABLE = re.compile(
    r"(aws:principaltag|aws:resourcetag|ecr:resourcetag)/.+|sts:(externalid|durationseconds)"
    r"|aws:(requestedregion|sourceip|securetransport|tagkeys|useragent|referer)"
)
_WORKFLOW, _WITH_TOKEN = "a workflow", "sts:AssumeRoleWithWebIdentity"
# The provider of the files, in whose place an issuer of the suite stands; and what IAM says to its strangers.
_PROVIDER, _TOKEN_DENIED = "token.actions.githubusercontent.com", f"Not authorized to perform {_WITH_TOKEN}"
# What IAM and ECR both let a tag be.
_TAGGED = re.compile(r"[\w .:/=+@-]*")
# No request of these cases has them, so that they are absent when a case does not give them.
_KNOWN_ABSENT = {"sts:externalid", "sts:durationseconds", "aws:sourceaccount", "aws:sourcearn", "aws:tagkeys"}
# Keys of temporary credentials, and who has others.
_OF_SESSIONS, _LONG_TERM = {"aws:multifactorauthpresent", "aws:tokenissuetime"}, ("alice", "bob", "root", "far root")
# The roles of replication, which carry an image and can be made to do nothing else.
_CARRIERS, _CARRYING = ("replication role", "far replication role"), ("ecr:ReplicateImage", "ecr:CreateRepository")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z")
# Where replication comes from that stays within an account.
_ELSEWHERE = "us-east-1"
_POLICIES = ("identity", "boundary", "session", "repository", "registry", "trust")
_DENIED = ("AccessDenied", "AccessDeniedException")
_MANIFEST = json.dumps({"schemaVersion": 2, "config": {}, "layers": []})


class NotOverHttp(Exception):
    """No client can bring this case about; the message says why."""


class NotCarried(Exception):
    """The role did not bring the image; the message says why."""


@dataclass(frozen=True)
class Prepared:
    """A case that waits for its one call."""

    case: Case
    here: str
    there: str
    keys: Keys
    raw: dict[str, Any]
    issuer: Issuer

    def differs(self, served: Served) -> str | None:
        """Ask, and return what is wrong with the answer, or nothing."""
        action = self.raw.get("does", "ecr:PutImage")
        call = _carry if self.raw.get("who") in _CARRIERS else CALLS[action]
        try:
            call(self, served)
        except NotCarried as refusal:
            is_told = str(refusal).endswith(self.case.expect)
            return None if is_told else f"{self.case.name}: {refusal}"
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if code in _DENIED:
                is_told = message.endswith(self.case.expect) or (action == _WITH_TOKEN and message == _TOKEN_DENIED)
                return None if is_told and self.case.expect != "allowed" else f"{self.case.name}: {message}"
        return None if self.case.expect == "allowed" else f"{self.case.name}: was allowed"

    @property
    def context(self) -> dict[str, str]:
        given = self.raw.get("context", {}).items()
        return {key.lower(): one for key, value in given if (one := _one(value)) is not None}

    @property
    def region(self) -> str:
        return self.context.get("aws:requestedregion", "eu-west-1")

    @property
    def repository(self) -> str:
        return str(self.raw.get("to", "repository/team/api")).partition("repository/")[2]

    def client(self, served: Served, service: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
        # IAM is in one Region, whichever its client signs for.
        region = "ap-south-1" if service == "iam" else self.region
        made = served.client(service, self.here, region, self.keys)
        if forwarded := self._forwarded():
            # As a proxy that the settings trust does it: after the client has signed.
            made.meta.events.register("before-send", lambda request, **_: request.headers.update(forwarded))
        return made

    def _forwarded(self) -> dict[str, str]:
        scheme = {"true": "https", "false": "http"}.get(self.context.get("aws:securetransport", ""))
        said = {
            "X-Forwarded-For": self.context.get("aws:sourceip"),
            "X-Forwarded-Proto": scheme,
            "User-Agent": self.context.get("aws:useragent"),
            "Referer": self.context.get("aws:referer"),
        }
        return {name: value for name, value in said.items() if value}


def _describe(it: Prepared, served: Served) -> None:
    names = {} if it.repository == "*" else {"repositoryNames": [it.repository]}
    it.client(served, "ecr").describe_repositories(registryId=it.here, **names)


def _assume(it: Prepared, served: Served) -> None:
    wished: dict[str, Any] = {}
    if "sts:externalid" in it.context:
        wished["ExternalId"] = it.context["sts:externalid"]
    if "sts:durationseconds" in it.context:
        wished["DurationSeconds"] = int(it.context["sts:durationseconds"])
    it.client(served, "sts").assume_role(RoleArn=it.raw["to"], RoleSessionName="asked", **wished)


def _assume_with_token(it: Prepared, served: Served) -> None:
    prefix = f"{it.issuer.provider}:"
    claims = {key.removeprefix(prefix): value for key, value in it.context.items() if key.startswith(prefix)}
    sts = boto3.client(
        "sts", region_name="eu-west-1", endpoint_url=served.url, config=Config(signature_version=UNSIGNED)
    )
    token = it.issuer.token(**claims)
    sts.assume_role_with_web_identity(RoleArn=it.raw["to"], RoleSessionName="asked", WebIdentityToken=token)


def _create_role(it: Prepared, served: Served) -> None:
    it.client(served, "iam").create_service_linked_role(AWSServiceName=it.raw["to"].split("/")[2])


def _tag(it: Prepared, served: Served) -> None:
    arn = it.raw.get("to", f"arn:aws:ecr:{it.region}:{it.here}:repository/{it.repository}")
    tags = [{"Key": key, "Value": "any"} for key in it.raw["context"]["aws:TagKeys"]]
    it.client(served, "ecr").tag_resource(resourceArn=arn, tags=tags)


def _carry(it: Prepared, served: Served) -> None:
    """Let the role bring an image: from the other account, or from another Region of its own. Raises NotCarried."""
    is_far = it.raw["who"] == "far replication role"
    account, region = (it.there, it.region) if is_far else (it.here, _ELSEWHERE)
    ecr = served.client("ecr", account, region)
    place = {"region": it.region, "registryId": it.here}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [place]}]})
    ecr.create_repository(repositoryName=it.repository)
    push(served, account, it.repository, "carried", region)
    copy = _settled(served, account, region)
    if copy["state"] != "complete":
        raise NotCarried(str(copy["reason"]))


def _settled(served: Served, account: str, region: str) -> Any:  # noqa: ANN401 — as JSON is
    """Return the one delivery of a registry, once it is not on its way any more.

    A client that repeats a push, since its answer is late, brings a second one about if the first has failed.
    """

    def look() -> Any:  # noqa: ANN401 — as JSON is
        with urllib.request.urlopen(f"{served.url}/_twinport/deliveries?account={account}&region={region}") as answer:
            copies = json.load(answer)["deliveries"]
        are_settled = copies and all(each["settled_at"] for each in copies)
        return max(copies, key=lambda each: each["created_at"]) if are_settled else None

    return until(look)


CALLS: dict[str, Callable[[Prepared, Served], Any]] = {
    "ecr:PutImage": lambda it, served: it.client(served, "ecr").put_image(
        registryId=it.here, repositoryName=it.repository, imageManifest=_MANIFEST
    ),
    "ecr:BatchGetImage": lambda it, served: it.client(served, "ecr").batch_get_image(
        registryId=it.here, repositoryName=it.repository, imageIds=[{"imageTag": "1"}]
    ),
    "ecr:DescribeRepositories": _describe,
    "ecr:DeleteRepository": lambda it, served: it.client(served, "ecr").delete_repository(
        registryId=it.here, repositoryName=it.repository
    ),
    "ecr:CreateRepository": lambda it, served: it.client(served, "ecr").create_repository(
        registryId=it.here, repositoryName=it.repository
    ),
    "ecr:GetAuthorizationToken": lambda it, served: it.client(served, "ecr").get_authorization_token(),
    "ecr:TagResource": _tag,
    "sts:AssumeRole": _assume,
    _WITH_TOKEN: _assume_with_token,
    "iam:CreateServiceLinkedRole": _create_role,
}


def prepare(case: Case, served: Served, issuer: Issuer) -> Prepared:
    """Bring everything about but the call itself. Raises NotOverHttp."""
    here, there = new_account(), new_account()
    text = json.dumps(case.raw).replace(HERE, here).replace(THERE, there).replace(_PROVIDER, issuer.provider)
    raw = json.loads(text)
    who = raw.get("who", "alice")
    _expect_possible(who, raw, issuer)
    stage = _Stage(served, here, there, raw, issuer)
    stage.create_named(text)
    keys = stage.people[who]()
    raw = stage.with_ids(raw)
    stage.hang(who, raw)
    return Prepared(case, here, there, keys, raw, issuer)


def _expect_possible(who: str, raw: dict[str, Any], issuer: Issuer) -> None:
    action = raw.get("does", "ecr:PutImage")
    if who not in (*_PEOPLE, *_CARRIERS):
        raise NotOverHttp(f"{who} does not come over HTTP")
    if who in _CARRIERS and action not in _CARRYING:
        raise NotOverHttp("the replication role carries images, and nothing else")
    if action not in (*CALLS, *_CARRYING):
        raise NotOverHttp(f"there is no call for {action}")
    if "owner" in raw:
        raise NotOverHttp("the owner is where the resource is")
    claims = {f"{issuer.provider}:aud", f"{issuer.provider}:sub"}
    given = raw.get("context", {})
    if who == _WORKFLOW and given and not claims <= given.keys():
        raise NotOverHttp("a token always names its audience and its subject")
    _expect_true_context(who, raw, claims)


def _expect_true_context(who: str, raw: dict[str, Any], claims: set[str]) -> None:
    for key, value in raw.get("context", {}).items():
        if not (_is_set(key, value) or key in {*_TRUE_ALREADY, *claims} or _is_true(who, key, value, raw)):
            raise NotOverHttp(f"no call sets {key} to {value or 'nothing'}")
        if "tag/" in key.lower() and not _TAGGED.fullmatch(value):
            raise NotOverHttp(f"no tag has the value {value}")
    given = {key.lower() for key in raw.get("context", {})}
    absent = _KNOWN_ABSENT | (_OF_SESSIONS if who in _LONG_TERM else set())
    if there := sorted(_mentioned(raw) - given - absent):
        raise NotOverHttp(f"the case has no {there[0]}, and a request may")


def _is_set(key: str, value: str | list[str]) -> bool:
    several = key == "aws:TagKeys" and bool(value)
    return bool(_SETTABLE.fullmatch(key.lower())) and (several or _one(value) is not None)


def _is_true(who: str, key: str, value: str | list[str], raw: dict[str, Any]) -> bool:
    """Tell whether any request of this caller has the key with this value, or one that no policy tells from it."""
    if key == "aws:CurrentTime":
        # The moments of the policies are over since before the case's own, and stay so.
        moments = [moment for part in _POLICIES for moment in _MOMENT.findall(json.dumps(raw.get(part, [])))]
        return bool(moments) and all(moment < str(value) for moment in moments)
    return key == "aws:username" and value == who


def _one(value: str | list[str]) -> str | None:
    """Return the value of a key that has one."""
    values = [value] if isinstance(value, str) else value
    return values[0] if len(values) == 1 else None


def _mentioned(raw: dict[str, Any]) -> set[str]:
    """Return the condition keys that policies ask about, in conditions and by variables, but for tags."""
    statements = [each for part in _POLICIES for each in raw.get(part, [])]
    asked = {key for each in statements for keys in each.get("Condition", {}).values() for key in keys}
    named = set(re.findall(r"\$\{([^},*?$]+)", json.dumps(statements)))
    return {key.strip().lower() for key in asked | named if "tag/" not in key.lower()}


_PEOPLE = ("alice", "bob", "builder", "far builder", "root", "far root", "carol, federated by alice", _WORKFLOW)
# True of every such call, or else (an organization's) of accounts that the settings list.
_TRUE_ALREADY = ("aws:PrincipalAccount", "aws:PrincipalArn", "iam:AWSServiceName", "aws:PrincipalOrgID")


@dataclass
class _Stage:
    """The accounts of one case, while they are prepared."""

    served: Served
    here: str
    there: str
    raw: dict[str, Any]
    issuer: Issuer
    ids: dict[str, str] = field(default_factory=dict)
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def people(self) -> dict[str, Callable[[], Keys]]:
        return {
            "alice": lambda: self._user(self.here, "alice"),
            "bob": lambda: self._user(self.there, "bob"),
            "builder": lambda: self._session(self.here),
            "far builder": lambda: self._session(self.there),
            "root": lambda: (self.here, "test", None),
            "far root": lambda: (self.there, "test", None),
            "carol, federated by alice": self._federated,
            _WORKFLOW: self._with_provider,
            **dict.fromkeys(_CARRIERS, lambda: ("", "", None)),
        }

    def iam(self, account: str) -> Any:  # noqa: ANN401 — boto3's clients have no type
        if account not in self.clients:
            self.clients[account] = self.served.client("iam", account)
        return self.clients[account]

    def create_named(self, text: str) -> None:
        """Create the principals that the documents name: a policy that names a missing one is refused."""
        everybody: set[tuple[str, str, str | None, str]] = {
            ("user", self.here, None, "alice"),
            ("user", self.there, None, "bob"),
        }
        everybody |= {("role", account, "ci", "builder") for account in (self.here, self.there)}
        named = {(kind, account, path or None, name) for account, kind, path, name in _NAMED.findall(text)}
        taken = {(account, name) for _, account, _, name in everybody | named}
        sessions = {("role", account, None, name) for account, name in set(_SESSIONS.findall(text)) - taken}
        for kind, account, path, name in sorted(everybody | named | sessions, key=str):
            if path is not None and path.startswith("aws-service-role"):
                self._create(self.iam(account).create_service_linked_role, AWSServiceName=path.split("/")[1])
            elif kind == "user":
                self._create(self.iam(account).create_user, UserName=name, Path=f"/{path}/" if path else "/")
            else:
                where = {"Path": f"/{path}/" if path else "/", "AssumeRolePolicyDocument": trusting(account)}
                self._create(self.iam(account).create_role, RoleName=name, **where)

    def _create(self, call: Callable[..., Any], **arguments: str) -> None:
        try:
            call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("EntityAlreadyExists", "InvalidInput"):
                raise

    def with_ids(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Put the unique ids of now in the place of those that the file made up."""
        text = json.dumps(raw)
        for made_up, who in _IDS_OF.items():
            if made_up in text:
                text = text.replace(made_up, self._id(who))
        if unknown := [each for each in _IDS.findall(text) if each not in self.ids.values()]:
            raise NotOverHttp(f"no principal has the id {unknown[0]}, so no policy may name it")
        changed: dict[str, Any] = json.loads(text)
        return changed

    def _id(self, who: str) -> str:
        account = self.there if who in ("bob", "far builder") else self.here
        if "builder" in who:
            self.ids[who] = self.iam(account).get_role(RoleName="builder")["Role"]["RoleId"]
        else:
            self.ids[who] = self.iam(account).get_user(UserName=who)["User"]["UserId"]
        return self.ids[who]

    def _user(self, account: str, name: str) -> Keys:
        key = self.iam(account).create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"], None

    def _session(self, account: str) -> Keys:
        arn = f"arn:aws:iam::{account}:role/ci/builder"
        policy = {"Policy": self._document("session")} if self.raw.get("session") else {}
        answer = self.served.client("sts", account).assume_role(RoleArn=arn, RoleSessionName="build-7", **policy)
        return _keys_in(answer)

    def _federated(self) -> Keys:
        iam, granted = self.iam(self.here), allowing("sts:GetFederationToken", "*")
        iam.put_user_policy(UserName="alice", PolicyName="federating", PolicyDocument=granted)
        policy = {"Policy": self._document("session")} if self.raw.get("session") else {}
        sts = self.served.client("sts", self.here, keys=self._user(self.here, "alice"))
        answer = sts.get_federation_token(Name="carol", **policy)
        iam.delete_user_policy(UserName="alice", PolicyName="federating")
        return _keys_in(answer)

    def _with_provider(self) -> Keys:
        """Let the issuer vouch; its tokens need no keys."""
        url, clients = self.issuer.url, ["sts.amazonaws.com"]
        self.iam(self.here).create_open_id_connect_provider(Url=url, ClientIDList=clients)
        return "", "", None

    def hang(self, who: str, raw: dict[str, Any]) -> None:
        """Hang tags and policies where the case has them, those on the resource last."""
        self.raw = raw
        account = self.there if who in ("bob", "far builder", "far root") else self.here
        if "root" not in who and who not in (_WORKFLOW, *_CARRIERS):
            self._hang_on_principal(account, who)
        if str(raw.get("does", "ecr:")).startswith("ecr:"):
            self._hang_on_repository()
        elif "trust" in raw and "aws-service-role" in raw["to"]:
            self._expect_trust_of_aws()
        elif "trust" in raw:
            self._hang_on_role()

    def _hang_on_principal(self, account: str, who: str) -> None:
        iam = self.iam(account)
        is_role = "builder" in who
        name = {"RoleName": "builder"} if is_role else {"UserName": "bob" if who == "bob" else "alice"}
        kind = "role" if is_role else "user"
        if tags := self._tags("aws:principaltag/"):
            getattr(iam, f"tag_{kind}")(**name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        if "identity" in self.raw:
            getattr(iam, f"put_{kind}_policy")(**name, PolicyName="given", PolicyDocument=self._document("identity"))
        if "boundary" in self.raw:
            arn = iam.create_policy(PolicyName="boundary", PolicyDocument=self._document("boundary"))["Policy"]["Arn"]
            getattr(iam, f"put_{kind}_permissions_boundary")(**name, PermissionsBoundary=arn)

    def _hang_on_repository(self) -> None:
        context = {key.lower(): value for key, value in self.raw.get("context", {}).items()}
        ecr = self.served.client("ecr", self.here, context.get("aws:requestedregion", "eu-west-1"))
        name = str(self.raw.get("to", "repository/team/api")).partition("repository/")[2]
        if name not in ("", "*") and self.raw.get("does") != "ecr:CreateRepository":
            tags = {**self._tags("aws:resourcetag/"), **self._tags("ecr:resourcetag/")}
            listed = [{"Key": key, "Value": value} for key, value in tags.items()]
            ecr.create_repository(repositoryName=name, tags=listed)
            if "repository" in self.raw:
                document = self._document("repository")
                ecr.set_repository_policy(repositoryName=name, policyText=document, force=True)
        if "registry" in self.raw:
            ecr.put_registry_policy(policyText=self._document("registry"))

    def _hang_on_role(self) -> None:
        name = self.raw["to"].rpartition("/")[2]
        path = self.raw["to"].partition(":role/")[2].rpartition("/")[0]
        where = {"Path": f"/{path}/" if path else "/", "AssumeRolePolicyDocument": trusting(self.here)}
        self._create(self.iam(self.here).create_role, RoleName=name, **where)
        self.iam(self.here).update_assume_role_policy(RoleName=name, PolicyDocument=self._document("trust"))

    def _expect_trust_of_aws(self) -> None:
        """No caller can change the trust of a service-linked role, so the case must have the one that it has."""
        role = self.iam(self.here).get_role(RoleName=self.raw["to"].rpartition("/")[2])["Role"]
        if role["AssumeRolePolicyDocument"]["Statement"] != self.raw["trust"]:
            raise NotOverHttp("the trust of a service-linked role is another")

    def _tags(self, prefix: str) -> dict[str, str]:
        given = self.raw.get("context", {}).items()
        return {key[len(prefix) :]: value for key, value in given if key.lower().startswith(prefix)}

    def _document(self, member: str) -> str:
        return document(self.raw, self.raw[member])


def document(raw: dict[str, Any], statements: list[Any]) -> str:
    """Write a document of a case."""
    return json.dumps({"Version": raw.get("version", "2012-10-17"), "Statement": statements})


def _keys_in(answer: Any) -> Keys:  # noqa: ANN401 — boto3's answers have no type
    made = answer["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
