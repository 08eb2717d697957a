"""Manifests under `/v2/`."""

from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qs

from twinport.http.messages import Answer, AnyAnswer, Request
from twinport.landing.pushes import Push, Unchanged
from twinport.landing.terms import Parts
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import StoredManifest
from twinport.model.manifests import MANIFEST_LIMIT
from twinport.model.names import TagName, tag_name
from twinport.oci.headers import ContentType, safe_headers
from twinport.oci.target import Target, digest_or_tag, image_named
from twinport.refusals.images import ImageInaccessible, ImageNotFound, TagParametersTooMany
from twinport.refusals.requests import InvalidParameter
from twinport.registry.create_on_push import CreateOnPush, pushed
from twinport.registry.images import PUT, Images

# The most tags in one push: the answer lists all of them in one header.
MOST_TAGS = 100


@dataclass(frozen=True, slots=True)
class ManifestRoutes:
    """One method for each route. The methods raise refusals; the door words them."""

    images: Images
    creation: CreateOnPush
    parts: Parts = Parts.REQUIRED

    async def get(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`GET /v2/NAME/manifests/REFERENCE`: the bytes that were pushed, whatever the client accepts."""
        return _answer(request, await self.images.get(caller, target.repository, image_named(target.reference)))

    async def head(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`HEAD` of the same. A damaged manifest is reported as missing, so that a client that checks pushes it."""
        try:
            return _answer(
                request,
                await self.images.look(caller, target.repository, image_named(target.reference)),
            )
        except ImageInaccessible as refusal:
            image = image_named(target.reference)
            digest = str(image.digest) if image.digest else None
            raise ImageNotFound(digest, image.tag, target.repository.name, target.repository.account) from refusal

    async def put(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`PUT /v2/NAME/manifests/REFERENCE`; repeated `?tag=` parameters add tags to a push by digest."""
        reference, asked = digest_or_tag(target.reference), _asked_tags(request)
        if asked and not isinstance(reference, Digest):
            raise InvalidParameter("tag", "is for a push by digest")
        content = await request.body(MANIFEST_LIMIT)
        digest, tags = (reference, asked) if isinstance(reference, Digest) else (None, (reference,))
        push = Push(content, _media_type(request), tags, digest, Unchanged.ACCEPT, self.parts)
        where = caller, target.repository
        outcome = await pushed(self.creation, *where, PUT, partial(self.images.put, *where, push))
        headers = safe_headers(ContentType.TEXT) | {
            "location": f"{target.prefix}/manifests/{outcome.digest}",
            "docker-content-digest": str(outcome.digest),
        }
        if asked:
            headers["oci-tag"] = ", ".join(asked)
        if outcome.subject is not None:
            headers["oci-subject"] = str(outcome.subject)
        return Answer(201, headers)

    async def delete(self, _request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`DELETE /v2/NAME/manifests/REFERENCE`: a digest deletes the manifest with its tags, a tag only itself."""
        match digest_or_tag(target.reference):
            case Digest() as digest:
                await self.images.remove(caller, target.repository, digest)
            case tag:
                await self.images.untag(caller, target.repository, tag)
        return Answer(202, safe_headers(ContentType.TEXT))


def _answer(request: Request, found: StoredManifest) -> Answer:
    etag = f'"{found.digest}"'
    headers = safe_headers(found.media_type) | {"docker-content-digest": str(found.digest), "etag": etag}
    if _is_known(etag, request.header("if-none-match")):
        return Answer(304, headers)
    return Answer(200, headers, found.content)


def _asked_tags(request: Request) -> tuple[TagName, ...]:
    asked = dict.fromkeys(parse_qs(request.query, keep_blank_values=True).get("tag", ()))
    if len(asked) > MOST_TAGS:
        raise TagParametersTooMany(len(asked), MOST_TAGS)
    return tuple(tag_name(each) for each in asked)


def _media_type(request: Request) -> str | None:
    """Return the type without its parameters."""
    declared = (request.header("content-type") or "").partition(";")[0].strip()
    return declared or None


def _is_known(etag: str, if_none_match: str | None) -> bool:
    """Compare weakly, as RFC 9110 section 13.1.2 asks."""
    known = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    return etag in known or "*" in known
