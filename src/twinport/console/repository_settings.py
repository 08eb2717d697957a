"""The settings of a repository: its facts, image tag mutability, and scan on push."""

from dataclasses import dataclass

from twinport.console import commands, encryption
from twinport.console.pages import address, asked_repository, fingerprint, refused, require_unchanged
from twinport.console.routes import Route
from twinport.console.tag_rules import TagRuleFields
from twinport.console.visits import Page, Redirect, Result, Visit
from twinport.errors import AccessDenied, Refusal
from twinport.model.addresses import repository_uri
from twinport.model.images import Repository, TagRule
from twinport.model.names import RepositoryName
from twinport.model.scanning import ScanFrequency, ScanningConfiguration, ScanType
from twinport.registry.expected import Expected
from twinport.registry.repositories import Repositories
from twinport.registry.scanning import Scanning
from twinport.settings.storage import EncryptionAtRest

_SECTION = "repositories"
_FILTERS_SHOWN = 3
_DONE = {
    "mutability": "Image tag mutability is saved. It holds for pushes from now on.",
    "scanning": "Scan on push is saved. It holds for images that are pushed from now on.",
}


@dataclass(frozen=True, slots=True)
class RepositorySettingsPages:
    repositories: Repositories
    scanning: Scanning
    at_rest: EncryptionAtRest
    public_url: str | None

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/settings"
        return (
            Route("GET", base, self.show),
            Route("POST", f"{base}/mutability", self.set_mutability),
            Route("POST", f"{base}/scanning", self.set_scanning),
        )

    async def show(self, visit: Visit) -> Page:
        repository = await self._repository(visit)
        fields = TagRuleFields.of(repository.tag_rule)
        return await self._page(visit, repository, fields, _seen(repository), scans=repository.scan_on_push)

    async def set_mutability(self, visit: Visit) -> Result:
        name, fields = asked_repository(visit), TagRuleFields.parse(visit.form)
        seen: dict[str, object] = {"seen": visit.form.one("seen")}
        if wrong := fields.problems():
            return await self._again(visit, fields, seen | {"wrong": wrong})
        try:
            before = (await self._repository(visit)).tag_rule
            require_unchanged(visit, _text(before))
            which = visit.registry.repository(name)
            await self.repositories.set_tag_rule(visit.caller, which, fields.rule(), Expected(before))
        except Refusal as refusal:
            return refused(await self._again(visit, fields, seen | {"problem_of": "mutability"}), refusal)
        return _saved(visit, name, "mutability")

    async def set_scanning(self, visit: Visit) -> Result:
        name, scans = asked_repository(visit), visit.form.one("scan") == "on"
        try:
            before = (await self._repository(visit)).scan_on_push
            require_unchanged(visit, str(before))
            which = visit.registry.repository(name)
            await self.scanning.set_scan_on_push(visit.caller, which, scans, Expected(before))
        except Refusal as refusal:
            repository = await self._repository(visit)
            fields = TagRuleFields.of(repository.tag_rule)
            more = _seen(repository) | {"seen_scans": visit.form.one("seen"), "problem_of": "scanning"}
            return refused(await self._page(visit, repository, fields, more, scans=scans), refusal)
        return _saved(visit, name, "scanning")

    async def _again(self, visit: Visit, fields: TagRuleFields, more: dict[str, object]) -> Page:
        """Show the page with the typed mutability."""
        repository = await self._repository(visit)
        return await self._page(visit, repository, fields, _seen(repository) | more, scans=repository.scan_on_push)

    async def _page(
        self,
        visit: Visit,
        repository: Repository,
        fields: TagRuleFields,
        more: dict[str, object],
        *,
        scans: bool,
    ) -> Page:
        values: dict[str, object] = {
            "name": repository.name,
            "repository": repository,
            "uri": repository_uri(repository.identity, _host(visit), self.public_url),
            "encryption_means": encryption.meaning(repository.encryption, self.at_rest),
            "fields": fields,
            "scans": scans,
            "decided": await self._decided(visit, repository),
            "done": _DONE.get(visit.query.one("done"), ""),
            "wrong": [],
            "problem": None,
            "problem_of": "",
            **_commands(visit, repository.name, fields, scans=scans),
            **more,
        }
        return Page("repository_settings.html", repository.name, _SECTION, values, 400 if values["wrong"] else 200)

    async def _repository(self, visit: Visit) -> Repository:
        (found,) = await self.repositories.describe(visit.caller, visit.registry, [asked_repository(visit)])
        return found

    async def _decided(self, visit: Visit, repository: Repository) -> str:
        """Say when images are scanned, and what decides it; or why the visitor may not know."""
        try:
            configuration = await self.scanning.configuration(visit.caller, visit.registry)
        except AccessDenied as refusal:
            return refusal.message
        return _when_scanned(configuration, repository)


def _seen(repository: Repository) -> dict[str, object]:
    """Return the marks of what the page shows, for its two forms."""
    return {
        "seen": fingerprint(_text(repository.tag_rule)),
        "seen_scans": fingerprint(str(repository.scan_on_push)),
    }


def _text(rule: TagRule) -> str:
    return " ".join((rule.mutability.value, *rule.exclusions))


def _when_scanned(configuration: ScanningConfiguration, repository: Repository) -> str:
    applied = configuration.applied(repository.name, scan_on_push=repository.scan_on_push)
    if applied.is_on_push and applied.filters:
        when = "continuously" if applied.frequency is ScanFrequency.CONTINUOUS_SCAN else "on push"
        filters = ", ".join(f"'{each}'" for each in applied.filters[:_FILTERS_SHOWN])
        return f"The registry's scanning configuration decides: images are scanned {when}, by its filter {filters}."
    if configuration.scan_type is ScanType.ENHANCED:
        return (
            "The registry's scanning configuration decides: it has enhanced scanning and no filter for this "
            "repository, so its images are not scanned, whatever is chosen here."
        )
    return "Images are scanned on push." if applied.is_on_push else "Images are scanned when a user asks for it."


def _commands(visit: Visit, name: RepositoryName, fields: TagRuleFields, *, scans: bool) -> dict[str, str]:
    cli = commands.ecr(visit)
    scanning = f"scanOnPush={'true' if scans else 'false'}"
    return {
        "command": cli.line("ecr describe-repositories", repository_names=name),
        "mutability_command": cli.line("ecr put-image-tag-mutability", repository_name=name, **fields.options()),
        "scanning_command": cli.line(
            "ecr put-image-scanning-configuration", repository_name=name, image_scanning_configuration=scanning
        ),
    }


def _host(visit: Visit) -> str:
    return visit.endpoint.partition("://")[2]


def _saved(visit: Visit, name: RepositoryName, what: str) -> Redirect:
    return Redirect(address(f"{visit.home}/settings", repository=name, done=what))
