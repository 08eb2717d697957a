"""Inputs of ECR's operations at the bounds of each constraint of the model: just outside, and just inside.

One member of an input that is valid otherwise is changed at a time.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.ecr.pushing import EMPTY, OCI_CONFIG, digest_of, manifest
from twinport.aws.shapes import Kind, Operation, Shape

ACCOUNT, REGION, REPOSITORY, TAG = "111122223333", "eu-west-1", "team/api", "latest"
UPLOAD = "00000000-0000-0000-0000-000000000000"
CONFIG = b"config"
MANIFEST = manifest(CONFIG).replace(EMPTY, OCI_CONFIG)
POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]})
REGISTRY_POLICY = json.dumps(
    {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "444455556666"},
                "Action": "ecr:ReplicateImage",
                "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*",
            }
        ]
    }
)
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 100},
                "action": {"type": "expire"},
            }
        ]
    }
)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/a"
PROFILE = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/aa"

# Values that mean something, by the name of their shape.
_PLAIN: Mapping[str, Any] = {
    "AccountSettingName": "BLOB_MOUNTING",
    "AccountSettingValue": "ENABLED",
    "Arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{REPOSITORY}",
    "BatchedOperationLayerDigest": digest_of(CONFIG),
    "CustomRoleArn": ROLE,
    "ImageDigest": digest_of(MANIFEST.encode()),
    "ImageIdentifier": {"imageTag": TAG},
    "ImageManifest": MANIFEST,
    "ImageTag": TAG,
    "KmsKeyForRepositoryCreationTemplate": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/a",
    "LayerDigest": digest_of(CONFIG),
    "LifecyclePolicyText": LIFECYCLE,
    "LifecyclePolicyTextForRepositoryCreationTemplate": LIFECYCLE,
    "PrincipalArn": ROLE,
    "Region": "us-east-1",
    "RegistryId": ACCOUNT,
    "RegistryPolicyText": REGISTRY_POLICY,
    "RepositoryName": REPOSITORY,
    "RepositoryPolicyText": POLICY,
    "SigningProfileArn": PROFILE,
    "UploadId": UPLOAD,
}
# What a longer value begins with, where letters alone do not match the pattern.
_STEMS: Mapping[str, str] = {
    name: _PLAIN[name] for name in ("KmsKeyForRepositoryCreationTemplate", "PrincipalArn", "SigningProfileArn")
}
# What deletes leaves the repository and the image that the other operations are asked about.
_SPARED: Mapping[str, Mapping[str, Any]] = {
    "DeleteRepository": {"repositoryName": "team/other"},
    "BatchDeleteImage": {"imageIds": [{"imageTag": "other"}]},
}
_WRONG: Mapping[Kind, tuple[object, ...]] = {
    Kind.STRUCTURE: ("a", [{}]),
    Kind.LIST: ("a", {}),
    Kind.STRING: (1, True, ["a"]),
    Kind.BLOB: (1, [], "*", "QUJ", "é"),
    Kind.BOOLEAN: ("true", 1, {}),
    Kind.INTEGER: ("1", 1.5, True, [], 1 << 31, -(1 << 31) - 1),
    Kind.LONG: ("1", 1.5, True, {}, 1 << 63, -(1 << 63) - 1, 10**40),
}
_ODD = ("", "a\x00", "\ud800", "\U0001f600", "%'", "*" * 200, "[" * 5000)


@dataclass(frozen=True)
class Case:
    """An input, and the member and the words by which it is refused: none if its constraints hold."""

    operation: str
    path: str
    what: str
    body: bytes
    code: str = ""
    must: str = ""

    def __str__(self) -> str:
        return f"{self.operation} {self.path}: {self.what}"


@dataclass(frozen=True)
class _Place:
    """A member somewhere in an operation's input, with what makes a whole input of a value of it."""

    operation: str
    path: str
    shape: Shape
    put: Callable[[Any], Any]
    is_required: bool

    def case(self, what: str, value: object, code: str = "", must: str = "", path: str = "") -> Case:
        body = json.dumps(self.put(value)).encode()
        return Case(self.operation, f"{self.path}{path}".lstrip("."), what, body, code, must)

    def refused(self, what: str, value: object, must: str, path: str = "") -> Case:
        return self.case(what, value, "InvalidParameterException", must, path)


def plain(operation: Operation) -> dict[str, Any]:
    """Return an input with what is required."""
    return {**_structure(operation.input), **_SPARED.get(operation.name, {})}


def outside(operation: Operation) -> Iterator[Case]:
    """Yield what no constraint permits."""
    for place in _places(operation):
        yield from _wrong_types(place)
        yield from _unknown(place)
        yield from _missing(place)
        yield from _too_small_or_large(place)
        yield from _unmatched(place)
        yield from _nulls(place)


