#!/usr/bin/env python3
"""A small S3 client of the tests' own, so that no test looks at the bucket through the code under test.

Standard library only, path style, signature version 4. S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY,
S3_SECRET_KEY, S3_REGION, S3_CA_FILE from the environment.

  s3.py ls [PREFIX]                    "SIZE KEY" of each object, sorted
  s3.py uploads [PREFIX]               "KEY UPLOAD_ID" of each unfinished multipart upload
  s3.py get KEY                        the object on stdout
  s3.py download PREFIX FOLDER         every object below PREFIX, which is taken off its name
  s3.py put KEY...                     stdin as each of these objects
  s3.py copy-folder FOLDER FOLDER...   every object of the first folder also in each of the others
  s3.py start-upload KEY               an upload with one part that nobody finishes
  s3.py rm PREFIX                      removes objects and aborts uploads
  s3.py head KEY                       its metadata, one "name: value" a line, names in lower case
  s3.py make-bucket [plain|versions|lock]   the bucket itself, with versioning, with Object Lock
  s3.py versions [PREFIX]              "KEY VERSION_ID version|marker" of each, sorted
  s3.py rm-versions PREFIX             removes them all, locked ones (GOVERNANCE) too
  s3.py put-file FILE KEY CONNECTIONS PART_MIB   multipart upload, for measuring what the server can do
  s3.py serve PORT_FILE                runs verbs for clients that start faster than Python; its port goes into the
                                       file. POST with fields: word (the verb, each argument), S3_*, stdin (a file). The
                                       reply is what the verb prints, or 500 where it fails, which stderr tells.
"""
import hashlib
import hmac
import http.client
import http.server
import io
import mmap
import os
import re
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree

ENDPOINT = urllib.parse.urlsplit(os.environ.get("S3_ENDPOINT", ""))
BUCKET = os.environ.get("S3_BUCKET")
REGION = os.environ.get("S3_REGION") or "us-east-1"
UNSIGNED = "UNSIGNED-PAYLOAD"


def connect():
    if ENDPOINT.scheme == "http":
        return http.client.HTTPConnection(ENDPOINT.netloc, timeout=120)
    context = ssl.create_default_context(cafile=os.environ.get("S3_CA_FILE"))
    return http.client.HTTPSConnection(ENDPOINT.netloc, timeout=120, context=context)


def authorization(method, path, query, headers):
    """Signs the host and every x-amz- header, as servers may ask for."""
    now = headers["x-amz-date"]
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    signed = {"host": ENDPOINT.netloc,
              **{name.lower(): value for name, value in headers.items() if name.lower().startswith("x-amz-")}}
    names = ";".join(sorted(signed))
    canonical = "\n".join([method, path, query, *(f"{name}:{signed[name]}" for name in sorted(signed)), "",
                           names, UNSIGNED])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = ("AWS4" + os.environ["S3_SECRET_KEY"]).encode()
    for step in scope.split("/"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}".encode(), hashlib.sha256)
    return (f"AWS4-HMAC-SHA256 Credential={os.environ['S3_ACCESS_KEY']}/{scope}, "
            f"SignedHeaders={names}, Signature={signature.hexdigest()}")


def request(method, key="", params=None, body=b"", headers=None, connection=None):
    """One signed request; returns (body, headers) or ends the program."""
    path = urllib.parse.quote(f"/{BUCKET}" + (f"/{key}" if key else ""), safe="/~")
    query = "&".join(f"{urllib.parse.quote(k, safe='')}={urllib.parse.quote(str(v), safe='')}"
                     for k, v in sorted((params or {}).items()))
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    all_headers = {"x-amz-date": now, "x-amz-content-sha256": UNSIGNED,
                   "Content-Length": str(len(body)), **(headers or {})}
    all_headers["Authorization"] = authorization(method, path, query, all_headers)
    connection = connection or connect()
    connection.request(method, path + ("?" + query if query else ""), body, all_headers)
    reply = connection.getresponse()
    data = reply.read()
    if reply.status >= 300:
        sys.exit(f"s3.py: {method} {path}?{query}: {reply.status} {data[:300]!r}")
    return data, reply.headers


def parse_xml(data):
    return xml.etree.ElementTree.fromstring(re.sub(rb' xmlns="[^"]+"', b"", data, count=1))


def list_objects(prefix):
    """(key, size) of each object."""
    params = {"list-type": 2, "prefix": prefix}
    found = []
    while True:
        page = parse_xml(request("GET", params=params)[0])
        found += [(o.findtext("Key"), int(o.findtext("Size"))) for o in page.iter("Contents")]
        if page.findtext("IsTruncated") != "true":
            return sorted(found)
        params["continuation-token"] = page.findtext("NextContinuationToken")


def list_uploads(prefix):
    page = parse_xml(request("GET", params={"uploads": "", "prefix": prefix})[0])
    return [(u.findtext("Key"), u.findtext("UploadId")) for u in page.iter("Upload")]


def remove(prefix):
    connection = connect()
    for key, _ in list_objects(prefix):
        request("DELETE", key, connection=connection)
    for key, upload in list_uploads(prefix):
        request("DELETE", key, {"uploadId": upload}, connection=connection)


