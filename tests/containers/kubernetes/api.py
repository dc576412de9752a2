#!/usr/bin/env python3
"""api.py PORTFILE MANIFESTS JOBS: as much of the Kubernetes API as `kubectl create job --from=cronjob/NAME` asks for.
Serves the CronJobs of rendered manifests, and writes what is created to JOBS, one JSON document a line."""
import http.server
import json
import os
import sys

import yaml

PORT_FILE, MANIFESTS, JOBS = sys.argv[1:]
with open(MANIFESTS, encoding="utf-8") as file:
    CRON_JOBS = {document["metadata"]["name"]: document for document in yaml.safe_load_all(file)
                 if document["kind"] == "CronJob"}
BATCH = {"groupVersion": "batch/v1", "version": "v1"}
DISCOVERY = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
    "/apis": {"kind": "APIGroupList", "groups": [{"name": "batch", "versions": [BATCH], "preferredVersion": BATCH}]},
    "/apis/batch/v1": {"kind": "APIResourceList", "groupVersion": "batch/v1", "resources": [
        {"name": kind.lower() + "s", "namespaced": True, "kind": kind, "verbs": ["get", "create"]}
        for kind in ["CronJob", "Job"]]},
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        found = DISCOVERY.get(path)
        if path.startswith("/apis/batch/v1/namespaces/backups/cronjobs/"):
            found = CRON_JOBS.get(path.rsplit("/", 1)[1])
        self.answer(*((200, found) if found else (404, {"kind": "Status", "status": "Failure", "code": 404})))

    def do_POST(self):
        job = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with open(JOBS, "a", encoding="utf-8") as jobs:
            jobs.write(json.dumps(job) + "\n")
        self.answer(201, job)

    def answer(self, status, document):
        data = json.dumps({"apiVersion": "v1", **document}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(PORT_FILE + ".new", "w", encoding="utf-8") as file:
    file.write(str(server.server_address[1]))
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
