"""The pages of a registry's permissions: its policy, and the helper that writes a statement for replication."""

import json
from dataclasses import dataclass

from twinport.console import bounds, commands, statements
from twinport.console.pages import address, fingerprint, refused, require_confirmation, require_unchanged, verb
from twinport.console.policy_editor import MOST_SHOWN, refused_text
from twinport.console.routes import Route
from twinport.console.visits import Fields, Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.policies.documents import PolicyKind
from twinport.refusals.images import RegistryPolicyNotFound
from twinport.registry.expected import Expected
from twinport.registry.policies import RegistryPolicies

_SECTION = "registry"
_DONE = {
    "saved": "The policy is saved.",
    "added": "The statement was added: these accounts may replicate into this registry now.",
    "removed": "The policy was deleted: no other account may do anything in this registry.",
}


@dataclass(frozen=True, slots=True)
class PermissionPages:
    policies: RegistryPolicies

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/permissions"
        return (
            Route("GET", base, self.show),
            Route("GET", f"{base}/edit", self.edit),
            Route("POST", f"{base}/edit", self.save),
            Route("GET", f"{base}/generate", self.generate),
            Route("POST", f"{base}/generate", self.add),
            Route("GET", f"{base}/delete", self.ask_to_delete),
            Route("POST", f"{base}/delete", self.delete),
        )

    async def show(self, visit: Visit) -> Page:
        shown = await self._policy(visit) or ""
        values = {
            "policy": shown[:MOST_SHOWN],
            "is_cut": len(shown) > MOST_SHOWN,
            "done": _DONE.get(visit.query.one("done"), ""),
            "command": commands.ecr(visit).line("ecr get-registry-policy"),
        }
        return Page("permissions.html", "Registry permissions", _SECTION, values)

    # --- the text -----------------------------------------------------------------------------------------

    async def edit(self, visit: Visit) -> Page:
        policy = await self._policy(visit)
        text = policy or ""
        if len(text) > MOST_SHOWN:
            return Page("permissions_too_long.html", "Edit registry policy", _SECTION, {"command": _put(visit, "…")})
        return _editor(visit, text, fingerprint(policy))

    async def save(self, visit: Visit) -> Result:
        text = visit.form.one("policy")
        try:
            before = await self._policy(visit)
            require_unchanged(visit, before)
            await self._put(visit, text, before)
        except Refusal as refusal:
            page = _editor(visit, text[:MOST_SHOWN], visit.form.one("seen"))
            return refused_text(page, refusal, text, PolicyKind.REGISTRY)
        return Redirect(address(f"{visit.home}/permissions", done="saved"))

    # --- the statement for replication --------------------------------------------------------------------

    async def generate(self, visit: Visit) -> Page:
        """Ask for the accounts, and show the statement once they are given."""
        policy = await self._policy(visit)
        return self._helper(visit, visit.query, policy, shows=bool(visit.query.one("accounts")))

    async def add(self, visit: Visit) -> Result:
        policy = await self._policy(visit)
        sid, accounts = visit.form.one("sid"), statements.account_list(visit.form.one("accounts"))
        if statements.problems(sid, accounts, visit.registry, policy):
            return self._helper(visit, visit.form, policy, shows=True)
        statement = statements.replication_statement(sid, accounts, visit.registry)
        try:
            require_unchanged(visit, policy)
            await self._put(visit, statements.with_statement(policy, statement), policy)
        except Refusal as refusal:
            return refused(self._helper(visit, visit.form, policy, shows=True), refusal)
        return Redirect(address(f"{visit.home}/permissions", done="added"))

    def _helper(self, visit: Visit, fields: Fields, policy: str | None, *, shows: bool) -> Page:
        sid = fields.one("sid") or "ReplicationAccessCrossAccount"
        accounts = statements.account_list(fields.one("accounts"))
        wrong = statements.problems(sid, accounts, visit.registry, policy) if shows else []
        preview, command = "", ""
        if shows and not wrong:
            statement = statements.replication_statement(sid, accounts, visit.registry)
            preview = json.dumps(statement, indent=2)
            command = _put(visit, statements.with_statement(policy, statement))
        values = {
            "sid": sid,
            "accounts": ", ".join(accounts),
            "wrong": wrong,
            "preview": preview,
            "command": command,
            "seen": fingerprint(policy),
            "problem": None,
        }
        return Page("permissions_generate.html", "Generate statement", _SECTION, values, 400 if wrong else 200)

    # --- deleting -----------------------------------------------------------------------------------------

    async def ask_to_delete(self, visit: Visit) -> Page:
        policy = await self.policies.get(visit.caller, visit.registry)
        values = {
            "policy": policy[:MOST_SHOWN],
            "seen": fingerprint(policy),
            "command": commands.ecr(visit).line("ecr delete-registry-policy"),
            "problem": None,
        }
        return Page("permissions_delete.html", "Delete registry policy", _SECTION, values)

    async def delete(self, visit: Visit) -> Result:
        try:
            require_confirmation(visit, visit.region)
            before = await self._policy(visit)
            require_unchanged(visit, before)
            await self.policies.delete(visit.caller, visit.registry, Expected(before))
        except Refusal as refusal:
            return refused(await self.ask_to_delete(visit), refusal)
        return Redirect(address(f"{visit.home}/permissions", done="removed"))

    async def _put(self, visit: Visit, text: str, before: str | None) -> None:
        bounds.check("PutRegistryPolicy", {"policyText": text})
        await self.policies.put(visit.caller, visit.registry, text, Expected(before))

    async def _policy(self, visit: Visit) -> str | None:
        try:
            return await self.policies.get(visit.caller, visit.registry)
        except RegistryPolicyNotFound:
            return None


def _editor(visit: Visit, text: str, seen: str) -> Page:
    values = {
        "text": text,
        "seen": seen,
        "verb": verb(seen),
        "command": _put(visit, text or "POLICY"),
        "problem": None,
    }
    return Page("permissions_edit.html", f"{verb(seen)} registry policy", _SECTION, values)


def _put(visit: Visit, text: str) -> str:
    return commands.ecr(visit).line("ecr put-registry-policy", policy_text=text)
