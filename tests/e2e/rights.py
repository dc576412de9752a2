#!/usr/bin/env python3
"""What the credentials in S3_ACCESS_KEY and S3_SECRET_KEY may do, asked of the server itself.

  rights.py refused < ACTS              ends well only when the server says AccessDenied to each: ACT [ARGUMENT...]
  rights.py allowed ACT [ARGUMENT...]   ends well only when it is done
  rights.py versions PREFIX             "KEY VERSION" of each stored version, the oldest last
  rights.py get-version KEY VERSION     its bytes on stdout
"""
import base64
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
import s3  # noqa: E402


def delete_objects(*keys):
    objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    body = f"<Delete>{objects}</Delete>".encode()
    reply = s3.request("POST", params={"delete": ""}, body=body, headers={
        "Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()})[0]
    if b"<Error>" in reply:
        sys.exit(f"403 {reply!r}" if b"AccessDenied" in reply else f"{reply!r}")


def complete_upload(key, upload):
    """Of one part, which is uploaded here."""
    etag = s3.request("PUT", key, {"partNumber": 1, "uploadId": upload}, b"overwritten")[1]["ETag"]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    s3.request("POST", key, {"uploadId": upload}, f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode())


def set_versioning(status):
    body = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
    s3.request("PUT", params={"versioning": ""}, body=body.encode())


def put_lifecycle():
    """Would let the server itself destroy everything, tomorrow."""
    body = (b"<LifecycleConfiguration><Rule><ID>x</ID><Prefix></Prefix><Status>Enabled</Status>"
            b"<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>")
    s3.request("PUT", params={"lifecycle": ""}, body=body, headers={
        "Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()})


def set_policy():
    s3.request("PUT", params={"policy": ""}, body=(
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", '
        f'"Resource": "arn:aws:s3:::{s3.BUCKET}/*"}}]}}').encode())


def done(_):
    """Nothing to print."""


def versions(prefix):
    """(key, version) of each stored version, no delete markers. The server lists the newest first."""
    page = s3.parse_xml(s3.request("GET", params={"versions": "", "prefix": prefix})[0])
    assert page.findtext("IsTruncated") == "false"
    return [(v.findtext("Key"), v.findtext("VersionId")) for v in page.iter("Version")]


ACTS = {
    "make-bucket": lambda: done(s3.request("PUT")),
    "make-locked-bucket": lambda: done(s3.request("PUT", headers={"x-amz-bucket-object-lock-enabled": "true"})),
    "get": lambda key: done(s3.request("GET", key)),
    "put": lambda key: done(s3.request("PUT", key, body=b"overwritten")),
    "copy": lambda source, key: done(s3.request("PUT", key, headers={"x-amz-copy-source": f"/{s3.BUCKET}/{source}"})),
    "create-upload": s3.start_upload,
    "put-new": lambda key: done(s3.request("PUT", key, body=b"overwritten", headers={"If-None-Match": "*"})),
    "complete-upload": complete_upload,
    "put-part": lambda key, upload: done(s3.request("PUT", key, {"partNumber": 1, "uploadId": upload}, b"part")),
    "delete": lambda key: done(s3.request("DELETE", key)),
    "delete-objects": delete_objects,
    "delete-version": lambda key, version: done(s3.request("DELETE", key, {"versionId": version})),
    "bypass-lock": lambda key, version: done(s3.request(
        "DELETE", key, {"versionId": version}, headers={"x-amz-bypass-governance-retention": "true"})),
    "list": lambda *prefix: done(s3.request("GET", params={"list-type": 2, **({"prefix": prefix[0]} if prefix else {})})),
    "list-versions": lambda prefix: done(s3.request("GET", params={"versions": "", "prefix": prefix})),
    "versioning": set_versioning,
    "lifecycle": put_lifecycle,
    "policy": set_policy,
    "remove-bucket": lambda: done(s3.request("DELETE")),
}


def expect_refusal(act, *args):
    try:
        ACTS[act](*args)
    except SystemExit as end:
        if "403" in str(end) and "AccessDenied" in str(end):
            return
        sys.exit(f"failed for another reason: {end}")
    sys.exit(f"was allowed: {act} {' '.join(args)}")


def main(verb, *args):
    if verb == "versions":
        print("".join(f"{key} {version}\n" for key, version in versions(*args)), end="")
    elif verb == "get-version":
        sys.stdout.buffer.write(s3.request("GET", args[0], {"versionId": args[1]})[0])
    elif verb == "allowed":
        print(ACTS[args[0]](*args[1:]) or "", end="")
    elif verb == "refused":
        for line in sys.stdin:
            expect_refusal(*line.split())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:] or ["help"])
