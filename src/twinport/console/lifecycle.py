"""The pages of a repository's lifecycle policy: its rules, the editor, previews, and its deletion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from twinport.catalog.regional.lifecycle import StoredPolicy
from twinport.catalog.regional.lifecycle_previews import Preview, PreviewResult, PreviewStatus
from twinport.console import bounds, commands, lifecycle_form, lifecycle_words, words
from twinport.console.lifecycle_form import RuleDraft
from twinport.console.lifecycle_words import RuleInWords
from twinport.console.pages import (
    address,
    asked_repository,
    fingerprint,
    refused,
    require_confirmation,
    require_unchanged,
    verb,
)
from twinport.console.problems import problem_of
from twinport.console.routes import Route
from twinport.console.visits import Fragment, Page, Redirect, Result, Visit
from twinport.errors import AccessDenied, Refusal
from twinport.model.lifecycle_policies import LONGEST_TEXT, ActionType, PolicyInvalid, parse_policy
from twinport.model.names import RepositoryName, repository_name
from twinport.refusals.images import LifecyclePolicyNotFound, LifecyclePreviewNotFound
from twinport.registry.expected import Expected
from twinport.registry.lifecycle import LifecyclePolicies, LifecyclePreviews, PreviewQuery
from twinport.registry.paging import PageRequest

_SECTION = "repositories"
_PER_PAGE = 20
_TAGS_SHOWN = 10
_PUT, _START = "PutLifecyclePolicy", "StartLifecyclePolicyPreview"
# The characters of ECR's shortest lifecycle policy.
_SHORTEST_TEXT = 100
_DONE = {
    "saved": "The policy is saved. It is applied within seconds, and then every hour.",
    "deleted": "The policy was deleted: nothing expires or is archived any more.",
}
_STATES = {
    PreviewStatus.IN_PROGRESS: ("in progress", "busy", ""),
    PreviewStatus.COMPLETE: ("complete", "good", ""),
    PreviewStatus.EXPIRED: ("expired", "calm", "The results of a preview are kept for 24 hours. Run it again."),
    PreviewStatus.FAILED: (
        "failed",
        "bad",
        "The preview ended with an unexpected error, which the operator of this deployment finds in the log.",
    ),
}


@dataclass(frozen=True, slots=True)
class State:
    """How far a preview is, and how many images it would expire and archive. `tone` is the word's color."""

    word: str
    ecr: str
    tone: str
    details: str
    is_settled: bool
    is_complete: bool
    expiring: int
    archiving: int


@dataclass(frozen=True, slots=True)
class ResultRow:
    """An image that a policy would act on. `priority` is that of the rule that takes it, 0 for no rule."""

    tags: tuple[str, ...]
    more_tags: int
    digest: str
    short: str
    pushed: str
    storage: str
    action: str
    priority: int


