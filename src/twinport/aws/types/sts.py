"""What STS operations take and give; tools/compile_shapes.py writes it."""

from datetime import datetime
from typing import Required, TypedDict


class PolicyDescriptorType(TypedDict, total=False):
    arn: str


class Tag(TypedDict, total=False):
    Key: Required[str]
    Value: Required[str]


class ProvidedContext(TypedDict, total=False):
    ProviderArn: str
    ContextAssertion: str


class AssumeRoleRequest(TypedDict, total=False):
    RoleArn: Required[str]
    RoleSessionName: Required[str]
    PolicyArns: list[PolicyDescriptorType]
    Policy: str
    DurationSeconds: int
    Tags: list[Tag]
    TransitiveTagKeys: list[str]
    ExternalId: str
    SerialNumber: str
    TokenCode: str
    SourceIdentity: str
    ProvidedContexts: list[ProvidedContext]
    MinimumSessionTokenSize: int


class Credentials(TypedDict, total=False):
    AccessKeyId: Required[str]
    SecretAccessKey: Required[str]
    SessionToken: Required[str]
    Expiration: Required[datetime]


class AssumedRoleUser(TypedDict, total=False):
    AssumedRoleId: Required[str]
    Arn: Required[str]


class AssumeRoleResponse(TypedDict, total=False):
    Credentials: Credentials
    AssumedRoleUser: AssumedRoleUser
    PackedPolicySize: int
    SourceIdentity: str
    SessionTokenUtilization: int
    SessionTokenSize: int


class AssumeRoleWithWebIdentityRequest(TypedDict, total=False):
    RoleArn: Required[str]
    RoleSessionName: Required[str]
    WebIdentityToken: Required[str]
    ProviderId: str
    PolicyArns: list[PolicyDescriptorType]
    Policy: str
    DurationSeconds: int
    MinimumSessionTokenSize: int


class AssumeRoleWithWebIdentityResponse(TypedDict, total=False):
    Credentials: Credentials
    SubjectFromWebIdentityToken: str
    AssumedRoleUser: AssumedRoleUser
    PackedPolicySize: int
    Provider: str
    Audience: str
    SourceIdentity: str
    SessionTokenUtilization: int
    SessionTokenSize: int


class DecodeAuthorizationMessageRequest(TypedDict, total=False):
    EncodedMessage: Required[str]


class DecodeAuthorizationMessageResponse(TypedDict, total=False):
    DecodedMessage: str


class GetAccessKeyInfoRequest(TypedDict, total=False):
    AccessKeyId: Required[str]


class GetAccessKeyInfoResponse(TypedDict, total=False):
    Account: str


class GetCallerIdentityRequest(TypedDict, total=False):
    pass


class GetCallerIdentityResponse(TypedDict, total=False):
    UserId: str
    Account: str
    Arn: str


class GetFederationTokenRequest(TypedDict, total=False):
    Name: Required[str]
    Policy: str
    PolicyArns: list[PolicyDescriptorType]
    DurationSeconds: int
    Tags: list[Tag]
    MinimumSessionTokenSize: int


class FederatedUser(TypedDict, total=False):
    FederatedUserId: Required[str]
    Arn: Required[str]


class GetFederationTokenResponse(TypedDict, total=False):
    Credentials: Credentials
    FederatedUser: FederatedUser
    PackedPolicySize: int
    SessionTokenUtilization: int
    SessionTokenSize: int


class GetSessionTokenRequest(TypedDict, total=False):
    DurationSeconds: int
    SerialNumber: str
    TokenCode: str
    MinimumSessionTokenSize: int


class GetSessionTokenResponse(TypedDict, total=False):
    Credentials: Credentials
    SessionTokenUtilization: int
    SessionTokenSize: int
