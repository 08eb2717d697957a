"""`twinport worker`: what runs beside the requests (couriers, sweeps, tasks), in a process that listens to nobody."""

import os

from twinport import signals, telemetry
from twinport.app import App
from twinport.config import Settings
from twinport.telemetry import Event


async def work(app: App, settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Couriers get a few seconds to finish what they carry."""
    try:
        with signals.ending(None) as ended:
            await app.background.start()
            telemetry.event(Event.WORKER_STARTED, data=str(settings.data), process=os.getpid())
            await ended.wait()
            await app.background.stop()
    finally:
        app.close()
    telemetry.event(Event.WORKER_STOPPED)
