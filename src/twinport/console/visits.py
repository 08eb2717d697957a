"""A visit: one request to the console as the pages see it, and the possible answers of a page."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl

from twinport.model.identities import Caller
from twinport.model.names import RegionName, Registry

GLOBAL_REGION = RegionName("us-east-1")
_MOST_FIELDS = 2000


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a query string or a form. A name may occur more than once."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Fields":
        """Parse `application/x-www-form-urlencoded`. Raises ValueError for more fields than any page has."""
        return cls(tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)))

    def one(self, name: str) -> str:
        """Return a field without the blanks around it, or an empty string if it is missing."""
        return next((value.strip() for key, value in self.pairs if key == name), "")

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value.strip() for key, value in self.pairs if key == name)

    def exact(self, name: str) -> str:
        """Return a field as typed: blanks in a password count."""
        return next((value for key, value in self.pairs if key == name), "")


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a signed-in visitor. `parts` are the variable segments of its path."""

    request_id: str
    path: str
    region: RegionName
    parts: Mapping[str, str]
    query: Fields
    form: Fields
    caller: Caller
    csrf: str
    endpoint: str

    @property
    def registry(self) -> Registry:
        """The registry of the visitor's account in the selected Region."""
        return Registry(self.caller.account, self.region)

    @property
    def global_caller(self) -> Caller:
        """The same caller in IAM's Region, for requests to IAM, which has one endpoint."""
        return replace(self.caller, origin=replace(self.caller.origin, region=GLOBAL_REGION))

    @property
    def home(self) -> str:
        return f"/console/{self.region}"


@dataclass(frozen=True, slots=True)
class Page:
    """A template with plain values. `section` is the page's entry in the navigation."""

    template: str
    title: str
    section: str
    values: Mapping[str, object] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a page, for the script that refreshes it."""

    template: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect to another path of the console."""

    path: str


Result = Page | Fragment | Redirect
