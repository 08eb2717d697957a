"""The pages of repository creation templates: the list, one template, and its creation, change and deletion."""

import json
from dataclasses import dataclass, replace

from twinport.console import bounds, commands, encryption, lifecycle_words, policy_editor, tag_rules, words
from twinport.console.pages import address, fingerprint, refused, require_confirmation, require_unchanged
from twinport.console.routes import Route
from twinport.console.template_fields import TemplateFields
from twinport.console.visits import Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.model.creation_templates import ROOT, AppliedFor, CreationTemplate, StoredTemplate
from twinport.model.encryption import AES256, WITH_KEYS
from twinport.model.lifecycle_policies import PolicyInvalid
from twinport.policies.documents import PolicyKind
from twinport.refusals.images import TemplateNotFound
from twinport.registry.creation_templates import CreationTemplates
from twinport.registry.expected import Expected
from twinport.registry.paging import PageRequest
from twinport.settings.storage import EncryptionAtRest

_SECTION = "registry"
_PER_PAGE = 20
_CREATE, _UPDATE = "CreateRepositoryCreationTemplate", "UpdateRepositoryCreationTemplate"
_DONE = {
    "created": "The template was created. It is for repositories that are created from now on.",
    "saved": "The template is saved. Repositories that exist stay as they are.",
    "deleted": "The template was deleted. Repositories that it created stay.",
}
_PURPOSES = {
    AppliedFor.CREATE_ON_PUSH: ("Create on push", "pushes to repositories that do not exist"),
    AppliedFor.REPLICATION: ("Replication", "copies of images that arrive from other registries"),
    AppliedFor.PULL_THROUGH_CACHE: ("Pull through cache", "stored, and nothing uses it in this deployment yet"),
}


@dataclass(frozen=True, slots=True)
class TemplateRow:
    prefix: str
    scope: str
    purposes: tuple[str, ...]
    mutability: str
    encryption: str
    updated: str
    path: str


