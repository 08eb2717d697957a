"""What the editors of policies share: bounds, and where and why a text is refused."""

from twinport.console.pages import refused
from twinport.console.problems import problem_of
from twinport.console.visits import Page
from twinport.errors import Refusal
from twinport.policies.documents import PolicyKind
from twinport.policies.faults import Fault, first_fault, first_mention
from twinport.refusals.identities import PolicyMalformed, PrincipalUnknown

LONGEST_POLICY = 10_240
# A longer policy is shown in part: a tenant's data must not make a page arbitrarily large.
MOST_SHOWN = 20_000


def refused_text(page: Page, refusal: Refusal, text: str, kind: PolicyKind) -> Page:
    """Show an editor again with ECR's words for the refusal, and where and why the text is wrong."""
    shown, where = refused(page, refusal), _where(refusal, text, kind)
    if not where:
        return shown
    problem = problem_of(refusal)
    values = {**shown.values, "problem": problem.with_remedy(f"{where} Correct it there, and save again.")}
    return Page(shown.template, shown.title, shown.section, values, shown.status)


def _where(refusal: Refusal, text: str, kind: PolicyKind) -> str:
    match refusal.__cause__:
        case PrincipalUnknown(name=name):
            reason = f"there is no user or role {name[:200]}: create it first, or name its account"
            return _in_words(Fault(reason, first_mention(text, name)))
        case PolicyMalformed():
            fault = first_fault(text, kind)
            return "" if fault is None else _in_words(fault)
        case _:
            return ""


def _in_words(fault: Fault) -> str:
    places = []
    if fault.at is not None:
        places.append(f"line {fault.at.line}, column {fault.at.column}")
    if fault.statement is not None:
        places.append(f"statement {fault.statement}{f' ({fault.sid})' if fault.sid else ''}")
    where = ", ".join(places) or "the policy as a whole"
    return f"{where[0].upper()}{where[1:]}: {fault.reason.rstrip('.')}."
