"""`python -m twinport` is `twinport`."""

from twinport.entry import main

main()
