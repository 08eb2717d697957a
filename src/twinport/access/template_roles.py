"""The roles that create repositories from creation templates, and what they must be allowed to do.

A template's own role is assumed by ECR, so it must trust `ecr.amazonaws.com`. Without one it is the service-linked
role AWSServiceRoleForECRTemplate, whose policy allows nothing but ecr:CreateRepository: therefore a template with tags
or a key of KMS needs a role of its own (docs/decisions/0043-who-creates-a-repository.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from twinport.access.authorization_requests import service_caller
from twinport.access.gate import Context, Gate, IdentityResource, RepositoryResource, Resource, tag_context
from twinport.access.session_callers import RoleFacts, session_caller
from twinport.access.trust import ASSUME_ROLE, RoleName, Trust
from twinport.catalog.partition import entities
from twinport.catalog.ports import Catalog
from twinport.errors import AccessDenied
from twinport.model.creation_templates import CreationTemplate
from twinport.model.encryption import WITH_KEYS, key_arn
from twinport.model.entities import Role
from twinport.model.identities import TEMPLATE_ROLE, TEMPLATE_SERVICE, Caller, Origin, Session
from twinport.model.names import AccountId, role_arn
from twinport.refusals.images import EncryptionRefused
from twinport.settings.storage import EncryptionAtRest

CREATE, TAG = "ecr:CreateRepository", "ecr:TagResource"
_KEY_ACTIONS = ("kms:CreateGrant", "kms:DescribeKey")
_UNABLE = "because the role of the registry's creation template may not create it"
_SESSION = "ECRTemplate"
_LENGTH = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class TemplateRoles:
    """Asks the gate as the role of a template."""

    catalog: Catalog
    gate: Gate
    trust: Trust
    encryption_at_rest: EncryptionAtRest = EncryptionAtRest.REFUSE

    async def authorize(self, template: CreationTemplate, resource: RepositoryResource, asker: Caller) -> None:
        """Raise AccessDenied unless the template's role may create this repository with these settings.

        An asker of another account learns neither the name of the role nor what it lacks; the log has both.
        Raises EncryptionRefused if the operator takes no keys, though the template has one.
        """
        try:
            await self._authorize(template, resource, asker.origin)
        except AccessDenied as denial:
            if asker.account == resource.account:
                raise
            raise AccessDenied(asker.arn, CREATE, resource.arn, _UNABLE) from denial

    async def _authorize(self, template: CreationTemplate, resource: RepositoryResource, origin: Origin) -> None:
        if template.encryption.kind in WITH_KEYS and not self.encryption_at_rest.takes_keys:
            raise EncryptionRefused(template.encryption.kind)
        acting = await self._acting(template, resource.account, origin)
        for action, target, context in _needed(template, resource):
            await self.gate.authorize(acting, action, target, context)

    async def _acting(self, template: CreationTemplate, account: AccountId, origin: Origin) -> Caller:
        """Return a session of the template's role. It never leaves this process, so it has neither key nor row."""
        role = await (self._linked(account) if template.role_arn is None else self._own(template.role_arn, origin))
        facts = RoleFacts(role.account, role.unique_id, role.name, role.path)
        session = Session(_SESSION, origin.at, origin.at + _LENGTH, service=role.service)
        return session_caller(facts, session, origin, access_key_id="")

    async def _own(self, arn: str, origin: Origin) -> Role:
        context = {"sts:RoleSessionName": (_SESSION,)}
        service = service_caller(TEMPLATE_SERVICE, origin)
        return await self.trust.authorize_assumption(service, RoleName.parse(arn), (ASSUME_ROLE,), context)

    async def _linked(self, account: AccountId) -> Role:
        role = await self.catalog.partition.read(lambda db: entities.find_service_role(db, account, TEMPLATE_SERVICE))
        if role is None:
            path = f"/aws-service-role/{TEMPLATE_SERVICE}/"
            raise AccessDenied(TEMPLATE_SERVICE, ASSUME_ROLE, role_arn(account, path, TEMPLATE_ROLE))
        return role


def _needed(template: CreationTemplate, resource: RepositoryResource) -> Iterator[tuple[str, Resource, Context]]:
    """Yield what the template's role must be allowed: the action, its resource and its condition keys."""
    context = tag_context(template.tags)
    yield CREATE, resource, context
    if template.tags:
        yield TAG, resource, context
    arn = key_arn(resource.registry, template.encryption.kind, template.encryption.key)
    if arn is not None:
        key = IdentityResource(resource.account, arn)
        for action in _KEY_ACTIONS:
            yield action, key, {}
