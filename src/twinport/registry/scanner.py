"""The port of scanners: what finds vulnerabilities in an image. Implementation: `scan_documents`."""

from typing import Protocol

from twinport.model.scanning import Findings, ScannedImage, ScanType

# The most findings of one scan.
MOST_FINDINGS = 10_000


class Scanner(Protocol):
    async def scan(self, image: ScannedImage, scan_type: ScanType) -> Findings:
        """Return what is wrong with an image. It is canceled at the deadline that `scan_runs` sets.

        Raises ScanImpossible, whose message becomes the description of the failed scan, and Unavailable if the scan
        may succeed a moment later.
        """
        ...
