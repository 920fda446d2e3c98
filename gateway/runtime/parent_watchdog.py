"""The parent watchdog: ends a child process when its parent has ended, for whatever reason.

The parent holds the write end of the child's standard input and never writes. Its end, by kill -9 too, closes the pipe.
"""

import os
import signal
import sys
import threading
import time

# Seconds that a server gets to finish its responses before it is killed.
GRACE_SECONDS = 5


def end_with_parent() -> None:
    """Watch standard input in a thread; at its end, send this process SIGTERM, and exit it after the grace period."""
    threading.Thread(target=_watch, name="parent_watchdog", daemon=True).start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
