#!/usr/bin/env python3
"""A web service that is told of runs, and that can misbehave. Writes its port to FOLDER/port.

  receiver.py FOLDER

Each request is a line of JSON in FOLDER/requests: method, path, authorization, body. FOLDER/answers says how to answer
the next requests, a word each: a status such as 500, or `hang`, `close`, `endless`, `slow`. The last word counts for all
that follow; without that file it is 200.
"""
import http.server
import json
import pathlib
import sys
import threading
import time

FOLDER = pathlib.Path(sys.argv[1])
LOCK = threading.Lock()


def next_answer():
    """Returns the first word of FOLDER/answers, and removes it unless it is the last."""
    file = FOLDER / "answers"
    words = file.read_text().split() if file.exists() else ["200"]
    if len(words) > 1:
        file.write_text(" ".join(words[1:]))
    return words[0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def note(self, body):
        line = {"method": self.command, "path": self.path, "authorization": self.headers["authorization"],
                "title": self.headers["title"], "body": body.decode()}
        with open(FOLDER / "requests", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with LOCK:
            self.note(body)
            word = next_answer()
        self.close_connection = True
        if word == "hang":
            time.sleep(600)
        elif word == "endless":
            self.send_response(500)
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 65536)
        elif word == "slow":
            self.send_response(500)
            self.end_headers()
            while True:
                self.wfile.write(b"x")
                time.sleep(1)
        elif word != "close":
            self.send_response(int(word))
            if word.startswith("3"):
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # the client has gone


with Server(("127.0.0.1", 0), Handler) as server:
    (FOLDER / "port.new").write_text(str(server.server_port))
    (FOLDER / "port.new").rename(FOLDER / "port")
    server.serve_forever()
