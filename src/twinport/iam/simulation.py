"""Operations of the policy simulator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.access.gate import Context
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.iam.requests import page_of, paging_after
from twinport.identities.simulations import Answers, Excluded, Simulations, Wish
from twinport.model.letters import lower_ascii
from twinport.policies.simulation import Matched, Simulated
from twinport.policies.statement_spans import Position
from twinport.refusals.identities import InvalidInput


@dataclass(frozen=True, slots=True)
class SimulationOperations:
    simulations: Simulations

    def table(self) -> Mapping[str, Handler[Call]]:
        return {"SimulateCustomPolicy": self.simulate_documents, "SimulatePrincipalPolicy": self.simulate_entity}

    async def simulate_documents(
        self, call: Call, request: iam.SimulateCustomPolicyRequest
    ) -> iam.SimulatePolicyResponse:
        page = page_of(request)
        levels = [
            each.get("ServiceControlPolicyInputList", [])
            for each in request.get("OrderedOrganizationPolicyInputList", [])
        ]
        wish = _wish(request, levels=levels)
        return _answer(await self.simulations.of_documents(call.caller, wish, page), wish)

    async def simulate_entity(
        self, call: Call, request: iam.SimulatePrincipalPolicyRequest
    ) -> iam.SimulatePolicyResponse:
        page = page_of(request)
        wish = _wish(request, excluded=[_excluded(each) for each in request.get("PolicyExclusionList", [])])
        return _answer(await self.simulations.of_entity(call.caller, request["PolicySourceArn"], wish, page), wish)


def _wish(
    request: iam.SimulateCustomPolicyRequest | iam.SimulatePrincipalPolicyRequest,
    levels: Sequence[Sequence[str]] = (),
    excluded: Sequence[Excluded] = (),
) -> Wish:
    scenario = request.get("ResourceHandlingOption")
    if scenario is not None:
        raise InvalidInput(f"ResourceHandlingOption '{scenario}' is about EC2, which is not here: leave it out")
    return Wish(
        actions=request["ActionNames"],
        resources=request.get("ResourceArns", []),
        policies=request.get("PolicyInputList", []),
        boundaries=request.get("PermissionsBoundaryPolicyInputList", []),
        levels=levels,
        resource_policy=request.get("ResourcePolicy"),
        owner=request.get("ResourceOwner"),
        caller=request.get("CallerArn"),
        context=_context(request.get("ContextEntries", [])),
        excluded=excluded,
    )


def _context(entries: Sequence[iam.ContextEntry]) -> Context:
    context: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        name, values, kind = entry.get("ContextKeyName"), entry.get("ContextKeyValues", []), entry.get("ContextKeyType")
        if not name or kind is None:
            raise InvalidInput("each of ContextEntries needs a ContextKeyName, a ContextKeyType and values")
        if not kind.endswith("List") and len(values) > 1:
            raise InvalidInput(f"the context key '{name}' is of type {kind} and has {len(values)} values")
        if lower_ascii(name) in context:
            raise InvalidInput(f"the context key '{name}' is given twice")
        context[lower_ascii(name)] = tuple(values)
    return context


def _excluded(given: iam.PolicyIdentifier) -> Excluded:
    arn, inline = given.get("PolicyArn"), given.get("InlinePolicyIdentifier")
    if arn is not None and (not arn.startswith("arn:") or "*" in arn):
        raise InvalidInput(f"'{arn[:256]}' is not the ARN of one policy")
    owner = None if inline is None else (inline["AttachmentType"], inline["AttachmentName"], inline["PolicyName"])
    return Excluded(given.get("PolicyType"), arn, owner)


def _answer(answers: Answers, wish: Wish) -> iam.SimulatePolicyResponse:
    paging = paging_after(None if answers.begin is None else str(answers.begin))
    return {"EvaluationResults": [_shown(each, wish) for each in answers.shown], **paging}


def _shown(simulated: Simulated, wish: Wish) -> iam.EvaluationResult:
    result: iam.EvaluationResult = {
        "EvalActionName": simulated.action,
        "EvalResourceName": simulated.resource,
        "EvalDecision": simulated.decision,
        "MatchedStatements": [_statement(each) for each in simulated.matched],
        "MissingContextValues": [] if wish.resources else list(simulated.missing),
    }
    if simulated.by_organization is not None:
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": simulated.by_organization}
    if simulated.by_boundary is not None:
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": simulated.by_boundary}
    if simulated.details is not None:
        result["EvalDecisionDetails"] = dict(simulated.details)
    if wish.resources:
        result["ResourceSpecificResults"] = [_of_resource(simulated)]
    return result


def _of_resource(simulated: Simulated) -> iam.ResourceSpecificResult:
    result: iam.ResourceSpecificResult = {
        "EvalResourceName": simulated.resource,
        "EvalResourceDecision": simulated.decision,
        "MatchedStatements": [_statement(each) for each in simulated.matched],
        "MissingContextValues": list(simulated.missing),
    }
    if simulated.details:
        result["EvalDecisionDetails"] = dict(simulated.details)
    if simulated.by_boundary is not None:
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": simulated.by_boundary}
    return result


def _statement(matched: Matched) -> iam.Statement:
    return {
        "SourcePolicyId": matched.policy_id,
        "SourcePolicyType": matched.policy_type,
        "StartPosition": _position(matched.span.after),
        "EndPosition": _position(matched.span.end),
    }


def _position(position: Position) -> iam.Position:
    return {"Line": position.line, "Column": position.column}
