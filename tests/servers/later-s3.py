#!/usr/bin/env python3
"""The S3 gateway as it will be: a server in front of it whose clock is ahead. Writes its port to PORTFILE.

  later-s3.py PORTFILE SECONDS KEY...   KEY: ACCESS_KEY:SECRET_KEY, one for each user of the program

What is young becomes old for a program whose own clock is as far ahead (faketime), without waiting:
requests are signed again with the time of the real server, and replies have a Date that is so much
later. S3_ENDPOINT and S3_REGION as for s3.py. Whole bodies in memory: for listings and removals.
"""
import email.utils
import http.server
import os
import re
import sys
import time

import s3

PORT_FILE, AHEAD = sys.argv[1], int(sys.argv[2])
SECRETS = dict(key.split(":", 1) for key in sys.argv[3:])
PASSED_ON = ("content-md5", "content-type", "range")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        access_key = re.search("Credential=([^/]*)/", self.headers["authorization"])[1]
        os.environ["S3_ACCESS_KEY"], os.environ["S3_SECRET_KEY"] = access_key, SECRETS[access_key]
        path, _, query = self.path.partition("?")
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = {name: self.headers[name] for name in PASSED_ON if self.headers[name]}
        headers |= {"x-amz-date": now, "x-amz-content-sha256": s3.UNSIGNED, "Content-Length": str(len(body))}
        headers["Authorization"] = s3.authorization(self.command, path, query, headers)
        connection = s3.connect()
        connection.request(self.command, self.path, body, headers)
        self.pass_back(connection.getresponse())

    def pass_back(self, reply):
        data = reply.read()
        self.send_response_only(reply.status, reply.reason)
        for name, value in reply.getheaders():
            if name.lower() == "date":
                time_there = email.utils.parsedate_to_datetime(value).timestamp()
                value = email.utils.formatdate(time_there + AHEAD, usegmt=True)
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if not reply.getheader("content-length"):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(PORT_FILE + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