@dataclass(frozen=True, slots=True)
class CreationTemplatePages:
    templates: CreationTemplates
    at_rest: EncryptionAtRest

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/templates"
        return (
            Route("GET", base, self.list),
            Route("GET", f"{base}/one", self.show),
            Route("GET", f"{base}/new", self.ask),
            Route("POST", f"{base}/new", self.create),
            Route("GET", f"{base}/edit", self.edit),
            Route("POST", f"{base}/edit", self.save),
            Route("GET", f"{base}/delete", self.ask_to_delete),
            Route("POST", f"{base}/delete", self.delete),
        )

    async def list(self, visit: Visit) -> Page:
        token, path = visit.query.one("page"), f"{visit.home}/templates"
        page = await self.templates.list(visit.caller, visit.registry, None, PageRequest(_PER_PAGE, token or None))
        values = {
            "rows": [_row(visit, each) for each in page.items],
            "next": page.token and address(path, page=page.token),
            "first": path,
            "is_first": not token,
            "done": _DONE.get(visit.query.one("done"), ""),
            "command": commands.ecr(visit).line("ecr describe-repository-creation-templates"),
        }
        return Page("templates.html", "Repository creation templates", _SECTION, values)

    async def show(self, visit: Visit) -> Page:
        stored = await self._stored(visit, visit.query.one("prefix"))
        template = stored.template
        policy = commands.pretty(template.policy or "")
        values = {
            "row": _row(visit, stored),
            "template": template,
            "created": words.time(stored.created_at),
            "of_encryption": encryption.meaning(template.encryption.kind, self.at_rest),
            "policy": bounds.cut(policy),
            "is_cut": bounds.cut(policy) != policy,
            "unallowed": TemplateFields.of(template).unallowed,
            "rules": lifecycle_words.rules(template.lifecycle) if template.lifecycle else (),
            "done": _DONE.get(visit.query.one("done"), ""),
            "command": commands.ecr(visit).line("ecr describe-repository-creation-templates", prefixes=template.prefix),
        }
        return Page("template.html", f"Template {template.prefix}", _SECTION, values)

    # --- creating and changing ----------------------------------------------------------------------------

    async def ask(self, visit: Visit) -> Page:
        return self._form(visit, TemplateFields(), "")

    async def create(self, visit: Visit) -> Result:
        typed = TemplateFields.parse(visit.form)
        page = self._form(visit, typed, "")
        if visit.form.one("go") == "more":
            return page
        if wrong := typed.problems():
            return replace(page, values={**page.values, "wrong": wrong}, status=400)
        try:
            bounds.check(_CREATE, typed.members())
            made = await self.templates.create(visit.caller, visit.registry, typed.template())
        except Refusal as refusal:
            return _refused(page, refusal, typed)
        return Redirect(address(f"{visit.home}/templates/one", prefix=made.template.prefix, done="created"))

    async def edit(self, visit: Visit) -> Page:
        stored = await self._stored(visit, visit.query.one("prefix"))
        return self._form(visit, TemplateFields.of(stored.template), _mark(stored.template))

    async def save(self, visit: Visit) -> Result:
        typed = TemplateFields.parse(visit.form)
        page = self._form(visit, typed, visit.form.one("seen"))
        if visit.form.one("go") == "more":
            return page
        if wrong := typed.problems():
            return replace(page, values={**page.values, "wrong": wrong}, status=400)
        try:
            before = await self._stored(visit, typed.prefix)
            require_unchanged(visit, _text(before.template))
            bounds.check(_UPDATE, typed.members())
            expected = Expected(before.template)
            await self.templates.update(visit.caller, visit.registry, typed.prefix, typed.changes(), expected)
        except Refusal as refusal:
            return _refused(page, refusal, typed)
        return Redirect(address(f"{visit.home}/templates/one", prefix=typed.prefix, done="saved"))

    def _form(self, visit: Visit, typed: TemplateFields, seen: str) -> Page:
        """Show the form. A template that exists has a mark, and its prefix cannot be changed."""
        verb = "update" if seen else "create"
        values = {
            "typed": typed,
            "fields": typed.rule,
            "fits": typed.fits_a_page,
            "seen": seen,
            "purposes": [(each.value, *_PURPOSES[each]) for each in AppliedFor],
            "takes_keys": self.at_rest.takes_keys,
            "encryption_types": encryption.TYPES,
            "of_the_store": encryption.meaning(AES256, self.at_rest),
            "of_keys": encryption.meaning(WITH_KEYS[0], self.at_rest),
            "wrong": (),
            "problem": None,
            "command": commands.ecr(visit).line(f"ecr {verb}-repository-creation-template", **typed.options()),
        }
        title = f"Edit template {typed.prefix}" if seen else "Create template"
        return Page("template_form.html", title, _SECTION, values)

    # --- deleting -----------------------------------------------------------------------------------------

    async def ask_to_delete(self, visit: Visit) -> Page:
        return await self._deletion(visit, visit.query.one("prefix"))

    async def delete(self, visit: Visit) -> Result:
        prefix = visit.form.one("prefix")
        try:
            require_confirmation(visit, prefix)
            before = await self._stored(visit, prefix)
            require_unchanged(visit, _text(before.template))
            await self.templates.delete(visit.caller, visit.registry, prefix, Expected(before.template))
        except Refusal as refusal:
            return refused(await self._deletion(visit, prefix), refusal)
        return Redirect(address(f"{visit.home}/templates", done="deleted"))

    async def _deletion(self, visit: Visit, prefix: str) -> Page:
        stored = await self._stored(visit, prefix)
        command = commands.ecr(visit).line("ecr delete-repository-creation-template", prefix=stored.template.prefix)
        values = {"row": _row(visit, stored), "seen": _mark(stored.template), "command": command, "problem": None}
        return Page("template_delete.html", "Delete template", _SECTION, values)

    async def _stored(self, visit: Visit, prefix: str) -> StoredTemplate:
        page = await self.templates.list(visit.caller, visit.registry, [prefix], PageRequest(1))
        if not page.items:
            raise TemplateNotFound(prefix[:256], visit.registry.account)
        return page.items[0]


def _row(visit: Visit, stored: StoredTemplate) -> TemplateRow:
    template = stored.template
    return TemplateRow(
        prefix=template.prefix,
        scope=_scope(template),
        purposes=tuple(_PURPOSES[each][0] for each in template.applied_for),
        mutability=tag_rules.in_words(template.tag_rule),
        encryption=template.encryption.kind,
        updated=words.time(stored.updated_at),
        path=address(f"{visit.home}/templates/one", prefix=template.prefix),
    )


def _scope(template: CreationTemplate) -> str:
    """Say which repositories a template is for."""
    if template.key == ROOT:
        return "every repository that no other template is for"
    return f"repositories whose names begin with {template.key}/, unless a longer prefix is for them"


def _refused(page: Page, refusal: Refusal, typed: TemplateFields) -> Page:
    """Show the form again, and say where a policy in it is wrong."""
    if isinstance(refusal, PolicyInvalid):
        problem = lifecycle_words.explained(refusal)
        return replace(page, values={**page.values, "problem": problem}, status=problem.status)
    return policy_editor.refused_text(page, refusal, typed.policy, PolicyKind.REPOSITORY)


def _text(template: CreationTemplate) -> str:
    return json.dumps(TemplateFields.of(template).members())


def _mark(template: CreationTemplate) -> str:
    return fingerprint(_text(template))
