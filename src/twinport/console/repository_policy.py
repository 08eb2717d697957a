"""The pages of a repository's policy: the text, the editor, and the deletion."""

from dataclasses import dataclass

from twinport.console import bounds, commands
from twinport.console.pages import (
    address,
    asked_repository,
    fingerprint,
    refused,
    require_confirmation,
    require_unchanged,
    verb,
)
from twinport.console.policy_editor import MOST_SHOWN, refused_text
from twinport.console.routes import Route
from twinport.console.visits import Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.identities.explanations import Explanations
from twinport.model.names import RepositoryName
from twinport.policies.actions import of_service
from twinport.policies.documents import PolicyKind
from twinport.refusals.images import RepositoryPolicyNotFound
from twinport.registry.expected import Expected
from twinport.registry.policies import Lockout, RepositoryPolicies

_SECTION = "repositories"
_FIRST_ACTION = "ecr:BatchGetImage"
# The longest ARN of IAM, and more than the longest action.
_LONGEST_ARN, _LONGEST_ACTION = 2048, 128
_DONE = {
    "saved": "The policy is saved.",
    "removed": "The policy was deleted: the identity-based policies of this account decide alone.",
}


@dataclass(frozen=True, slots=True)
class RepositoryPolicyPages:
    policies: RepositoryPolicies
    explanations: Explanations

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/policy"
        return (
            Route("GET", base, self.show),
            Route("GET", f"{base}/edit", self.edit),
            Route("POST", f"{base}/edit", self.save),
            Route("GET", f"{base}/why", self.why),
            Route("GET", f"{base}/delete", self.ask_to_delete),
            Route("POST", f"{base}/delete", self.delete),
        )

    async def show(self, visit: Visit) -> Page:
        name = asked_repository(visit)
        policy = await self._policy(visit, name) or ""
        values = {
            "name": name,
            "policy": policy[:MOST_SHOWN],
            "is_cut": len(policy) > MOST_SHOWN,
            "done": _DONE.get(visit.query.one("done"), ""),
            "command": commands.ecr(visit).line("ecr get-repository-policy", repository_name=name),
        }
        return Page("policy.html", name, _SECTION, values)

    async def edit(self, visit: Visit) -> Page:
        name = asked_repository(visit)
        policy = await self._policy(visit, name)
        return _editor(visit, name, policy or "", fingerprint(policy))

    async def save(self, visit: Visit) -> Result:
        name, text = asked_repository(visit), visit.form.one("policy")
        lockout = Lockout.ACCEPTED if visit.form.one("force") == "on" else Lockout.REFUSED
        try:
            before = await self._policy(visit, name)
            require_unchanged(visit, before)
            bounds.check("SetRepositoryPolicy", {"repositoryName": name, "policyText": text})
            await self.policies.put(visit.caller, visit.registry.repository(name), text, lockout, Expected(before))
        except Refusal as refusal:
            page = _editor(visit, name, text[:MOST_SHOWN], visit.form.one("seen"))
            return refused_text(page, refusal, text, PolicyKind.REPOSITORY)
        return Redirect(address(f"{visit.home}/policy", repository=name, done="saved"))

    async def why(self, visit: Visit) -> Page:
        """Ask whether a principal may do an action, and answer with the statements that decide."""
        principal, action = visit.query.one("principal")[:_LONGEST_ARN], visit.query.one("action")[:_LONGEST_ACTION]
        name = asked_repository(visit)
        values = {
            "name": name,
            "principal": principal or visit.caller.principal_arn,
            "action": action or _FIRST_ACTION,
            "actions": of_service("ecr"),
            "answer": None,
            "problem": None,
            "command": _why_command(visit.registry.repository_arn(name), principal, action),
        }
        page = Page("policy_why.html", name, _SECTION, values)
        if not principal and not action:
            return page
        try:
            answer = await self.explanations.of_repository(
                visit.caller, visit.registry.repository(name), principal, action
            )
        except Refusal as refusal:
            return refused(page, refusal)
        return Page(page.template, page.title, page.section, {**values, "answer": answer})

    async def ask_to_delete(self, visit: Visit) -> Page:
        name = asked_repository(visit)
        policy = await self.policies.get(visit.caller, visit.registry.repository(name))
        values = {
            "name": name,
            "policy": policy[:MOST_SHOWN],
            "seen": fingerprint(policy),
            "command": commands.ecr(visit).line("ecr delete-repository-policy", repository_name=name),
            "problem": None,
        }
        return Page("policy_delete.html", "Delete repository policy", _SECTION, values)

    async def delete(self, visit: Visit) -> Result:
        name = asked_repository(visit)
        try:
            require_confirmation(visit, name)
            before = await self._policy(visit, name)
            require_unchanged(visit, before)
            await self.policies.delete(visit.caller, visit.registry.repository(name), Expected(before))
        except Refusal as refusal:
            return refused(await self.ask_to_delete(visit), refusal)
        return Redirect(address(f"{visit.home}/policy", repository=name, done="removed"))

    async def _policy(self, visit: Visit, name: RepositoryName) -> str | None:
        try:
            return await self.policies.get(visit.caller, visit.registry.repository(name))
        except RepositoryPolicyNotFound:
            return None


def _why_command(arn: str, principal: str, action: str) -> str:
    words = (principal or "PRINCIPAL", action or "ACTION", arn)
    # An address may say anything: what begins like an option is none.
    end = "-- " if any(word.startswith("-") for word in words) else ""
    return f"twinport why {end}{' '.join(map(commands.quoted, words))}"


def _editor(visit: Visit, name: RepositoryName, text: str, seen: str) -> Page:
    forced = visit.form.one("force") == "on"
    command = commands.ecr(visit).line(
        "ecr set-repository-policy",
        *(["force"] if forced else []),
        repository_name=name,
        policy_text=text[:MOST_SHOWN] or "POLICY",
    )
    values = {
        "name": name,
        "text": text[:MOST_SHOWN],
        "is_too_long": len(text) > MOST_SHOWN,
        "seen": seen,
        "verb": verb(seen),
        "forced": forced,
        "command": command,
        "problem": None,
    }
    return Page("policy_edit.html", f"{verb(seen)} repository policy", _SECTION, values)
