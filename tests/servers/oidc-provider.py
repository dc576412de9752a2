#!/usr/bin/env python3
"""oidc-provider.py FOLDER PORT                     serves what a gateway wants from an OpenID provider, in the foreground
oidc-provider.py FOLDER PORT --token [SECONDS]   prints a web identity token that holds so long (900)

The provider is http://127.0.0.1:PORT; FOLDER has its oidc.key and oidc.crt. The token is for the audience
backup-client, signed with RS256, made by the openssl program.
https://openid.net/specs/openid-connect-discovery-1_0.html"""
import base64
import http.server
import json
import subprocess
import sys
import time

AUDIENCE = "backup-client"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def make_token(folder, issuer, seconds):
    now = int(time.time())
    claims = {"iss": issuer, "sub": "backup", "aud": AUDIENCE, "azp": AUDIENCE, "client_id": AUDIENCE,
              "app_id": AUDIENCE, "iat": now, "nbf": now - 5, "exp": now + seconds}
    header = {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    message = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    signature = openssl("dgst", "-sha256", "-sign", f"{folder}/oidc.key", data=message.encode())
    return f"{message}.{base64url(signature)}"


def documents(folder, issuer):
    with open(f"{folder}/oidc.crt", encoding="ascii") as file:
        certificate = "".join(line for line in file.read().splitlines() if not line.startswith("-"))
    modulus = openssl("x509", "-in", f"{folder}/oidc.crt", "-noout", "-modulus").decode().split("=")[1]
    key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "e": "AQAB",
           "n": base64url(bytes.fromhex(modulus.strip())), "x5c": [certificate]}
    configuration = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks", "subject_types_supported": ["public"],
                     "response_types_supported": ["id_token"],
                     "id_token_signing_alg_values_supported": ["RS256"]}
    return {"/.well-known/openid-configuration": configuration, "/jwks": {"keys": [key]}}


class Handler(http.server.BaseHTTPRequestHandler):
    documents = {}

    def do_GET(self):
        document = self.documents.get(self.path.split("?")[0])
        body = json.dumps(document or {}).encode()
        self.send_response(200 if document else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    folder, port = sys.argv[1], int(sys.argv[2])
    issuer = f"http://127.0.0.1:{port}"
    if "--token" in sys.argv:
        print(make_token(folder, issuer, int(sys.argv[4]) if len(sys.argv) > 4 else 900))
        return
    Handler.documents = documents(folder, issuer)
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
