"""A child's tie to its parent: when the parent is gone, however it went, the child goes too.

The parent keeps the write end of the child's standard input and never writes. Its death, kill -9 included, closes it.
"""

import os
import signal
import sys
import threading
import time

# What a server gets to finish its answers before it is ended.
GRACE_SECONDS = 5


def end_with_parent() -> None:
    """Watch standard input from a thread; its end stops this process, gently first."""
    threading.Thread(target=_alert_service, name="tether", daemon=True).start()


def _alert_service() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
