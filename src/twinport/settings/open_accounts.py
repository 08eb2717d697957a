"""Open accounts: any twelve digits are an account whose root has a public secret. For which clients this is so."""

from enum import Enum


class OpenAccounts(Enum):
    """For which clients accounts are open. The value is that of the setting `open_accounts`."""

    CLOSED = "false"
    # For clients on this machine that reach a loopback listener without a proxy.
    LOCAL = "true"
    EVERYWHERE = "everywhere"

    @property
    def words(self) -> str:
        """Return the wording for events, notices and reports."""
        return _WORDS[self]

    def admit(self, *, is_local: bool) -> bool:
        """Tell whether accounts are open for a client. `is_local`: it is known to be on this machine."""
        return self is OpenAccounts.EVERYWHERE or (self is OpenAccounts.LOCAL and is_local)


_WORDS = {
    OpenAccounts.CLOSED: "closed",
    OpenAccounts.LOCAL: "open to this machine",
    OpenAccounts.EVERYWHERE: "open to every client",
}
