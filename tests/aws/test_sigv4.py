"""Signatures: what was signed verifies, anything else does not, and botocore agrees in both directions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from twinport.aws import sigv4
from twinport.aws.sigv4 import Credentials, Message, SignedRequest
from twinport.errors import NotAuthenticated, Refusal
from twinport.refusals.callers import (
    CredentialsMissing,
    SignatureExpired,
    SignatureIncomplete,
    SignatureMismatch,
    SignatureNotYetCurrent,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEY = Credentials("AKIDEXAMPLE", SECRET)
BODY = b'{"repositoryName":"a"}'
PLAIN = Message(
    "POST",
    "/",
    "",
    (("host", "localhost:4566"), ("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "X.GetIt")),
)
Headers = tuple[tuple[str, str], ...]


def hash_of(body: bytes) -> str:
    return sha256(body).hexdigest()


def signed(
    message: Message = PLAIN, *, key: Credentials = KEY, body: bytes = BODY, at: datetime = NOW, service: str = "ecr"
) -> Message:
    added = sigv4.sign(message, key, region="eu-west-1", service=service, now=at, body_hash=hash_of(body))
    return replace(message, headers=(*message.headers, *added.items()))


def verify(
    message: Message, *, secret: str = SECRET, body: bytes = BODY, late: timedelta = timedelta(0)
) -> SignedRequest:
    """Verify a message that arrives `late` after it was signed: botocore takes the time from the wall."""
    parsed = sigv4.parse(message)
    sigv4.verify(parsed, secret, now=parsed.signed_at + late, body_hash=hash_of(body))
    return parsed


def changed(message: Message, name: str, value: str | None) -> Message:
    """Give a header another value, or take it away."""
    kept = tuple(it for it in message.headers if it[0] != name)
    return replace(message, headers=kept if value is None else (*kept, (name, value)))


def authorization_of(message: Message) -> str:
    return message.values("authorization")[0]


# --- botocore as the other side ---------------------------------------------------------------------------


def botocore_signs(
    url: str, *, method: str = "POST", headers: Mapping[str, str], body: bytes = BODY, token: str | None = None
) -> Message:
    request = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
    SigV4Auth(BotocoreCredentials("AKIDEXAMPLE", SECRET, token), "ecr", "eu-west-1").add_auth(request)
    return message_of(request)


def botocore_presigns(url: str, *, expires: int = 60, token: str | None = None) -> Message:
    request = AWSRequest(method="GET", url=url)
    credentials = BotocoreCredentials("AKIDEXAMPLE", SECRET, token)
    SigV4QueryAuth(credentials, "sts", "eu-west-1", expires).add_auth(request)
    return message_of(request)


def message_of(request: AWSRequest) -> Message:
    """Take from a request of botocore what a server would receive."""
    parts = urlsplit(request.url)
    headers = tuple((name.lower(), str(value)) for name, value in request.headers.items())
    if "host" not in dict(headers):
        headers = (*headers, ("host", parts.netloc))
    return Message(request.method, parts.path, parts.query, headers)


NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=10).map(lambda it: f"x-{it}y")
HEADER_VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
# What a client writes into an address is percent-encoded, with upper-case digits and nothing encoded in vain.
PATHS = st.lists(st.text(max_size=4) | st.sampled_from(["", ".", ".."]), max_size=4).map(
    lambda it: "/" + quote("/".join(it).encode("utf-8", "replace"), safe="/~.")
)
QUERIES = st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=4).map(
    lambda it: "&".join(
        f"{quote(key.encode('utf-8', 'replace'), safe='-_.~')}={quote(value.encode('utf-8', 'replace'), safe='-_.~')}"
        for key, value in it
    )
)


@given(path=PATHS, query=QUERIES, headers=st.dictionaries(NAMES, HEADER_VALUES, max_size=3), body=st.binary())
def test_what_botocore_signs_verifies(path: str, query: str, headers: dict[str, str], body: bytes) -> None:
    url = f"http://localhost:4566{path}" + (f"?{query}" if query else "")
    message = botocore_signs(url, headers=headers, body=body)
    verify(message, body=body)


@given(path=PATHS, query=QUERIES, headers=st.dictionaries(NAMES, HEADER_VALUES, max_size=3), body=st.binary())
def test_what_we_sign_botocore_would_sign_the_same(path: str, query: str, headers: dict[str, str], body: bytes) -> None:
    url = f"http://localhost:4566{path}" + (f"?{query}" if query else "")
    declared = {**headers, "X-Amz-Content-SHA256": hash_of(body)}
    theirs = botocore_signs(url, headers=declared, body=body)
    unsigned = Message("POST", path, query, (("host", "localhost:4566"), *headers.items()))
    ours = signed(unsigned, body=body, at=sigv4.parse(theirs).signed_at)
    assert authorization_of(ours) == authorization_of(theirs)


def test_a_session_token_of_botocore_is_read_and_signed() -> None:
    message = botocore_signs("http://localhost/", headers={}, token="a/session+token==")
    assert verify(message).session_token == "a/session+token=="
    with pytest.raises(SignatureMismatch):
        verify(changed(message, "x-amz-security-token", "another"))


@pytest.mark.parametrize("token", [None, "a/session+token=="])
@pytest.mark.parametrize("asked", [{}, {"response-content-type": "application/octet-stream", "a": "b c/d"}])
def test_what_we_presign_botocore_would_presign_the_same(token: str | None, asked: dict[str, str]) -> None:
    path, query = "/bucket/a/key", urlencode(asked, quote_via=quote)
    request = AWSRequest(method="GET", url=f"https://store.example{path}", params=dict(asked))
    S3SigV4QueryAuth(BotocoreCredentials("AKIDEXAMPLE", SECRET, token), "s3", "eu-west-1", 300).add_auth(request)
    theirs = dict(parse_qsl(urlsplit(request.url).query))
    ours = sigv4.presign(
        Message("GET", path, query, (("host", "store.example"),)),
        Credentials("AKIDEXAMPLE", SECRET, token),
        region="eu-west-1",
        service="s3",
        now=datetime.strptime(theirs["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
        expires=timedelta(seconds=300),
    )
    assert dict(parse_qsl(ours)) == theirs


@pytest.mark.parametrize("token", [None, "a/session+token=="])
def test_what_botocore_presigns_verifies(token: str | None) -> None:
    message = botocore_presigns("http://localhost/?Action=GetCallerIdentity&Version=2011-06-15", token=token)
    parsed = verify(message, body=b"")
    assert (parsed.expires, parsed.session_token) == (timedelta(seconds=60), token)


def test_headers_that_botocore_repeats_are_joined() -> None:
    request = AWSRequest(method="GET", url="http://localhost/", data=b"")
    for value in ("a", "b  c ", "a"):
        request.headers.add_header("My-Header", value)
    SigV4Auth(BotocoreCredentials("AKIDEXAMPLE", SECRET), "ecr", "eu-west-1").add_auth(request)
    verify(message_of(request), body=b"")


# --- AWS's published examples -----------------------------------------------------------------------------

SUITE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITE_AT = datetime(2015, 8, 30, 12, 36, 0, tzinfo=UTC)


def suite(
    method: str, path: str, query: str, signature: str, headers: Headers = (), names: str = "host;x-amz-date"
) -> None:
    authorization = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    message = Message(
        method,
        path,
        query,
        (
            ("host", "example.amazonaws.com"),
            *headers,
            ("x-amz-date", "20150830T123600Z"),
            ("authorization", authorization),
        ),
    )
    sigv4.verify(sigv4.parse(message), SUITE.secret, now=SUITE_AT, body_hash=sigv4.EMPTY_HASH)


def test_the_published_vanilla_request_verifies() -> None:
    suite("GET", "/", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")


def test_the_published_request_with_ordered_parameters_verifies() -> None:
    query = "Param2=value2&Param1=value1"
    suite("GET", "/", query, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")


def test_the_published_post_verifies() -> None:
    suite("POST", "/", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")


# --- a signature verifies what it signed and nothing else -------------------------------------------------


def test_what_was_signed_verifies() -> None:
    parsed = verify(signed())
    assert (parsed.access_key_id, parsed.scope.region, parsed.scope.service) == ("AKIDEXAMPLE", "eu-west-1", "ecr")


VARIATIONS: Mapping[str, Mapping[str, Any]] = {
    "another method": {"method": "PUT"},
    "another path": {"path": "/other"},
    "a query": {"query": "a=b"},
    "another host": {"headers": (("host", "other"), *PLAIN.headers[1:])},
    "another target": {"headers": (*PLAIN.headers[:2], ("x-amz-target", "X.DeleteIt"))},
    "another content type": {"headers": (PLAIN.headers[0], ("content-type", "text/plain"), PLAIN.headers[2])},
    "a signed header twice": {"headers": (*PLAIN.headers, ("content-type", "text/plain"))},
}


@pytest.mark.parametrize("what", VARIATIONS)
def test_the_signature_of_one_request_does_not_verify_another(what: str) -> None:
    added = dict(signed().headers[len(PLAIN.headers) :])
    other = replace(PLAIN, **VARIATIONS[what])
    with pytest.raises(SignatureMismatch):
        verify(replace(other, headers=(*other.headers, *added.items())))


def test_another_secret_does_not_verify() -> None:
    with pytest.raises(SignatureMismatch):
        verify(signed(), secret="other")


def test_another_body_does_not_verify() -> None:
    with pytest.raises(SignatureMismatch):
        verify(signed(), body=b"{}")


def test_another_body_does_not_verify_where_no_hash_was_declared() -> None:
    message = botocore_signs("http://localhost/", headers={})
    with pytest.raises(SignatureMismatch):
        verify(message, body=b"{}")


@given(st.data())
def test_no_character_of_the_signature_may_change(data: st.DataObject) -> None:
    message = signed()
    authorization = authorization_of(message)
    # The key id is not signed: it tells which secret to verify with.
    position = data.draw(st.integers(authorization.index("/20260102/"), len(authorization) - 1))
    character = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    forged = authorization[:position] + character + authorization[position + 1 :]
    if forged.replace(",", " ").split() != authorization.replace(",", " ").split():
        with pytest.raises(NotAuthenticated):
            verify(changed(message, "authorization", forged))


@given(path=st.text("/.a", max_size=6), query=st.text("ab=&%2+", max_size=8), body=st.binary(max_size=8))
def test_our_own_signatures_verify(path: str, query: str, body: bytes) -> None:
    verify(signed(Message("GET", path, query, (("host", "h"),)), body=body), body=body)


# --- what the one way of writing forgives -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_signed", "as_sent"),
    [
        ("b=2&a=1", "a=1&b=2"),
        ("a", "a="),
        ("a=%7e", "a=~"),
        ("a=%20", "a=+"),
        ("a=%c3%a9", "a=%C3%A9"),
        ("a=2&a=1", "a=1&a=2"),
    ],
)
def test_queries_that_mean_the_same_have_one_signature(as_signed: str, as_sent: str) -> None:
    message = signed(replace(PLAIN, query=as_signed))
    verify(replace(message, query=as_sent))


@pytest.mark.parametrize(("as_signed", "as_sent"), [("a=%2B", "a=+"), ("a=b", "A=b"), ("a=%252B", "a=%2B")])
def test_queries_that_mean_something_else_have_another(as_signed: str, as_sent: str) -> None:
    message = signed(replace(PLAIN, query=as_signed))
    with pytest.raises(SignatureMismatch):
        verify(replace(message, query=as_sent))


@pytest.mark.parametrize(("as_signed", "as_sent"), [("", "/"), ("/a/../b", "/b"), ("/a//b/", "/a/b/"), ("/./", "/")])
def test_paths_that_mean_the_same_have_one_signature(as_signed: str, as_sent: str) -> None:
    message = signed(replace(PLAIN, path=as_signed))
    verify(replace(message, path=as_sent))


def test_blanks_in_header_values_are_squeezed() -> None:
    message = signed(replace(PLAIN, headers=(*PLAIN.headers, ("my-header", "a b"))))
    verify(changed(message, "my-header", "  a \t b "))


def test_a_header_may_hold_any_bytes() -> None:
    verify(signed(replace(PLAIN, headers=(*PLAIN.headers, ("my-header", "\xe9\xff\xa0")))))


def test_headers_that_are_not_aws_s_may_stay_unsigned() -> None:
    message = signed()
    verify(replace(message, headers=(*message.headers, ("user-agent", "x"), ("amz-sdk-request", "attempt=1"))))


# --- what must be signed ----------------------------------------------------------------------------------


def test_the_host_must_be_signed() -> None:
    message = signed(replace(PLAIN, headers=PLAIN.headers[1:]))
    with pytest.raises(SignatureMismatch, match="'host' must be a 'SignedHeader'"):
        verify(replace(message, headers=(*message.headers, ("host", "localhost"))))


@pytest.mark.parametrize("name", ["x-amz-target", "x-amz-security-token", "x-amz-meta"])
def test_every_header_of_aws_must_be_signed(name: str) -> None:
    message = signed(replace(PLAIN, headers=PLAIN.headers[:2]))
    with pytest.raises(SignatureMismatch, match=f"'{name}' must be a 'SignedHeader'"):
        verify(replace(message, headers=(*message.headers, (name, "v"))))


def test_a_signed_header_must_be_there() -> None:
    with pytest.raises(SignatureMismatch, match="'content-type' is not in the request"):
        verify(changed(signed(), "content-type", None))


@pytest.mark.parametrize(
    "names", ["x-amz-date;host", "host;host;x-amz-content-sha256;x-amz-date;x-amz-target", "Host;x-amz-date", ""]
)
def test_signed_headers_stand_in_order_and_once(names: str) -> None:
    message = signed()
    before, _, rest = authorization_of(message).partition("SignedHeaders=")
    forged = f"{before}SignedHeaders={names},{rest.partition(',')[2]}"
    with pytest.raises(NotAuthenticated):
        verify(changed(message, "authorization", forged))


def test_a_host_given_twice_is_refused() -> None:
    message = signed(replace(PLAIN, headers=(*PLAIN.headers, ("host", "other"))))
    with pytest.raises(SignatureMismatch, match="'host' is given more than once"):
        verify(message)


# --- the body's hash --------------------------------------------------------------------------------------


def test_a_declared_hash_must_be_that_of_the_body() -> None:
    other = hash_of(b"other")
    added = sigv4.sign(PLAIN, KEY, region="eu-west-1", service="ecr", now=NOW, body_hash=other)
    with pytest.raises(SignatureMismatch, match="x-amz-content-sha256"):
        verify(replace(PLAIN, headers=(*PLAIN.headers, *added.items())))


@pytest.mark.parametrize("body", [BODY, b""])
def test_an_unsigned_body_is_refused_in_the_header_form(body: bytes) -> None:
    added = sigv4.sign(PLAIN, KEY, region="eu-west-1", service="ecr", now=NOW, body_hash="UNSIGNED-PAYLOAD")
    with pytest.raises(SignatureMismatch):
        verify(replace(PLAIN, headers=(*PLAIN.headers, *added.items())), body=body)


def test_an_unsigned_body_is_taken_presigned_if_there_is_none() -> None:
    class Unsigned(SigV4QueryAuth):  # type: ignore[misc] # botocore has no types
        def payload(self, request: AWSRequest) -> str:
            del request
            return "UNSIGNED-PAYLOAD"

    request = AWSRequest(method="GET", url="http://localhost/?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD")
    Unsigned(BotocoreCredentials("AKIDEXAMPLE", SECRET), "ecr", "eu-west-1", 60).add_auth(request)
    verify(message_of(request), body=b"")
    with pytest.raises(SignatureMismatch):
        verify(message_of(request), body=b"Action=DeleteRole")


def test_the_declared_hash_can_be_asked_for_before_the_body_has_come() -> None:
    assert sigv4.declared_body_hash(signed()) == hash_of(BODY)
    assert sigv4.declared_body_hash(PLAIN) is None
    with pytest.raises(SignatureIncomplete):
        sigv4.declared_body_hash(replace(PLAIN, headers=(("x-amz-content-sha256", "a"),) * 2))


# --- time -------------------------------------------------------------------------------------------------

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("late", [15 * MINUTE, -15 * MINUTE])
def test_a_clock_may_be_a_quarter_of_an_hour_off(late: timedelta) -> None:
    verify(signed(), late=late)


def test_a_signature_of_the_past_has_expired() -> None:
    with pytest.raises(SignatureExpired) as caught:
        verify(signed(), late=timedelta(minutes=15, seconds=1))
    assert str(caught.value) == (
        "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T031906Z - 15 min.)"
    )


def test_a_signature_of_the_future_is_not_yet_current() -> None:
    with pytest.raises(SignatureNotYetCurrent) as caught:
        verify(signed(), late=-timedelta(minutes=15, seconds=1))
    assert str(caught.value) == (
        "Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z (20260102T024904Z + 15 min.)"
    )


def test_a_presigned_request_lives_as_long_as_it_says() -> None:
    message = botocore_presigns("http://localhost/", expires=7200)
    verify(message, body=b"", late=timedelta(seconds=7200))
    with pytest.raises(SignatureExpired, match="- 120 min"):
        verify(message, body=b"", late=timedelta(seconds=7201))


def test_a_presigned_request_may_live_less_than_the_skew() -> None:
    with pytest.raises(SignatureExpired, match="- 61 sec"):
        verify(botocore_presigns("http://localhost/", expires=61), body=b"", late=2 * MINUTE)


def test_a_presigned_request_of_the_future_is_not_yet_current() -> None:
    with pytest.raises(SignatureNotYetCurrent):
        verify(botocore_presigns("http://localhost/"), body=b"", late=-16 * MINUTE)


@pytest.mark.parametrize("expires", [0, 604_801, -1])
def test_a_presigned_request_lives_a_second_to_a_week(expires: int) -> None:
    with pytest.raises(SignatureIncomplete, match="X-Amz-Expires"):
        verify(botocore_presigns("http://localhost/", expires=expires), body=b"")


# --- scope ------------------------------------------------------------------------------------------------


def test_the_scope_s_day_is_that_of_the_date() -> None:
    message = signed()
    forged = authorization_of(message).replace("/20260102/", "/20260103/")
    with pytest.raises(SignatureMismatch, match="'20260103' != '20260102'"):
        verify(changed(message, "authorization", forged))


@pytest.mark.parametrize(
    ("service", "regions", "why"),
    [
        ("iam", {"eu-west-1"}, "Credential should be scoped to correct service: 'iam'."),
        ("ecr", {"us-east-1"}, "Credential should be scoped to a valid region."),
    ],
)
def test_a_signature_counts_for_one_service_and_region(service: str, regions: set[str], why: str) -> None:
    parsed = verify(signed())
    sigv4.require_scope(parsed, service="ecr", regions={"eu-west-1"})
    with pytest.raises(SignatureMismatch) as caught:
        sigv4.require_scope(parsed, service=service, regions=regions)
    assert str(caught.value) == why


@pytest.mark.parametrize(("before", "after"), [("/eu-west-1/", "/us-east-1/"), ("/ecr/", "/sts/")])
def test_a_scope_cannot_be_exchanged(before: str, after: str) -> None:
    message = signed()
    with pytest.raises(SignatureMismatch):
        verify(changed(message, "authorization", authorization_of(message).replace(before, after)))


# --- forms that are refused -------------------------------------------------------------------------------


def test_a_request_without_signature_has_no_credentials() -> None:
    with pytest.raises(CredentialsMissing):
        sigv4.parse(PLAIN)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic QVdTOng=",
        "Bearer x",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA1 Credential=a/20260102/r/s/aws4_request, SignedHeaders=host, Signature=x",
        "AWS4-ECDSA-P256-SHA256 Credential=a/20260102/r/s/aws4_request, SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws4_request, Signature=x",
        "AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws4_request, SignedHeaders=host, Signature=",
        "AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws4_request, SignedHeaders=host, Signature=x, Signature=y",
        "AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws4_request, SignedHeaders=host, Signature=x, Other=y",
        "AWS4-HMAC-SHA256 Credential=a/20260102/r/s, SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA256 Credential=a/b/20260102/r/s/aws4_request, SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA256 Credential=/20260102/r/s/aws4_request, SignedHeaders=host, Signature=x",
        "AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws5_request, SignedHeaders=host, Signature=x",
    ],
)
def test_an_authorization_of_another_form_is_incomplete(authorization: str) -> None:
    with pytest.raises(SignatureIncomplete):
        sigv4.parse(changed(signed(), "authorization", authorization))


def test_what_is_missing_is_named() -> None:
    with pytest.raises(SignatureIncomplete) as caught:
        sigv4.parse(changed(signed(), "authorization", "AWS4-HMAC-SHA256 SignedHeaders=host"))
    assert str(caught.value) == (
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter."
    )


@pytest.mark.parametrize("name", ["authorization", "x-amz-date", "x-amz-security-token"])
def test_nothing_that_decides_is_given_twice(name: str) -> None:
    message = signed(key=Credentials("AKIDEXAMPLE", SECRET, "token"))
    with pytest.raises(SignatureIncomplete):
        sigv4.parse(replace(message, headers=(*message.headers, (name, message.values(name)[0]))))


@pytest.mark.parametrize(
    "stamp", ["", "20260102", "2026-01-02T03:04:05Z", "20261302T030405Z", "20260102T030461Z", "٢0260102T030405Z"]
)
def test_a_date_is_written_in_the_basic_form(stamp: str) -> None:
    with pytest.raises(SignatureIncomplete):
        sigv4.parse(changed(signed(), "x-amz-date", stamp))


def test_the_header_form_needs_a_date_of_aws() -> None:
    with pytest.raises(SignatureIncomplete, match="X-Amz-Date"):
        sigv4.parse(changed(signed(), "x-amz-date", None))


def test_a_request_is_not_signed_in_both_forms() -> None:
    presigned = botocore_presigns("http://localhost/")
    both = replace(presigned, headers=(*presigned.headers, ("authorization", authorization_of(signed()))))
    with pytest.raises(SignatureIncomplete, match="not by both"):
        sigv4.parse(both)


def test_a_presigned_request_brings_its_token_in_the_query() -> None:
    presigned = botocore_presigns("http://localhost/", token="t")
    with pytest.raises(SignatureIncomplete, match="not by both"):
        sigv4.parse(replace(presigned, headers=(*presigned.headers, ("x-amz-security-token", "other"))))


@pytest.mark.parametrize("name", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"])
def test_each_field_of_a_presigned_request_is_there_once(name: str) -> None:
    message = botocore_presigns("http://localhost/")
    pairs = message.query.split("&")
    (mine,) = (it for it in pairs if it.startswith(f"X-Amz-{name}="))
    without = replace(message, query="&".join(it for it in pairs if it != mine))
    twice = replace(message, query=f"{message.query}&{mine}")
    for forged in (without, twice):
        with pytest.raises(SignatureIncomplete):
            sigv4.parse(forged)


@pytest.mark.parametrize("extra", ["Action=DeleteUser", "X-Amz-Security-Token=x", "X-Amz-Content-Sha256=x"])
def test_nothing_can_be_added_to_a_presigned_query(extra: str) -> None:
    message = botocore_presigns("http://localhost/?Action=GetCallerIdentity")
    with pytest.raises(SignatureMismatch):
        verify(replace(message, query=f"{message.query}&{extra}"), body=b"")


# --- secrets and noise ------------------------------------------------------------------------------------


def test_credentials_do_not_print_their_secrets() -> None:
    assert repr(Credentials("AKID", "hidden", "hidden too")) == "Credentials(access_key_id='AKID')"


FRAGMENTS = st.sampled_from(
    [
        "AWS4-HMAC-SHA256 ",
        "Credential=",
        "a/20260102/r/s/aws4_request",
        ", ",
        "SignedHeaders=host",
        "Signature=",
        "%",
        "=",
    ]
)


@given(
    authorization=st.lists(FRAGMENTS | st.text(max_size=5)).map("".join),
    query=st.text() | st.lists(st.sampled_from(sorted(sigv4.PRESIGNED))).map("=1&".join),
    stamp=st.text() | st.just("20260102T030405Z"),
    body=st.binary(),
)
def test_noise_is_refused(authorization: str, query: str, stamp: str, body: bytes) -> None:
    received = [it.encode("utf-8", "replace").decode("latin-1") for it in (authorization, query, stamp)]
    headers = (("host", "h"), ("authorization", received[0]), ("x-amz-date", received[2]))
    with pytest.raises(Refusal):
        verify(Message("GET", "/", received[1], headers), body=body)
