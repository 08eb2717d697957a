"""What a handler of an AWS door is told besides its input: who calls, and by which address they came."""

from dataclasses import dataclass

from twinport.model.identities import Caller


@dataclass(frozen=True, slots=True)
class Call:
    """`host` is the Host header (with a port, if any), `scheme` is http or https as the client sees it."""

    caller: Caller
    host: str
    scheme: str
