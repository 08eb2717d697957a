"""Compile botocore's models of ECR, IAM and STS into the tables and types of `twinport.aws`.

    python tools/compile_shapes.py            write them
    python tools/compile_shapes.py --check    fail when what is checked in differs

The tables keep every operation and every constraint and none of the prose. Types are written only
for the operations that twinport answers: add a name to `TYPED` when a handler is added.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

PACKAGE = Path(__file__).parent.parent / "src" / "twinport" / "aws"

TYPED = {
    "ecr": """
        BatchGetRepositoryScanningConfiguration DescribeImageScanFindings GetRegistryScanningConfiguration
        PutImageScanningConfiguration PutRegistryScanningConfiguration StartImageScan
        BatchCheckLayerAvailability BatchDeleteImage BatchGetImage CompleteLayerUpload CreateRepository
        CreateRepositoryCreationTemplate DeleteRepositoryCreationTemplate DescribeRepositoryCreationTemplates
        UpdateRepositoryCreationTemplate
        DeleteLifecyclePolicy DeleteRegistryPolicy DeleteRepository DeleteRepositoryPolicy
        DescribeImageReplicationStatus
        DeleteSigningConfiguration DeregisterPullTimeUpdateExclusion DescribeImageSigningStatus GetAccountSetting
        GetSigningConfiguration ListImageReferrers ListPullTimeUpdateExclusions PutAccountSetting
        PutSigningConfiguration RegisterPullTimeUpdateExclusion
        DescribeImages DescribeRegistry DescribeRepositories GetAuthorizationToken
        GetDownloadUrlForLayer GetLifecyclePolicy GetLifecyclePolicyPreview GetRegistryPolicy
        GetRepositoryPolicy InitiateLayerUpload ListImages
        ListTagsForResource PutImage PutImageTagMutability PutRegistryPolicy
        PutLifecyclePolicy PutReplicationConfiguration SetRepositoryPolicy StartLifecyclePolicyPreview
        TagResource UntagResource UpdateImageStorageClass UploadLayerPart
    """,
    "iam": """
        AddClientIDToOpenIDConnectProvider CreateOpenIDConnectProvider DeleteOpenIDConnectProvider
        GetOpenIDConnectProvider ListOpenIDConnectProviderTags ListOpenIDConnectProviders
        RemoveClientIDFromOpenIDConnectProvider TagOpenIDConnectProvider UntagOpenIDConnectProvider
        UpdateOpenIDConnectProviderThumbprint
        DeleteUserPermissionsBoundary PutUserPermissionsBoundary
        AddUserToGroup AttachGroupPolicy CreateGroup DeleteGroup DeleteGroupPolicy DetachGroupPolicy
        GetGroup GetGroupPolicy ListAttachedGroupPolicies ListGroupPolicies ListGroups
        ListGroupsForUser ListPolicyTags ListUserTags PutGroupPolicy RemoveUserFromGroup TagPolicy
        TagUser UntagPolicy UntagUser UpdateGroup UpdateUser
        AddRoleToInstanceProfile AttachRolePolicy AttachUserPolicy CreateAccessKey CreatePolicy
        CreatePolicyVersion CreateRole CreateServiceLinkedRole CreateUser DeleteAccessKey
        DeletePolicy DeletePolicyVersion DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy
        DeleteServiceLinkedRole DeleteUser DeleteUserPolicy DetachRolePolicy DetachUserPolicy
        GetAccessKeyLastUsed GetPolicy GetPolicyVersion GetRole GetRolePolicy
        GetServiceLinkedRoleDeletionStatus GetUser GetUserPolicy ListAccessKeys
        ListAttachedRolePolicies ListAttachedUserPolicies ListEntitiesForPolicy
        ListInstanceProfilesForRole ListPolicies ListPolicyVersions ListRolePolicies ListRoleTags
        ListRoles ListUserPolicies ListUsers PutRolePermissionsBoundary PutRolePolicy PutUserPolicy
        RemoveRoleFromInstanceProfile SetDefaultPolicyVersion TagRole UntagRole UpdateAccessKey
        CreateLoginProfile DeleteLoginProfile GetLoginProfile UpdateLoginProfile
        UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription
        CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile ListInstanceProfileTags
        ListInstanceProfiles TagInstanceProfile UntagInstanceProfile
        CreateAccountAlias DeleteAccountAlias GetAccountAuthorizationDetails GetAccountSummary
        GetContextKeysForCustomPolicy GetContextKeysForPrincipalPolicy ListAccountAliases
        SetSecurityTokenServicePreferences
        GenerateCredentialReport GenerateServiceLastAccessedDetails GetCredentialReport
        GetServiceLastAccessedDetails ListPoliciesGrantingServiceAccess SimulateCustomPolicy SimulatePrincipalPolicy
    """,
    "sts": """
        AssumeRole AssumeRoleWithWebIdentity DecodeAuthorizationMessage GetAccessKeyInfo GetCallerIdentity
        GetFederationToken GetSessionToken
    """,
}

PROSE = {"documentation", "deprecated", "deprecatedMessage", "deprecatedSince"}
# `box` says what a Java binding does with an absent number; `union` stands in no operation answered.
UNUSED = {"box", "union"}
KEPT = ("required", "min", "max", "pattern", "enum", "sensitive")
STRUCTURE = {"type", "members", "member", "key", "value", "exception", "error", "fault"}
PYTHON_TYPES = {
    "blob": "bytes",
    "boolean": "bool",
    "double": "float",
    "integer": "int",
    "long": "int",
    "string": "str",
    "timestamp": "datetime",
}

Model = Mapping[str, Any]


class UnknownTrait(Exception):
    """The model says something that the codecs would not honor."""

    def __init__(self, where: str, traits: set[str]) -> None:
        super().__init__(f"{where} has traits the codecs do not know: {', '.join(sorted(traits))}")


def main(arguments: list[str]) -> int:
    written = {path: text for service in TYPED for path, text in compiled(service)}
    if arguments == ["--check"]:
        stale = [path for path, text in written.items() if not _stands(path, text)]
        sys.stderr.writelines(f"{path} differs from botocore's model\n" for path in stale)
        return 1 if stale else 0
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    return 0


def compiled(service: str) -> Iterator[tuple[Path, str]]:
    """Yield each file that is made from the model of `service`, and its text."""
    model = Loader().load_service_model(service, "service-2")
    yield PACKAGE / "models" / f"{service}.json", _table(service, model)
    yield PACKAGE / "types" / f"{service}.py", _types(service, model)


def _stands(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def _table(service: str, model: Model) -> str:
    metadata = model["metadata"]
    head = {
        "service": service,
        "protocol": metadata["protocol"],
        "apiVersion": metadata["apiVersion"],
        "signingName": metadata.get("signingName", service),
        "targetPrefix": metadata.get("targetPrefix", ""),
        "xmlNamespace": metadata.get("xmlNamespace", ""),
    }
    operations = {name: _operation(name, it) for name, it in sorted(model["operations"].items())}
    shapes = {name: _shape(name, it) for name, it in sorted(model["shapes"].items())}
    lines = [f"{_json(key)}:{_json(value)}" for key, value in head.items()]
    lines += [f'"operations":{_lines(operations)}', f'"shapes":{_lines(shapes)}']
    return "{" + ",\n".join(lines) + "}\n"


def _lines(entries: Mapping[str, object]) -> str:
    return "{\n" + ",\n".join(f"{_json(name)}:{_json(it)}" for name, it in entries.items()) + "}"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def _operation(name: str, operation: Model) -> dict[str, object]:
    known = {"name", "http", "input", "output", "errors", "auth", "authtype"}
    _refuse_unknown(name, set(operation) - known - PROSE)
    entry: dict[str, object] = {}
    if "input" in operation:
        entry["input"] = operation["input"]["shape"]
    if "output" in operation:
        entry["output"] = operation["output"]["shape"]
    if "resultWrapper" in operation.get("output", {}):
        entry["resultWrapper"] = operation["output"]["resultWrapper"]
    entry["errors"] = [error["shape"] for error in operation.get("errors", ())]
    if operation.get("authtype") == "none":
        entry["unsigned"] = True
    return entry


def _shape(name: str, shape: Model) -> dict[str, object]:
    _refuse_unknown(name, set(shape) - STRUCTURE - set(KEPT) - PROSE - UNUSED)
    entry: dict[str, object] = {"type": shape["type"]}
    if shape.get("members"):
        entry["members"] = {member: _reference(name, it) for member, it in shape["members"].items()}
    for part in ("member", "key", "value"):
        if part in shape:
            entry[part] = _reference(name, shape[part])
    entry.update((trait, shape[trait]) for trait in KEPT if trait in shape)
    if shape.get("exception"):
        entry["error"] = _error(name, shape)
    return entry


def _reference(owner: str, member: Model) -> str:
    _refuse_unknown(owner, set(member) - {"shape"} - PROSE)
    return str(member["shape"])


def _error(name: str, shape: Model) -> dict[str, object]:
    error = shape.get("error", {})
    fallback = 500 if shape.get("fault") else 400
    return {"code": error.get("code", name), "status": error.get("httpStatusCode", fallback)}


def _refuse_unknown(where: str, traits: set[str]) -> None:
    if traits:
        raise UnknownTrait(where, traits)


def _types(service: str, model: Model) -> str:
    classes: dict[str, str] = {}
    for name in TYPED[service].split():
        operation = model["operations"][name]
        for end in ("input", "output"):
            if end in operation:
                _add_class(classes, model["shapes"], operation[end]["shape"])
    return _heading(service, classes) + "".join(f"\n\n{text}" for text in classes.values())


def _heading(service: str, classes: Mapping[str, str]) -> str:
    body = "\n".join(classes.values())
    names = "Required, TypedDict" if "Required[" in body else "TypedDict"
    imports = f"from typing import {names}\n"
    if re.search(r"\bdatetime\b", body):
        imports = f"from datetime import datetime\n{imports}"
    return f'"""What {service.upper()} operations take and give; tools/compile_shapes.py writes it."""\n\n{imports}'


def _add_class(classes: dict[str, str], shapes: Model, name: str) -> None:
    """Add the class of a structure after those of the structures that it names."""
    shape = shapes[name]
    required = shape.get("required", ())
    lines = []
    for member, reference in shape["members"].items():
        annotation = _annotation(classes, shapes, reference["shape"])
        lines.append(f"    {member}: " + (f"Required[{annotation}]" if member in required else annotation))
    classes.setdefault(name, f"class {name}(TypedDict, total=False):\n" + "\n".join(lines or ["    pass"]) + "\n")


def _annotation(classes: dict[str, str], shapes: Model, name: str) -> str:
    shape = shapes[name]
    match shape["type"]:
        case "structure":
            _add_class(classes, shapes, name)
            return name
        case "list":
            return f"list[{_annotation(classes, shapes, shape['member']['shape'])}]"
        case "map":
            key, value = (_annotation(classes, shapes, shape[it]["shape"]) for it in ("key", "value"))
            return f"dict[{key}, {value}]"
        case scalar:
            return PYTHON_TYPES[scalar]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
