"""What a handler of an AWS door gets besides its input: the caller, and the address that the client used."""

from dataclasses import dataclass

from twinport.model.identities import Caller


@dataclass(frozen=True, slots=True)
class Call:
    """`host` is the Host header (with a port, if any), `scheme` is http or https as the client sees it."""

    caller: Caller
    host: str
    scheme: str
