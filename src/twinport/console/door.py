"""The console's door: identifies the visitor, checks forms, picks the page, and shows refusals."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from urllib.parse import quote

from twinport.access.signing_in import SigningIn
from twinport.clock import Clock
from twinport.console import forgery
from twinport.console.cookies import Cookie
from twinport.console.entrance import Entrance
from twinport.console.problems import Problem, problem_of
from twinport.console.rendering import Renderer, redirect
from twinport.console.routes import RouteTable
from twinport.console.visits import Fields, Fragment, Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.http.admission import Admission
from twinport.http.messages import Answer, Request
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import current_request
from twinport.model.identities import Caller
from twinport.model.names import RegionName
from twinport.processes.pools import MESSAGES
from twinport.refusals.callers import FormForged, SignedOut
from twinport.refusals.requests import BodyMalformed, PathUnknown

# A registry policy of 10,240 characters, each encoded as three, plus the other fields.
_FORM_LIMIT = 256 << 10
_ASSETS = "/console/assets/"
_WAYS_IN = ("/console/sign-in", "/console/sign-out")


@dataclass(frozen=True, slots=True)
class ConsoleDoor:
    """Serves `/console/`. `first_page` finds the page for a visitor whose address names none."""

    admission: Admission
    signing_in: SigningIn
    cookie: Cookie
    world: Clock
    regions: Collection[RegionName]
    entrance: Entrance
    pages: RouteTable
    first_page: Callable[[Caller], Awaitable[str]]
    renderer: Renderer

    async def answer(self, request: Request) -> Answer:
        current_request.entered("console")
        current_request.asked("console:form" if request.method == "POST" else "console:page")
        try:
            answer = await self._answer(request)
        except SignedOut:
            answer = redirect(_way_in(request))
        except Refusal as refusal:
            answer = self._outside(problem_of(refusal), request)
        except Exception as defect:  # noqa: BLE001 — a defect too is answered with a page
            telemetry.failure(Event.REQUEST_FAILED, defect, method=request.method, path=request.path)
            answer = self._outside(_UNEXPECTED, request)
        return replace(answer, headers={**answer.headers, "x-request-id": request.id})

    async def refuse(self, status: int, refusal: Refusal, request: Request) -> Answer:
        """Show a refusal from before this door as a page."""
        page = self._outside(replace(problem_of(refusal), status=status), request)
        return replace(page, headers={**page.headers, "x-request-id": request.id})

    async def _answer(self, request: Request) -> Answer:
        if request.path.startswith(_ASSETS):
            return self._asset(request)
        origin = self.admission.origin_of(request, self.world.now())
        if request.path in _WAYS_IN:
            return await self.entrance.answer(request, await _form(request), origin)
        token = self.cookie.read(request, secure=origin.secure)
        if token is None:
            raise SignedOut
        caller = await self.signing_in.open(token, origin)
        if request.path in ("/console", "/console/"):
            return redirect(await self.first_page(caller))
        return await self._inside(request, await _form(request), caller, token)

    async def _inside(self, request: Request, form: Fields, caller: Caller, token: str) -> Answer:
        found = self.pages.find(request.method, request.path)
        region = RegionName(found.parts.get("region", "")) if found else RegionName("")
        if found is None or region not in self.regions:
            raise PathUnknown(request.path)
        visit = Visit(
            request_id=request.id,
            path=request.path,
            region=region,
            parts=found.parts,
            query=_fields(request.query),
            form=form,
            caller=replace(caller, origin=replace(caller.origin, region=region)),
            csrf=forgery.token(token),
            endpoint=self.admission.endpoint(request),
        )
        try:
            if request.method == "POST" and not forgery.is_genuine(form.one(forgery.FIELD), token):
                raise FormForged
            result = await found.handler(visit)
            # A long list makes a large page, and the first visit compiles the template.
            return await MESSAGES.run(lambda: self._rendered(result, visit))
        except Refusal as refusal:
            return self.renderer.refused(problem_of(refusal), visit)

    def _rendered(self, result: Result, visit: Visit) -> Answer:
        match result:
            case Page():
                return self.renderer.page(result, visit)
            case Fragment():
                return self.renderer.fragment(result, visit)
            case Redirect():
                return redirect(result.path)

    def _asset(self, request: Request) -> Answer:
        asset = self.renderer.asset(request.path.rpartition("/")[2])
        if asset is None:
            raise PathUnknown(request.path)
        return asset

    def _outside(self, problem: Problem, request: Request) -> Answer:
        page = Page("problem.html", problem.headline, "", {"problem": problem}, problem.status)
        return self.renderer.outside(page, request.id)


_UNEXPECTED = Problem(
    500,
    "Internal error",
    "an unexpected error occurred; the log has it under this request's id",
    "Try again; if it happens again, give the request id to the operator of this deployment.",
)


async def _form(request: Request) -> Fields:
    if request.method != "POST":
        return Fields()
    return _fields((await request.body(_FORM_LIMIT)).decode("utf-8", "replace"))


def _fields(text: str) -> Fields:
    try:
        return Fields.parse(text)
    except ValueError as error:
        raise BodyMalformed("the form has more fields than any page of the console") from error


def _way_in(request: Request) -> str:
    """Return the sign-in page's address, which leads back to the requested page. A form is not sent again."""
    if request.method != "GET" or request.path in ("/console", "/console/"):
        return "/console/sign-in"
    place = f"{request.raw_path}?{request.query}" if request.query else request.raw_path
    return f"/console/sign-in?next={quote(place, safe='')}"
