"""`twinport worker`: the background work (couriers, collections, tasks) in a process that serves no clients."""

import os
from datetime import timedelta

from twinport.composition.app import App
from twinport.composition.node_drain import NodeDrain
from twinport.http.metrics_listener import metrics_shown
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.processes import signals
from twinport.processes.supervisor import ParentWatch
from twinport.settings.loading import Settings

# We promise five seconds from SIGTERM to the end. The first limit is for couriers, the second for the databases.
_GRACE = timedelta(seconds=4)
_CLOSING = timedelta(seconds=0.4)


async def work(app: App, settings: Settings, parent: ParentWatch | None = None) -> None:
    """Work until SIGTERM or SIGINT, or the end of the parent. Couriers get a few seconds to finish what they carry.

    A parent passes SIGHUP on to all of its processes; it means nothing here.

    Raises WriterDied after an orderly end because of a broken part.
    """
    try:
        lifeline, has_parent = (None, False) if parent is None else (parent.lifeline, True)
        with signals.ending(lifeline) as ended, signals.hangups(has_parent):
            app.breakdown.on_report(signals.setter(ended))
            drain = NodeDrain(app)
            drain.listen()
            if await signals.unless(ended, app.tasks.start()):
                async with metrics_shown(app.metrics_application, settings), drain.followed():
                    telemetry.event(Event.WORKER_STARTED, data=str(settings.data), process=os.getpid())
                    await ended.wait()
            await app.tasks.stop(_GRACE)
    finally:
        app.close(_CLOSING)
    telemetry.event(Event.WORKER_STOPPED)
    app.breakdown.check()
