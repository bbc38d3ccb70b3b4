"""A continuous job: works until it is told to stop."""

import os
import signal
import threading

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())

while True:
    print("looking for", os.environ["TOPIC"], flush=True)
    if stop.wait(timeout=30):
        break
