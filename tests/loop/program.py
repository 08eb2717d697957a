"""`twinport` with an event loop whose long turns are written to the file that LOOP_TURNS names.

python -m tests.loop.program serve --data FOLDER --listen HOST:PORT
"""

import asyncio
import os
from pathlib import Path

from tests.loop.turns import WatchedPolicy
from twinport.cli import main

if __name__ == "__main__":
    asyncio.set_event_loop_policy(WatchedPolicy(Path(os.environ["LOOP_TURNS"])))
    main()
