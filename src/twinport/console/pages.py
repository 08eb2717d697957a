"""Helpers that several pages share."""

import hashlib
from urllib.parse import urlencode

from twinport.console.problems import problem_of
from twinport.console.visits import Page, Visit
from twinport.errors import Refusal
from twinport.model.names import RepositoryName, repository_name
from twinport.refusals.callers import NotConfirmed
from twinport.refusals.identities import ChangedMeanwhile


def refused(page: Page, refusal: Refusal) -> Page:
    """Show the same form again, with its input and the problem."""
    problem = problem_of(refusal)
    return Page(page.template, page.title, page.section, {**page.values, "problem": problem}, problem.status)


def require_confirmation(visit: Visit, name: str) -> None:
    """Raise NotConfirmed unless the form repeats the name of the item to delete."""
    if visit.form.one("confirmation") != name:
        raise NotConfirmed(name)


def asked_repository(visit: Visit) -> RepositoryName:
    """Return the repository that a form or an address names. Raises BadName."""
    return repository_name(visit.form.one("repository") or visit.query.one("repository"))


def fingerprint(text: str | None) -> str:
    """Return a mark of a document as a page shows it, or of none, for the form that changes it."""
    return hashlib.sha256((text or "").encode()).hexdigest()


def verb(seen: str) -> str:
    """Return what a form does to a document whose mark it has as `seen`: it creates one where there was none."""
    return "Create" if seen == fingerprint(None) else "Edit"


def require_unchanged(visit: Visit, text: str | None) -> None:
    """Raise ChangedMeanwhile unless the document is still the one whose mark is in the form as `seen`."""
    if visit.form.one("seen") != fingerprint(text):
        raise ChangedMeanwhile


def address(path: str, **query: str) -> str:
    """Return a path with a query string, without empty values."""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
