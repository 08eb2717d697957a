"""`python -m twinport` is `twinport`."""

from twinport.cli import main

main()
