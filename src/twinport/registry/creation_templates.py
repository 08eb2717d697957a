"""The verbs of repository creation templates."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace

from twinport.access.gate import AnyResource, Gate, IdentityResource, RepositoryResource
from twinport.access.template_roles import CREATE
from twinport.access.trust import RoleName
from twinport.catalog.partition import entities
from twinport.catalog.ports import Catalog, Connection
from twinport.catalog.regional import creation_templates
from twinport.clock import Clock
from twinport.model.creation_templates import ROOT, CreationTemplate, StoredTemplate, TemplateChanges, key_of
from twinport.model.identities import TEMPLATE_SERVICE, Caller
from twinport.model.images import NewRepository
from twinport.model.lifecycle_policies import parse_policy
from twinport.model.names import AccountId, Registry, RepositoryName
from twinport.policies.documents import PolicyKind
from twinport.refusals.identities import RoleArnInvalid
from twinport.refusals.images import TemplateChanged
from twinport.refusals.requests import InvalidParameter
from twinport.registry import paging, policies
from twinport.registry.expected import Expected, require
from twinport.registry.paging import Page, PageRequest
from twinport.registry.replication import Roles
from twinport.registry.repositories import encrypted
from twinport.settings.storage import EncryptionAtRest

# A template holds texts of up to 40 KB, so a page has no more of them than this, whatever is asked for.
MOST_IN_A_PAGE = 100


@dataclass(frozen=True, slots=True)
class CreationTemplates:
    """The verbs of a registry's templates. A template says nothing about repositories that exist already."""

    gate: Gate
    catalog: Catalog
    roles: Roles
    world: Clock
    encryption_at_rest: EncryptionAtRest = EncryptionAtRest.REFUSE

    async def create(self, caller: Caller, registry: Registry, template: CreationTemplate) -> StoredTemplate:
        """Store a template. The first one creates the service-linked role AWSServiceRoleForECRTemplate.

        Raises TemplateExists, InvalidParameter, EncryptionRefused.
        """
        await self._authorize(caller, registry, "ecr:CreateRepositoryCreationTemplate")
        await self._authorize_uses(caller, registry, template, (CREATE, *_settings(template)))
        if template.role_arn:
            await self._pass_role(caller, registry.account, template.role_arn)
        checked, now = await self._checked(registry, template), self.world.now()

        def store(db: Connection, _role_id: str) -> StoredTemplate:
            return creation_templates.insert(db, registry, checked, now)

        return await self._shown(await self.roles.store_under(caller, registry, TEMPLATE_SERVICE, store))

    async def update(
        self,
        caller: Caller,
        registry: Registry,
        prefix: str,
        changes: TemplateChanges,
        expected: Expected[CreationTemplate] | None = None,
    ) -> StoredTemplate:
        """Change what `changes` names, and leave the rest.

        A role that stays is passed again if it does more then: for a further purpose, on other tags, with another key.
        Raises TemplateNotFound, TemplateChanged if the role does more only because of a change meanwhile,
        ChangedMeanwhile if the template is not as `expected`, and what `create` raises.
        """
        await self._authorize(caller, registry, "ecr:UpdateRepositoryCreationTemplate")
        named = CreationTemplate(prefix, (), policy=changes.policy, lifecycle=changes.lifecycle)
        await self._authorize_uses(caller, registry, named, (CREATE, *_settings(named)))
        passed = await self._pass_role_of(caller, registry, prefix, changes)
        checked, now = await self._checked(registry, named), self.world.now()
        expected, changes = await self._as_stored(registry, prefix, expected), _rewritten(changes, checked)

        def change(db: Connection) -> StoredTemplate:
            found = creation_templates.lock(db, registry, key_of(prefix))
            require(expected, found.template)
            changed = changes.applied_to(found.template)
            if changes.widen_role(found.template) and changed.role_arn not in (None, passed):
                raise TemplateChanged(prefix, registry.account)
            self._check_encryption(registry, changed)
            creation_templates.replace(db, registry, changed, now)
            return replace(found, template=changed, updated_at=now)

        return await self._shown(await self.catalog.region(registry.region).write(change))

    async def delete(
        self, caller: Caller, registry: Registry, prefix: str, expected: Expected[CreationTemplate] | None = None
    ) -> StoredTemplate:
        """Delete a template and return what it was. Raises TemplateNotFound, ChangedMeanwhile."""
        await self._authorize(caller, registry, "ecr:DeleteRepositoryCreationTemplate")
        expected = await self._as_stored(registry, prefix, expected)

        def remove(db: Connection) -> StoredTemplate:
            require(expected, creation_templates.lock(db, registry, key_of(prefix)).template)
            return creation_templates.remove(db, registry, key_of(prefix))

        return await self._shown(await self.catalog.region(registry.region).write(remove))

    async def list(
        self, caller: Caller, registry: Registry, prefixes: Collection[str] | None, page: PageRequest
    ) -> Page[StoredTemplate]:
        """Return a page of templates in the order of their prefixes: all, or those of `prefixes` that there are."""
        await self._authorize(caller, registry, "ecr:DescribeRepositoryCreationTemplates")
        page = replace(page, limit=min(page.limit, MOST_IN_A_PAGE))
        keys = None if prefixes is None else sorted({key_of(prefix) for prefix in prefixes})
        request = ("DescribeRepositoryCreationTemplates", str(registry), *(("all",) if keys is None else keys))
        (after,) = paging.start(page, request, ("",))
        found = await self.catalog.region(registry.region).read_much(
            lambda db: creation_templates.listed(db, registry, keys, after, page.limit + 1)
        )
        cut = paging.cut(found, page, request, lambda stored: (stored.template.key,))
        return Page(tuple([await self._shown(stored) for stored in cut.items]), cut.token)

    async def _authorize(self, caller: Caller, registry: Registry, action: str) -> None:
        await self.gate.authorize(caller, action, AnyResource(registry.account, registry.region))

    async def _authorize_uses(
        self, caller: Caller, registry: Registry, template: CreationTemplate, actions: tuple[str, ...]
    ) -> None:
        """Ask for what the template will do to each repository of its prefix, as AWS's manual demands."""
        names = "*" if template.key == ROOT else f"{template.key}/*"
        await self.gate.authorize_all(caller, actions, RepositoryResource(registry.repository(RepositoryName(names))))

    async def _pass_role_of(
        self, caller: Caller, registry: Registry, prefix: str, changes: TemplateChanges
    ) -> str | None:
        """Ask whether the caller may pass the role that the changes name or let do more, and return it."""
        passed = changes.role_arn
        if passed is None and changes.concern_role:
            region = self.catalog.region(registry.region)
            template = await region.read(lambda db: creation_templates.get(db, registry, key_of(prefix)))
            passed = template.role_arn if changes.widen_role(template) else None
        if passed:
            await self._pass_role(caller, registry.account, passed)
        return passed

    async def _pass_role(self, caller: Caller, account: AccountId, arn: str) -> None:
        """Ask whether the caller may pass the role to ECR. Raises InvalidParameter for one of another account."""
        try:
            name = RoleName.parse(arn)
        except RoleArnInvalid as error:
            raise InvalidParameter("customRoleArn", "Invalid ARN") from error
        if name.account != account:
            raise InvalidParameter("customRoleArn", "the role must be in the account of the registry")
        role = await self.catalog.partition.read(lambda db: entities.find_role(db, account, name.name))
        resource = IdentityResource(account, arn, role.unique_id if role and role.arn == arn else None)
        await self.gate.authorize(caller, "iam:PassRole", resource, {"iam:PassedToService": (TEMPLATE_SERVICE,)})

    def _check_encryption(self, registry: Registry, template: CreationTemplate) -> None:
        """Raise InvalidParameter for what cannot be a key, EncryptionRefused where the operator takes none."""
        asked = NewRepository(encryption=template.encryption.kind, kms_key=template.encryption.key)
        encrypted(registry, asked, self.encryption_at_rest)

    async def _checked(self, registry: Registry, template: CreationTemplate) -> CreationTemplate:
        """Return a template with its policies as they are stored. Raises InvalidParameter, EncryptionRefused."""
        self._check_encryption(registry, template)
        policy = template.policy
        return replace(
            template,
            policy=await policies.stored(self.catalog, policy, PolicyKind.REPOSITORY, "RepositoryPolicy")
            if policy
            else None,
            lifecycle=parse_policy(template.lifecycle).text if template.lifecycle else None,
        )

    async def _as_stored(
        self, registry: Registry, prefix: str, expected: Expected[CreationTemplate] | None
    ) -> Expected[CreationTemplate] | None:
        """Return what the template must still be, as it is stored. Raises ChangedMeanwhile, TemplateNotFound."""
        if expected is None:
            return None
        region = self.catalog.region(registry.region)
        template = await region.read(lambda db: creation_templates.get(db, registry, key_of(prefix)))
        require(expected, await self._with_names(template))
        return Expected(template)

    async def _shown(self, stored: StoredTemplate) -> StoredTemplate:
        """Return a stored template with the ARNs of the users and roles that its policy names."""
        return replace(stored, template=await self._with_names(stored.template))

    async def _with_names(self, template: CreationTemplate) -> CreationTemplate:
        if template.policy is None:
            return template
        # Reads do not yield, so other tasks have their turn here, between the templates of a page.
        await asyncio.sleep(0)
        return replace(template, policy=await policies.shown(self.catalog, template.policy))


def _rewritten(changes: TemplateChanges, checked: CreationTemplate) -> TemplateChanges:
    """Return changes with the documents that they bring as these are stored."""
    return replace(
        changes,
        policy=checked.policy if changes.policy else changes.policy,
        lifecycle=checked.lifecycle if changes.lifecycle else changes.lifecycle,
    )


def _settings(template: CreationTemplate) -> tuple[str, ...]:
    """Return the actions by which a repository would get the settings of a template that need a permission each."""
    policy = ("ecr:SetRepositoryPolicy",) if template.policy else ()
    return (*policy, *(("ecr:PutLifecyclePolicy",) if template.lifecycle else ()))
