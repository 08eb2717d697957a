"""Answers requests for other AWS services in a form that their client can show.

A client whose endpoint is set for all services sends them all to this address. Its signature names the service.
"""

import json
from collections.abc import Collection
from html import escape

from twinport.aws import json11, xml
from twinport.aws.protocols import Response
from twinport.aws.sigv4 import Message
from twinport.errors import Refusal

_CODE, _STATUS = "UnsupportedService", 400
_LONGEST_NAME = 64
# Services that answer in XML, although their requests have neither a target nor a form. All others use JSON here.
_IN_XML = frozenset(("s3", "s3express", "s3-object-lambda", "s3-outposts", "route53", "cloudfront"))


def service_of(message: Message, ours: Collection[str]) -> str | None:
    """Return the service that a request is signed for, if it is not one of ours. Verifies nothing."""
    try:
        service = message.signed().scope.service
    except Refusal:
        return None
    return None if service in ours else service[:_LONGEST_NAME]


def refuse(message: Message, service: str, request_id: str) -> Response:
    """List the services of this server, in an error document that clients of the other service can parse."""
    text = (
        f"twinport does not serve '{service}'. This address serves ecr, iam and sts: give an endpoint to these alone "
        "(AWS_ENDPOINT_URL_ECR, AWS_ENDPOINT_URL_IAM, AWS_ENDPOINT_URL_STS), and not to all services."
    )
    if not message.values("x-amz-target") and _speaks_xml(message, service):
        return _response(xml.CONTENT_TYPE, _document(message, service, text, request_id), request_id)
    version = "1.0" if "1.0" in "".join(message.values("content-type")) else "1.1"
    content_type = json11.CONTENT_TYPE.replace("1.1", version)
    body = json.dumps({"__type": _CODE, "message": text}).encode()
    return _response(content_type, body, request_id)


def _speaks_xml(message: Message, service: str) -> bool:
    return service in _IN_XML or _is_a_form(message)


def _is_a_form(message: Message) -> bool:
    return "".join(message.values("content-type")).startswith("application/x-www-form-urlencoded")


def _document(message: Message, service: str, text: str, request_id: str) -> bytes:
    error, id_ = f"<Code>{_CODE}</Code><Message>{escape(text, quote=False)}</Message>", escape(request_id, quote=False)
    if service == "ec2":
        whole = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{id_}</RequestID></Response>"
    elif service.startswith("s3") and not _is_a_form(message):
        whole = f"<Error>{error}<RequestId>{id_}</RequestId></Error>"
    else:
        error = f"<Type>Sender</Type>{error}"
        whole = f"<ErrorResponse><Error>{error}</Error><RequestId>{id_}</RequestId></ErrorResponse>"
    return whole.encode()


def _response(content_type: str, body: bytes, request_id: str) -> Response:
    headers = {"content-type": content_type, "x-amzn-requestid": request_id, "x-amzn-errortype": _CODE}
    return Response(_STATUS, {**headers, "x-content-type-options": "nosniff"}, body)
