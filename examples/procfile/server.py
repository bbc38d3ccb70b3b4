"""A web page that needs nothing but Python: what it says is in the file message.txt."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = Path("message.txt").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    # server_close waits for the requests that still run.
    daemon_threads = False


if __name__ == "__main__":
    server = Server(("", int(os.environ["PORT"])), Page)
    # shutdown waits for the loop to end, and the loop cannot end while a signal handler holds the main thread.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()
