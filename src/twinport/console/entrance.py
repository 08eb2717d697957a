"""Signing in and out: the two pages that need no session."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import unquote

from twinport.access.signing_in import SESSION, SigningIn
from twinport.console import forgery
from twinport.console.cookies import Cookie
from twinport.console.problems import Problem, problem_of
from twinport.console.rendering import Renderer, redirect
from twinport.console.visits import Fields, Page
from twinport.errors import NotAuthenticated
from twinport.http.messages import Answer, Request
from twinport.model.identities import Origin
from twinport.model.names import AccountId, account_id
from twinport.refusals.callers import FormForged, SignInRefused, TooManyAttempts
from twinport.refusals.requests import BadName, MethodUnsupported
from twinport.settings.open_accounts import OpenAccounts

# The open accounts that the page offers: the account of the key `test`, and the two accounts of the tour.
OFFERED = tuple(map(AccountId, ("000000000000", "111111111111", "222222222222")))
_HOME = "/console/"
# How long an open sign-in page stays valid.
_VISIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Entrance:
    """`session` is the cookie of a signed-in visitor, `visit` the cookie of a visitor at the sign-in page."""

    signing_in: SigningIn
    session: Cookie
    visit: Cookie
    renderer: Renderer
    open_accounts: OpenAccounts

    async def answer(self, request: Request, form: Fields, origin: Origin) -> Answer:
        match request.method, request.path.rpartition("/")[2]:
            case (("GET" | "HEAD"), "sign-in"):
                return self._ask(request, Fields.parse(request.query), origin, None)
            case "POST", "sign-in":
                return await self._sign_in(request, form, origin)
            case "POST", "sign-out":
                return await self._sign_out(request, form, origin)
            case _:
                raise MethodUnsupported(request.method, ("POST",))

    def _ask(self, request: Request, fields: Fields, origin: Origin, problem: Problem | None) -> Answer:
        """Show the sign-in page. Its forms are bound to a cookie, so that another site cannot sign a browser in."""
        nonce = self.visit.read(request, secure=origin.secure) or secrets.token_urlsafe(32)
        values = {
            "csrf": forgery.token(nonce),
            "next": local_path(fields.one("next")),
            "problem": problem,
            "offered": OFFERED if self.open_accounts.admit(is_local=origin.is_local) else (),
            "given": {name: fields.one(name) for name in ("account", "user", "key")},
        }
        page = Page("sign_in.html", "Sign in", "", values, problem.status if problem else 200)
        answer = self.renderer.outside(page, request.id)
        cookie = self.visit.header(nonce, secure=origin.secure, lasts=_VISIT)
        return replace(answer, headers={**answer.headers, "set-cookie": cookie})

    async def _sign_in(self, request: Request, form: Fields, origin: Origin) -> Answer:
        nonce = self.visit.read(request, secure=origin.secure)
        if nonce is None or not forgery.is_genuine(form.one(forgery.FIELD), nonce):
            return self._ask(request, form, origin, problem_of(FormForged()))
        try:
            token = await self._way(form.one("way"))(form, origin)
        except (NotAuthenticated, TooManyAttempts) as refusal:
            return self._ask(request, form, origin, problem_of(refusal))
        # Always a new session, never the browser's existing one: this prevents session fixation.
        await self._end(request, origin)
        cookie = self.session.header(token, secure=origin.secure, lasts=SESSION)
        answer = redirect(local_path(form.one("next")))
        return replace(answer, headers={**answer.headers, "set-cookie": cookie})

    def _way(self, name: str) -> Callable[[Fields, Origin], Awaitable[str]]:
        return {"password": self._by_password, "open": self._by_open_account}.get(name, self._by_key)

    async def _by_key(self, form: Fields, origin: Origin) -> str:
        return await self.signing_in.by_key(form.one("key"), form.one("secret"), origin)

    async def _by_password(self, form: Fields, origin: Origin) -> str:
        account = form.one("account")
        # People type ids as AWS shows them, in three groups with dashes. Aliases may contain dashes too.
        place = account.replace("-", "") if account.replace("-", "").isdecimal() else account
        return await self.signing_in.by_password(place, form.one("user"), form.exact("password"), origin)

    async def _by_open_account(self, form: Fields, origin: Origin) -> str:
        return await self.signing_in.by_open_account(_account(form), origin)

    async def _sign_out(self, request: Request, form: Fields, origin: Origin) -> Answer:
        token = self.session.read(request, secure=origin.secure)
        if token is not None and not forgery.is_genuine(form.one(forgery.FIELD), token):
            raise FormForged
        await self._end(request, origin)
        cookie = self.session.header("", secure=origin.secure, lasts=timedelta())
        answer = redirect("/console/sign-in")
        return replace(answer, headers={**answer.headers, "set-cookie": cookie})

    async def _end(self, request: Request, origin: Origin) -> None:
        token = self.session.read(request, secure=origin.secure)
        if token is not None:
            await self.signing_in.end(token)


def local_path(text: str) -> str:
    """Return the path to open after sign-in: always a page of the console, whatever the address says."""
    decoded = unquote(text)
    is_plain = all(character.isprintable() and character != "\\" for character in decoded)
    is_ours = text.startswith(_HOME) and "//" not in decoded and "/." not in decoded
    return text if is_plain and is_ours and not text.startswith("/console/sign-") else _HOME


def _account(form: Fields) -> AccountId:
    try:
        return account_id(form.one("account").replace("-", ""))
    except BadName as error:
        raise SignInRefused from error
