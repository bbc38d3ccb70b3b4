"""A web page from Python's own HTTP server and one package of this repository."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import greeting


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{greeting.hello('Python')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    # server_close waits for the requests that still run.
    daemon_threads = False


def main():
    server = Server(("", int(os.environ["PORT"])), Page)
    # shutdown waits for the loop to end, and the loop cannot end while a signal handler holds the main thread.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
