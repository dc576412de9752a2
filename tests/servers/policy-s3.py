#!/usr/bin/env python3
"""The S3 gateway as AWS is with a bucket policy that only denies: a server in front of it that refuses what the policy
says, and passes the rest on as it is. Ceph knows neither condition. Writes its port to PORTFILE.

  policy-s3.py PORTFILE POLICY      S3_ENDPOINT as for s3.py

What an operation is to a policy: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
A policy with anything that is not known here ends the program. Whole bodies in memory.
"""
import fnmatch
import http.server
import json
import os
import sys
import urllib.parse

import s3

PORT_FILE, POLICY = sys.argv[1:]
DENIED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>by the policy of the bucket</Message></Error>'


def context_of(method, query, headers):
    """The keys of the conditions; None for what is no s3:PutObject."""
    is_part = "partNumber" in query
    starts, completes = method == "POST" and "uploads" in query, method == "POST" and "uploadId" in query
    if not (method == "PUT" and (is_part or not query) or starts or completes):
        return None
    keys = {"s3:ObjectCreationOperation": "false" if is_part or starts else "true"}
    if headers["if-none-match"]:
        keys["s3:if-none-match"] = headers["if-none-match"]
    return keys


def holds(operator, key, wanted, keys):
    if key not in ("s3:if-none-match", "s3:ObjectCreationOperation"):
        raise ValueError(key)
    return {"Null": str(key not in keys).lower(), "Bool": keys.get(key)}[operator] == wanted


def denies(statement, path, keys):
    """Takes a statement of just this form."""
    effect, who, action = (statement[field] for field in ("Effect", "Principal", "Action"))
    if (effect, who, action) != ("Deny", "*", "s3:PutObject") or set(statement) - {
            "Sid", "Effect", "Principal", "Action", "Resource", "Condition"}:
        raise ValueError(statement)
    conditions = [holds(operator, key, wanted, keys) for operator, tests in statement["Condition"].items()
                  for key, wanted in tests.items()]
    return fnmatch.fnmatchcase("arn:aws:s3:::" + path, statement["Resource"]) and all(conditions)


with open(POLICY, encoding="utf-8") as file:
    STATEMENTS = json.load(file)["Statement"]
for one in STATEMENTS:
    denies(one, "", {})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path, _, query = self.path.partition("?")
        keys = context_of(self.command, urllib.parse.parse_qs(query, keep_blank_values=True), self.headers)
        name = urllib.parse.unquote(path).lstrip("/")
        if keys is not None and any(denies(statement, name, keys) for statement in STATEMENTS):
            self.reply(403, [("Content-Type", "application/xml")], DENIED)
            return
        connection = s3.connect()
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for header, value in self.headers.items():
            if header.lower() not in ("connection", "expect"):
                connection.putheader(header, value)
        connection.endheaders(body)
        reply = connection.getresponse()
        self.reply(reply.status, reply.getheaders(), reply.read())

    def reply(self, status, headers, data):
        self.send_response_only(status)
        length = str(len(data))
        for header, value in headers:
            if header.lower() == "content-length":
                length = value  # of a HEAD: there is no body
            elif header.lower() not in ("transfer-encoding", "connection"):
                self.send_header(header, value)
        self.send_header("Content-Length", length)
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