def permitted(operation: Operation) -> Iterator[Case]:
    """Yield the least and the most that the constraints permit, and texts that mean nothing where none is."""
    for place in _places(operation):
        for bound in {place.shape.minimum, place.shape.maximum} - {None}:
            yield place.case(f"of {bound}", _of(place.shape, bound or 0))
        for value in place.shape.enum:
            yield place.case(f"is {value}", value)
        if not place.is_required:
            yield place.case("is null", None)
        if place.shape.kind is Kind.STRING and not place.shape.enum and place.shape.pattern is None:
            for text in _ODD[bool(place.shape.minimum) :]:
                yield place.case(f"is {text[:10]!r}", text[: place.shape.maximum])


def _places(operation: Operation) -> Iterator[_Place]:
    whole = _Place(operation.name, "", operation.input, lambda value: value, is_required=True)
    yield from _within(whole, plain(operation))


def _within(place: _Place, value: Any) -> Iterator[_Place]:  # noqa: ANN401 — as JSON has it
    yield place
    if place.shape.kind is Kind.STRUCTURE:
        for name, shape in place.shape.members.items():
            inner = _Place(
                place.operation,
                f"{place.path}.{name}".lstrip("."),
                shape,
                lambda it, name=name: place.put({**value, name: it}),  # type: ignore[misc]
                is_required=name in place.shape.required,
            )
            yield from _within(inner, value.get(name, _plain(shape)))
    if place.shape.kind is Kind.LIST:
        rest = value[1:]
        path, shape = f"{place.path}.1.member", place.shape.members["member"]
        each = _Place(place.operation, path, shape, lambda it: place.put([it, *rest]), is_required=True)
        yield from _within(each, value[0])


def _plain(shape: Shape) -> Any:  # noqa: ANN401 — as JSON has it
    if shape.name in _PLAIN:
        return _PLAIN[shape.name]
    match shape.kind:
        case Kind.STRUCTURE:
            return _structure(shape)
        case Kind.LIST:
            return [_plain(shape.members["member"])]
        case Kind.BOOLEAN:
            return False
        case _ if shape.enum:
            return shape.enum[0]
        case _:
            return _of(shape, max(1, shape.minimum or 0))


def _structure(shape: Shape) -> dict[str, Any]:
    return {name: _plain(shape.members[name]) for name in shape.required}


def _of(shape: Shape, size: int) -> Any:  # noqa: ANN401 — as JSON has it
    """Return a value of a number, or of a length, that the pattern matches if it is not empty."""
    match shape.kind:
        case Kind.LIST:
            return [_plain(shape.members["member"])] * size
        case Kind.STRING:
            return _STEMS.get(shape.name, "").ljust(size, "a")[:size]
        case Kind.BLOB:
            return b64encode(bytes(size)).decode()
        case _:
            return size


def _wrong_types(place: _Place) -> Iterator[Case]:
    member = place.path.removesuffix(".1.member").rpartition(".")[2]
    must = f"'{member or 'the body'}' is not of type {place.shape.kind.value}"
    for value in _WRONG[place.shape.kind]:
        yield place.case(f"is {json.dumps(value)}", value, "SerializationException", must)


def _unknown(place: _Place) -> Iterator[Case]:
    if place.shape.kind is Kind.STRUCTURE:
        known = _plain(place.shape)
        for name in ("unknown", "", next(iter(place.shape.members), "a").upper()):
            value = {**known, name: 1}
            yield place.refused(f"has a member {name!r}", value, "Member must be one that twinport knows", f".{name}")


def _missing(place: _Place) -> Iterator[Case]:
    if place.shape.kind is Kind.STRUCTURE:
        for name in place.shape.required:
            value = _structure(place.shape)
            null = {**value, name: None}
            del value[name]
            for what, given in (("is missing", value), ("is null", null)):
                yield place.refused(what, given, "Member must not be null", f".{name}")


def _too_small_or_large(place: _Place) -> Iterator[Case]:
    shape, measured = place.shape, "value" if place.shape.kind in (Kind.INTEGER, Kind.LONG) else "length"
    subject = "" if shape.kind is Kind.STRING else "Member "
    if shape.minimum is not None and (measured == "value" or shape.minimum > 0):
        size = shape.minimum - 1
        must = f"{subject}must have {measured} greater than or equal to {shape.minimum}"
        yield place.refused(f"of {size}", _of(shape, size), must)
    if shape.maximum is not None:
        size = shape.maximum + 1
        must = f"{subject}must have {measured} less than or equal to {shape.maximum}"
        yield place.refused(f"of {size}", _of(shape, size), must)


def _unmatched(place: _Place) -> Iterator[Case]:
    shape = place.shape
    if shape.enum:
        must = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        for value in ("", "SOMETIMES", shape.enum[0].lower(), f"{shape.enum[0]} ", f"{shape.enum[0]}\n"):
            yield place.refused(f"is {value!r}", value, must)
    if shape.pattern is not None:
        good = _plain(shape)
        for value in (f"{good}!", f"!{good}", f"{good}\n", f"\n{good}", f"{good}\x00", "é" * len(good)):
            yield place.refused(f"is {value!r}", value, f"must satisfy regular expression '{shape.pattern}'")


def _nulls(place: _Place) -> Iterator[Case]:
    if place.path.endswith(".1.member"):
        yield place.refused("is null", None, "Member must not be null")
