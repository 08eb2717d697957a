"""The page of a registry's replication activity: waiting and failed copies, with the reasons."""

from dataclasses import dataclass

from twinport.console import commands, words
from twinport.console.pages import address
from twinport.console.routes import Route
from twinport.console.visits import Page, Visit
from twinport.model.replication import DeliveryState, ListedDelivery
from twinport.registry.paging import PageRequest
from twinport.registry.replication import Replication

_PER_PAGE = 20
_CHOICES = {
    "": ("Waiting and failed", (DeliveryState.WAITING, DeliveryState.FAILED)),
    "waiting": ("Waiting", (DeliveryState.WAITING,)),
    "failed": ("Failed", (DeliveryState.FAILED,)),
}


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """A copy on the page. `path` leads to the images of its repository."""

    path: str
    repository: str
    tag: str
    digest: str
    short: str
    region: str
    account: str
    word: str
    tone: str
    ecr: str
    attempts: int
    since: str
    code: str
    why: str
    remedy: str
    next_try: str


@dataclass(frozen=True, slots=True)
class ActivityPages:
    replication: Replication

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/console/{region}/replication/activity", self.show),)

    async def show(self, visit: Visit) -> Page:
        state, token = visit.query.one("state"), visit.query.one("page")
        state = state if state in _CHOICES else ""
        request = PageRequest(_PER_PAGE, token or None)
        page = await self.replication.deliveries(visit.caller, visit.registry, _CHOICES[state][1], request)
        path = f"{visit.home}/replication/activity"
        values = {
            "rows": [_row(each, visit) for each in page.items],
            "choices": [(address(path, state=key), name, key == state) for key, (name, _) in _CHOICES.items()],
            "here": address(path, state=state, page=token),
            "first": address(path, state=state),
            "next": page.token and address(path, state=state, page=page.token),
            "is_first": not token,
            "command": commands.ecr(visit).line(
                "ecr describe-image-replication-status", repository_name="NAME", image_id="imageTag=TAG"
            ),
        }
        return Page("replication_activity.html", "Replication activity", "registry", values)


def _row(each: ListedDelivery, visit: Visit) -> ActivityRow:
    report, (word, tone) = each.report, _state(each)
    return ActivityRow(
        path=address(f"{visit.home}/images", repository=report.repository),
        repository=report.repository,
        tag=report.tag or "",
        digest=str(report.digest),
        short=words.short_digest(str(report.digest)),
        region=report.destination.region,
        account=report.destination.account,
        word=word,
        tone=tone,
        ecr=report.state.ecr,
        attempts=report.attempts,
        since=words.time(report.created_at),
        code=report.failure_code.value if report.failure_code else "",
        why=words.why(report) or report.reason or "",
        remedy=words.copy_state(report).remedy,
        next_try=words.next_try(each),
    )


def _state(each: ListedDelivery) -> tuple[str, str]:
    """Return the word and the tone. The lease tells whether a waiting copy is being copied."""
    if each.report.state is DeliveryState.WAITING:
        return ("copying", "busy") if each.is_under_way else ("waiting", "calm")
    state = words.copy_state(each.report)
    return state.word, state.tone