@dataclass(frozen=True, slots=True)
class LifecyclePages:
    policies: LifecyclePolicies
    previews: LifecyclePreviews

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/lifecycle"
        return (
            Route("GET", base, self.show),
            Route("GET", f"{base}/edit", self.edit),
            Route("POST", f"{base}/edit", self.save),
            Route("POST", f"{base}/add", self.add),
            Route("GET", f"{base}/preview", self.show_preview),
            Route("GET", f"{base}/preview/fresh", self.fresh),
            Route("POST", f"{base}/preview", self.preview),
            Route("GET", f"{base}/delete", self.ask_to_delete),
            Route("POST", f"{base}/delete", self.delete),
        )

    async def show(self, visit: Visit) -> Page:
        name = asked_repository(visit)
        policy = await self._policy(visit, name)
        text = commands.pretty(policy.text) if policy else ""
        last, denied = await self._last_preview(visit, name)
        values = {
            "name": name,
            "rules": lifecycle_words.rules(policy.text) if policy else (),
            "text": bounds.cut(text),
            "is_cut": bounds.cut(text) != text,
            "evaluated": words.time(policy.evaluated_at) if policy else "",
            "last": last,
            "last_denied": denied,
            "done": _DONE.get(visit.query.one("done"), ""),
            "problem": None,
            "command": commands.ecr(visit).line("ecr get-lifecycle-policy", repository_name=name),
        }
        return Page("lifecycle.html", f"Lifecycle policy of {name}", _SECTION, values)

    async def _last_preview(self, visit: Visit, name: RepositoryName) -> tuple[State | None, str]:
        asked = PreviewQuery(page=PageRequest(1))
        try:
            found, _ = await self.previews.get(visit.caller, visit.registry.repository(name), asked)
        except LifecyclePreviewNotFound:
            return None, ""
        except AccessDenied as refusal:
            return None, refusal.message
        return _state(found), ""

    # --- the text -----------------------------------------------------------------------------------------

    async def edit(self, visit: Visit) -> Page:
        """Show the editor with the policy, or with the text of the last preview, which was made in the editor."""
        name = repository_name(visit.query.one("repository"))
        policy = await self._policy(visit, name)
        seen = visit.query.one("seen") or fingerprint(_text(policy))
        text = commands.pretty_within(_text(policy), LONGEST_TEXT)
        if visit.query.one("from") == "preview":
            asked = PreviewQuery(page=PageRequest(1))
            text = (await self.previews.get(visit.caller, visit.registry.repository(name), asked))[0].text
        if bounds.cut(text) != text:
            return Page("lifecycle_too_long.html", "Edit lifecycle policy", _SECTION, _put(visit, name))
        return _editor(visit, name, text, seen)

    async def save(self, visit: Visit) -> Result:
        name, text = repository_name(visit.form.one("repository")), _given(visit)
        try:
            before = await self._policy(visit, name)
            require_unchanged(visit, _text(before))
            _check(_PUT, name, text)
            await self.policies.put(visit.caller, visit.registry.repository(name), text, _expected(before))
        except Refusal as refusal:
            return _refused(visit, name, text, refusal)
        return Redirect(address(f"{visit.home}/lifecycle", repository=name, done="saved"))

    async def add(self, visit: Visit) -> Result:
        """Add a rule to the text in the editor, and save nothing."""
        name, text = repository_name(visit.form.one("repository")), _given(visit)
        draft, seen = RuleDraft.parse(visit.form), visit.form.one("seen")
        try:
            saved = await self._policy(visit, name)
            if wrong := draft.problems():
                page = _editor(visit, name, text, seen, draft)
                return replace(page, values={**page.values, "wrong": wrong}, status=400)
            require_unchanged(visit, _text(saved))
            added = lifecycle_form.with_rule(text, draft.rule())
            _check(_PUT, name, added)
            if visit.form.one("then") == "preview":
                return await self._start(visit, name, added)
        except Refusal as refusal:
            return _refused(visit, name, text, refusal, draft)
        page = _editor(visit, name, added, seen)
        done = f"The rule with priority {draft.priority} was added to the text. Preview or save the policy."
        return replace(page, values={**page.values, "done": done})

    # --- previews -----------------------------------------------------------------------------------------

    async def preview(self, visit: Visit) -> Result:
        """Start a preview of the text in the form, or of the saved policy if there is none."""
        name, text = repository_name(visit.form.one("repository")), _given(visit)
        is_saved = visit.form.one("saved") == "yes"
        try:
            return await self._start(visit, name, None if is_saved else text)
        except Refusal as refusal:
            if is_saved:
                return refused(await self.show(visit), refusal)
            return _refused(visit, name, text, refusal)

    async def _start(self, visit: Visit, name: RepositoryName, text: str | None) -> Redirect:
        if text is not None:
            _check(_START, name, text)
        given = await self.previews.start(visit.caller, visit.registry.repository(name), text)
        query = {"repository": name, "of": fingerprint(given), "seen": visit.form.one("seen")}
        return Redirect(address(f"{visit.home}/lifecycle/preview", **query))

    async def show_preview(self, visit: Visit) -> Page:
        name = repository_name(visit.query.one("repository"))
        values = await self._results(visit, name)
        text = str(values["text"])
        saved, denied = await self._saved(visit, name)
        values |= {
            "name": name,
            "policy": text if bounds.cut(text) == text else "",
            "rules": lifecycle_words.rules_if_valid(text),
            "is_saved": bool(text) and saved is not None and _is_same(saved.text, text),
            "has_saved": saved is not None,
            "denied": denied,
            "is_replaced": False,
            "is_another": visit.query.one("of") not in ("", fingerprint(text)),
            "seen": visit.query.one("seen") or fingerprint(_text(saved)),
            "command": commands.ecr(visit).line("ecr get-lifecycle-policy-preview", repository_name=name),
        }
        return Page("lifecycle_preview.html", f"Preview of the lifecycle policy of {name}", _SECTION, values)

    async def fresh(self, visit: Visit) -> Fragment:
        name = repository_name(visit.query.one("repository"))
        values = await self._results(visit, name)
        # The page around this part shows, and saves, the policy of the preview that it was opened with.
        is_another = visit.query.one("of") not in ("", fingerprint(str(values["text"])))
        return Fragment("lifecycle_results.html", {**values, "is_replaced": bool(values["state"]) and is_another})

    async def _results(self, visit: Visit, name: RepositoryName) -> dict[str, object]:
        token = visit.query.one("page")
        given = {"repository": name, "of": visit.query.one("of"), "seen": visit.query.one("seen")}
        path = f"{visit.home}/lifecycle/preview"
        asked = PreviewQuery(page=PageRequest(_PER_PAGE, token or None))
        try:
            found, page = await self.previews.get(visit.caller, visit.registry.repository(name), asked)
        except LifecyclePreviewNotFound:
            return {"state": None, "text": "", "rows": []}
        return {
            "state": _state(found),
            "text": found.text,
            "rows": [_row(each) for each in page.items],
            "next": page.token and address(path, **given, page=page.token),
            "first": address(path, **given),
            "is_first": not token,
            "here": address(path, **given, page=token),
            "live": address(f"{path}/fresh", **{**given, "of": fingerprint(found.text)}, page=token),
        }

    # --- deleting -----------------------------------------------------------------------------------------

    async def ask_to_delete(self, visit: Visit) -> Page:
        return await self._deletion(visit, repository_name(visit.query.one("repository")))

    async def delete(self, visit: Visit) -> Result:
        name = repository_name(visit.form.one("repository"))
        try:
            require_confirmation(visit, name)
            before = await self._policy(visit, name)
            require_unchanged(visit, _text(before))
            await self.policies.delete(visit.caller, visit.registry.repository(name), _expected(before))
        except Refusal as refusal:
            return refused(await self._deletion(visit, name), refusal)
        return Redirect(address(f"{visit.home}/lifecycle", repository=name, done="deleted"))

    async def _deletion(self, visit: Visit, name: RepositoryName) -> Page:
        policy = await self.policies.get(visit.caller, visit.registry.repository(name))
        values = {
            "name": name,
            "rules": lifecycle_words.rules(policy.text),
            "seen": fingerprint(policy.text),
            "command": commands.ecr(visit).line("ecr delete-lifecycle-policy", repository_name=name),
            "problem": None,
        }
        return Page("lifecycle_delete.html", "Delete lifecycle policy", _SECTION, values)

    async def _policy(self, visit: Visit, name: RepositoryName) -> StoredPolicy | None:
        try:
            return await self.policies.get(visit.caller, visit.registry.repository(name))
        except LifecyclePolicyNotFound:
            return None

    async def _saved(self, visit: Visit, name: RepositoryName) -> tuple[StoredPolicy | None, str]:
        """Return the saved policy, and why it is not shown."""
        try:
            return await self._policy(visit, name), ""
        except AccessDenied as refusal:
            return None, refusal.message


