"""AWS credentials and a Region from the same sources as AWS's own tools: the environment, then the shared files.

It reads permanent and temporary keys. It does not support profiles that assume roles or call programs; the refusal says
so.
"""

import configparser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twinport.aws.sigv4 import Credentials
from twinport.errors import Refusal
from twinport.model.regions import HOME_REGION


class CredentialsNotFound(Refusal):
    """Neither the environment nor the shared files hold an access key."""

    def __init__(self, profile: str, files: str) -> None:
        super().__init__(
            f"no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write aws_access_key_id and "
            f"aws_secret_access_key of profile '{profile}' into {files} (profiles with role_arn or credential_process "
            "are not read)"
        )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment of the process, and the home folder of its user."""

    environment: Mapping[str, str]
    home: Path

    def credentials(self) -> Credentials:
        """Return an access key. Raises CredentialsNotFound."""
        found = self._from_environment() or self._from_profile()
        if found is None:
            raise CredentialsNotFound(self._profile, f"{self._credentials_file} or {self._config_file}")
        return found

    def region(self) -> str:
        """Return the Region for registries whose address names none."""
        named = self.environment.get("AWS_REGION") or self.environment.get("AWS_DEFAULT_REGION")
        return named or self._setting("region") or HOME_REGION

    @property
    def _profile(self) -> str:
        return self.environment.get("AWS_PROFILE") or self.environment.get("AWS_DEFAULT_PROFILE") or "default"

    @property
    def _credentials_file(self) -> Path:
        return Path(self.environment.get("AWS_SHARED_CREDENTIALS_FILE") or self.home / ".aws" / "credentials")

    @property
    def _config_file(self) -> Path:
        return Path(self.environment.get("AWS_CONFIG_FILE") or self.home / ".aws" / "config")

    def _from_environment(self) -> Credentials | None:
        key_id, secret = (self.environment.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        if not key_id or not secret:
            return None
        return Credentials(key_id, secret, self.environment.get("AWS_SESSION_TOKEN") or None)

    def _from_profile(self) -> Credentials | None:
        key_id, secret = self._setting("aws_access_key_id"), self._setting("aws_secret_access_key")
        if not key_id or not secret:
            return None
        return Credentials(key_id, secret, self._setting("aws_session_token"))

    def _setting(self, name: str) -> str | None:
        in_config = "default" if self._profile == "default" else f"profile {self._profile}"
        for file, section in ((self._credentials_file, self._profile), (self._config_file, in_config)):
            value = _read(file).get(section, name, fallback=None)
            if value:
                return value
        return None


def _read(file: Path) -> configparser.RawConfigParser:
    """Parse a shared file. A missing or unreadable file counts as empty."""
    parser = configparser.RawConfigParser()
    try:
        parser.read(file)
    except (configparser.Error, UnicodeDecodeError, OSError):
        return configparser.RawConfigParser()
    return parser