def copy_folder(source, *targets):
    """Server-side copies, a few at a time. A manifest says the new folder's id."""
    names = [key[len(source):] for key, _ in list_objects(source.rstrip("/") + "/")]
    manifest = request("GET", source + "/manifest.json")[0] if "/manifest.json" in names else b""
    todo = iter([(target, name) for target in targets for name in names])

    def copy(connection, job):
        target, name = job
        if name == "/manifest.json":
            old, new = (folder.rsplit("/", 1)[1].encode() for folder in (source, target))
            request("PUT", target + name, body=manifest.replace(old, new), connection=connection)
        else:
            path = urllib.parse.quote(f"/{BUCKET}/{source}{name}", safe="/~")
            request("PUT", target + name, connection=connection,
                    headers={"x-amz-copy-source": path})

    in_parallel(8, todo, copy)


def in_parallel(count, jobs, work):
    """Calls work(connection, job) for each job from `count` threads; the first failure ends the program."""
    lock, failed = threading.Lock(), []

    def run():
        connection = connect()
        while not failed:
            with lock:
                job = next(jobs, None)
            if job is None:
                return
            try:
                work(connection, job)
            except BaseException as error:  # SystemExit of request() included
                failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def download(prefix, folder):
    def fetch(connection, key):
        path = os.path.join(folder, key[len(prefix):])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(request("GET", key, connection=connection)[0])

    in_parallel(4, iter([key for key, _ in list_objects(prefix)]), fetch)


def start_upload(key):
    return parse_xml(request("POST", key, {"uploads": ""})[0]).findtext("UploadId")


def make_bucket(kind="plain"):
    headers = {"x-amz-bucket-object-lock-enabled": "true"} if kind == "lock" else None
    request("PUT", headers=headers)
    if kind == "versions":
        request("PUT", params={"versioning": ""}, body=b"<VersioningConfiguration>"
                b"<Status>Enabled</Status></VersioningConfiguration>")


def list_versions(prefix):
    """(key, version id, version or marker) of each."""
    params = {"versions": "", "prefix": prefix}
    found = []
    while True:
        page = parse_xml(request("GET", params=params)[0])
        for tag, kind in (("Version", "version"), ("DeleteMarker", "marker")):
            found += [(v.findtext("Key"), v.findtext("VersionId"), kind) for v in page.iter(tag)]
        if page.findtext("IsTruncated") != "true":
            return sorted(found)
        params["key-marker"] = page.findtext("NextKeyMarker")
        params["version-id-marker"] = page.findtext("NextVersionIdMarker")


def put_file(path, key, connections, part_mib):
    part = int(part_mib) << 20
    size = os.path.getsize(path)
    upload = start_upload(key)
    etags = {}
    with open(path, "rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))

    def put_part(connection, number):
        chunk = data[(number - 1) * part:number * part]
        etags[number] = request("PUT", key, {"partNumber": number, "uploadId": upload}, chunk,
                                connection=connection)[1]["ETag"]

    in_parallel(int(connections), iter(range(1, -(-size // part) + 1)), put_part)
    parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etags[n]}</ETag></Part>"
                    for n in sorted(etags))
    request("POST", key, {"uploadId": upload},
            f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode())


class Verb(http.server.BaseHTTPRequestHandler):
    """One verb, in a process of its own, which the settings of the request are the environment of."""

    def do_POST(self):
        global ENDPOINT, BUCKET
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        fields = urllib.parse.parse_qs(body, keep_blank_values=True)
        os.environ.update((name, values[0]) for name, values in fields.items() if name.startswith("S3_"))
        ENDPOINT, BUCKET = urllib.parse.urlsplit(os.environ["S3_ENDPOINT"]), os.environ["S3_BUCKET"]
        sys.stdin = open(fields.get("stdin", [os.devnull])[0])
        sys.stdout = io.TextIOWrapper(io.BytesIO(), write_through=True)
        status = 200
        try:
            main(*fields["word"])
        except BaseException as error:  # SystemExit of request() included
            status = 500
            print(repr(error), file=sys.stderr, flush=True)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(sys.stdout.buffer.getvalue())

    def log_message(self, *_):
        pass


class Server(socketserver.ForkingMixIn, http.server.HTTPServer):
    pass


def serve(port_file):
    server = Server(("127.0.0.1", 0), Verb)
    with open(port_file + ".new", "w") as file:
        file.write(str(server.server_port))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()


def main(verb, *args):
    if verb == "ls":
        print("".join(f"{size} {key}\n" for key, size in list_objects(*args or [""])), end="")
    elif verb == "uploads":
        print("".join(f"{key} {upload}\n" for key, upload in list_uploads(*args or [""])), end="")
    elif verb == "get":
        sys.stdout.buffer.write(request("GET", args[0])[0])
    elif verb == "download":
        download(*args)
    elif verb == "put":
        body = sys.stdin.buffer.read()
        in_parallel(8, iter(args), lambda connection, key: request("PUT", key, body=body, connection=connection))
    elif verb == "copy-folder":
        copy_folder(*args)
    elif verb == "start-upload":
        upload = start_upload(args[0])
        request("PUT", args[0], {"partNumber": 1, "uploadId": upload}, b"never finished")
    elif verb == "rm":
        remove(args[0])
    elif verb == "head":
        print("".join(f"{name.lower()}: {value}\n"
                      for name, value in request("HEAD", args[0])[1].items()), end="")
    elif verb == "make-bucket":
        make_bucket(*args)
    elif verb == "versions":
        print("".join(f"{' '.join(v)}\n" for v in list_versions(*args or [""])), end="")
    elif verb == "rm-versions":
        for key, version, _ in list_versions(args[0]):
            request("DELETE", key, {"versionId": version},
                    headers={"x-amz-bypass-governance-retention": "true"})
    elif verb == "put-file":
        put_file(*args)
    elif verb == "serve":
        serve(*args)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:] or ["help"])