def _editor(visit: Visit, name: RepositoryName, text: str, seen: str, draft: RuleDraft | None = None) -> Page:
    """Show a text and its rules, if it is a policy."""
    return _unread(visit, name, text, seen, draft or RuleDraft.blank(text), lifecycle_words.rules_if_valid(text))


def _unread(
    visit: Visit,
    name: RepositoryName,
    text: str,
    seen: str,
    draft: RuleDraft,
    rules: Sequence[RuleInWords] = (),
) -> Page:
    """Show a text without reading it."""
    values = {
        "name": name,
        "text": bounds.cut(text),
        "seen": seen,
        "verb": verb(seen),
        "rules": rules,
        "draft": draft,
        "wrong": (),
        "done": "",
        "problem": None,
        **_put(visit, name),
    }
    return Page("lifecycle_edit.html", f"{verb(seen)} the lifecycle policy of {name}", _SECTION, values)


def _refused(visit: Visit, name: RepositoryName, text: str, refusal: Refusal, draft: RuleDraft | None = None) -> Page:
    """Show a text again. The text of a visitor that may not change the policy is not read."""
    seen = visit.form.one("seen")
    if isinstance(refusal, AccessDenied):
        page = _unread(visit, name, text, seen, draft or RuleDraft("1"))
    else:
        page = _editor(visit, name, text, seen, draft)
    problem = problem_of(refusal)
    if isinstance(refusal, PolicyInvalid):
        problem = lifecycle_words.explained(refusal)
    return replace(page, values={**page.values, "problem": problem}, status=problem.status)


def _put(visit: Visit, name: RepositoryName) -> dict[str, str]:
    text = "file://policy.json"
    line = commands.ecr(visit).line("ecr put-lifecycle-policy", repository_name=name, lifecycle_policy_text=text)
    return {"name": name, "command": line}


def _check(operation: str, name: RepositoryName, text: str) -> None:
    """Refuse a text of a length that the operation does not take. The verb reads the text, after it asked the gate.

    What is too short for a policy is refused for what it lacks, which says more than its length.
    """
    if len(text) < _SHORTEST_TEXT:
        parse_policy(text)
    bounds.check(operation, {"repositoryName": name, "lifecyclePolicyText": text})


def _state(preview: Preview) -> State:
    word, tone, details = _STATES[preview.status]
    return State(
        word=word,
        ecr=preview.status.value,
        tone=tone,
        details=details,
        is_settled=preview.status is not PreviewStatus.IN_PROGRESS,
        is_complete=preview.status is PreviewStatus.COMPLETE,
        expiring=preview.expiring,
        archiving=preview.archiving,
    )


def _row(result: PreviewResult) -> ResultRow:
    return ResultRow(
        tags=result.tags[:_TAGS_SHOWN],
        more_tags=max(0, len(result.tags) - _TAGS_SHOWN),
        digest=str(result.digest),
        short=words.short_digest(str(result.digest)),
        pushed=words.time(result.pushed_at),
        storage=result.storage.value,
        action="Expire" if result.action is ActionType.EXPIRE else "Archive",
        priority=result.priority or 0,
    )


def _expected(policy: StoredPolicy | None) -> Expected[str]:
    return Expected(policy.text if policy else None)


def _text(policy: StoredPolicy | None) -> str:
    return policy.text if policy else ""


def _given(visit: Visit) -> str:
    """Return the text in the form. Browsers send each end of a line as two characters."""
    return visit.form.one("policy").replace("\r\n", "\n")


def _is_same(saved: str, text: str) -> bool:
    try:
        return saved == parse_policy(text).text
    except PolicyInvalid:
        return False
