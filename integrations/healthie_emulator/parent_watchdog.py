"""Parent watchdog: ends the emulator when the process that started it is gone, for whatever reason."""

import os
import signal
import sys
import threading
import time

# Seconds that the server gets to finish its responses before it is ended.
GRACE_SECONDS = 5


def end_with_parent() -> None:
    """Watch standard input, which the parent keeps open and never writes to; its end stops this process."""
    threading.Thread(target=_watch, name="parent-watchdog", daemon=True).start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
