"""Operations on credential reports."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import iam
from twinport.identities.credential_reports import CredentialReports


@dataclass(frozen=True, slots=True)
class CredentialReportOperations:
    reports: CredentialReports

    def table(self) -> Mapping[str, Handler[Call]]:
        return {"GenerateCredentialReport": self.generate, "GetCredentialReport": self.get}

    async def generate(self, call: Call, _: Mapping[str, object]) -> iam.GenerateCredentialReportResponse:
        """Make the report at once: a client that polls for `COMPLETE` gets it at the first attempt."""
        await self.reports.generate(call.caller)
        return {"State": "COMPLETE"}

    async def get(self, call: Call, _: Mapping[str, object]) -> iam.GetCredentialReportResponse:
        report = await self.reports.get(call.caller)
        return {"Content": report.content.encode(), "ReportFormat": "text/csv", "GeneratedTime": report.generated_at}
