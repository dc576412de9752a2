#!/usr/bin/env python3
"""credential-server.py FOLDER STS_URL ROLE_ARN TOKEN SECONDS: hands out real credentials of a gateway that hold for SECONDS, in
the foreground, as two services do:

  /container                        the agent of a container; wants FOLDER/authorization in the header Authorization
  /latest/...                       the metadata service of an instance, version 2 only

The credentials come from STS for the web identity TOKEN. Writes FOLDER/port when it listens and
everything secret that it gives away to FOLDER/given, a line each."""
import http.server
import json
import re
import sys
import urllib.parse
import urllib.request

ROLE_PATH = "/latest/meta-data/iam/security-credentials/"


class Handler(http.server.BaseHTTPRequestHandler):
    folder = sts_url = role = token = seconds = ""

    def note(self, *secrets):
        with open(f"{self.folder}/given", "a", encoding="ascii") as file:
            file.writelines(f"{secret}\n" for secret in secrets)

    def credentials(self):
        form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": self.role,
                "RoleSessionName": "server", "DurationSeconds": self.seconds, "WebIdentityToken": self.token}
        with urllib.request.urlopen(self.sts_url, urllib.parse.urlencode(form).encode()) as reply:
            xml = reply.read().decode()
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
        values = {name: re.search(f"<{name}>(.*?)</{name}>", xml).group(1) for name in names}
        self.note(values["SecretAccessKey"], values["SessionToken"])
        values["Token"] = values.pop("SessionToken")
        values["Code"] = "Success"
        return json.dumps(values)

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        if self.path == "/latest/api/token" and self.headers.get("x-aws-ec2-metadata-token-ttl-seconds"):
            self.answer(200, "the-token-of-the-instance")
        else:
            self.answer(400, "")

    def do_GET(self):
        if self.path == "/container":
            with open(f"{self.folder}/authorization", encoding="ascii") as file:
                wanted = file.read().strip()
            if self.headers.get("Authorization") == wanted:
                self.answer(200, self.credentials())
            else:
                self.answer(400, '{"code":"InvalidToken","message":"another authorization is wanted"}')
        elif self.headers.get("x-aws-ec2-metadata-token") != "the-token-of-the-instance":
            self.answer(401, "")
        elif self.path == ROLE_PATH:
            self.answer(200, "backup-role")
        elif self.path == f"{ROLE_PATH}backup-role":
            self.answer(200, self.credentials())
        else:
            self.answer(404, "")


def main():
    (Handler.folder, Handler.sts_url, Handler.role, Handler.token, Handler.seconds) = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with open(f"{Handler.folder}/port", "w", encoding="ascii") as file:
        file.write(f"{server.server_port}\n")
    server.serve_forever()


if __name__ == "__main__":
    main()
