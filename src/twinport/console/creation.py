"""The form that creates a repository, with every setting that CreateRepository takes."""

from dataclasses import dataclass

from twinport.console import commands, encryption
from twinport.console.pages import address, refused
from twinport.console.routes import Route
from twinport.console.tag_fields import TagFields, as_option
from twinport.console.tag_rules import TagRuleFields
from twinport.console.visits import Fields, Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.model.encryption import AES256, WITH_KEYS
from twinport.model.images import NewRepository, TagRule
from twinport.model.names import repository_name
from twinport.registry.repositories import Repositories
from twinport.settings.storage import EncryptionAtRest

# A bound of ECR's wire format (botocore 1.44.5), which the verb leaves to its doors.
_LONGEST_KEY = 2048
_SECTION = "repositories"
_PLAIN = TagRuleFields.of(TagRule())
_NO_TAGS = TagFields()


@dataclass(frozen=True, slots=True)
class CreationFields:
    """What is typed into the form. `name` is not parsed yet."""

    name: str = ""
    rule: TagRuleFields = _PLAIN
    scans: bool = False
    encryption: str = AES256
    kms_key: str = ""
    tags: TagFields = _NO_TAGS

    @classmethod
    def parse(cls, form: Fields) -> "CreationFields":
        return cls(
            name=form.one("name")[:1000],
            rule=TagRuleFields.parse(form),
            scans=form.one("scan") == "on",
            encryption=form.one("encryption"),
            kms_key=form.one("kms-key")[: _LONGEST_KEY + 1],
            tags=TagFields.parse(form),
        )

    def problems(self) -> list[str]:
        """Return the problems that the verb leaves to its doors."""
        found = self.rule.problems()
        if self.encryption not in (AES256, *WITH_KEYS):
            found.append("choose an encryption type")
        if len(self.kms_key) > _LONGEST_KEY:
            found.append(f"a KMS key has at most {_LONGEST_KEY} characters")
        if self.encryption == AES256 and self.kms_key:
            found.append("remove the KMS key, or choose an encryption type with a key: AES256 has none")
        return found

    def new(self) -> NewRepository:
        """Return the settings. The fields must have no problems. Raises InvalidTag, TooManyTags."""
        return NewRepository(
            tag_rule=self.rule.rule(),
            scan_on_push=self.scans,
            encryption=self.encryption,
            kms_key=self.kms_key or None,
            tags=self.tags.tags(),
        )

    def options(self) -> dict[str, str]:
        """Return the options of the AWS CLI, those for defaults left out."""
        options = {"repository_name": self.name or "NAME"}
        if self.rule.mutability != _PLAIN.mutability:
            options |= self.rule.options()
        if self.scans:
            options["image_scanning_configuration"] = "scanOnPush=true"
        if self.encryption in WITH_KEYS:
            key = f",kmsKey={self.kms_key}" if self.kms_key else ""
            options["encryption_configuration"] = f"encryptionType={self.encryption}{key}"
        if self.tags.rows:
            options["tags"] = as_option(self.tags.rows)
        return options


@dataclass(frozen=True, slots=True)
class CreationPages:
    repositories: Repositories
    at_rest: EncryptionAtRest

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/repositories/new"
        return (Route("GET", base, self.ask), Route("POST", base, self.create))

    async def ask(self, visit: Visit) -> Page:
        return self._page(visit, CreationFields())

    async def create(self, visit: Visit) -> Result:
        typed = CreationFields.parse(visit.form)
        if visit.form.one("go") == "more":
            return self._page(visit, typed)
        if wrong := typed.problems():
            return self._page(visit, typed, wrong)
        try:
            made = await self.repositories.create(
                visit.caller, visit.registry.repository(repository_name(typed.name)), typed.new()
            )
        except Refusal as refusal:
            return refused(self._page(visit, typed), refusal)
        return Redirect(address(f"{visit.home}/images", repository=made.name))

    def _page(self, visit: Visit, typed: CreationFields, wrong: list[str] | None = None) -> Page:
        values = {
            "typed": typed,
            "fields": typed.rule,
            "takes_keys": self.at_rest.takes_keys,
            "encryption_types": encryption.TYPES,
            "of_the_store": encryption.meaning(AES256, self.at_rest),
            "of_keys": encryption.meaning(WITH_KEYS[0], self.at_rest),
            "wrong": wrong or [],
            "problem": None,
            "command": commands.ecr(visit).line("ecr create-repository", **typed.options()),
        }
        return Page("repository_new.html", "Create repository", _SECTION, values, 400 if wrong else 200)
