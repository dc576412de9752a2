#!/usr/bin/env python3
"""A server between a program and the S3 gateway, for tests of the network. Writes its port to PORTFILE.

  relay.py forward HOST PORTFILE TARGET_PORT AWAY   passes bytes on; while the file AWAY exists it resets
                                                    every connection
  relay.py proxy STATUS PORTFILE LOG                an HTTP proxy for CONNECT that answers with STATUS and
                                                    notes each request in LOG
  relay.py old-tls CERTIFICATE PORTFILE KEY         offers nothing newer than TLS 1.1
"""
import os
import socket
import ssl
import struct
import sys
import threading
import time


def listen(host, port_file):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind((host, 0))
    server.listen(64)
    with open(port_file + ".new", "w") as file:
        file.write(str(server.getsockname()[1]))
    os.rename(port_file + ".new", port_file)
    return server


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def copy(source, target, away):
    try:
        while data := source.recv(65536):
            if os.path.exists(away):
                break
            target.sendall(data)
    except OSError:
        pass
    for connection in (source, target):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def join(one, other, away=""):
    threads = [threading.Thread(target=copy, args=(one, other, away), daemon=True),
               threading.Thread(target=copy, args=(other, one, away), daemon=True)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if away and os.path.exists(away):
            break
        time.sleep(0.05)
    for connection in (one, other):
        reset(connection) if away and os.path.exists(away) else connection.close()


def forward(connection, port, away):
    if os.path.exists(away):
        reset(connection)
    else:
        join(connection, socket.create_connection(("127.0.0.1", port)), away)


def proxy(connection, status, log):
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(65536)
        if not data:
            return
        head += data
    line = head.split(b"\r\n", 1)[0].decode()
    with open(log, "a") as file:
        file.write(line + "\n")
    if status != "200" or not line.startswith("CONNECT "):
        connection.sendall(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        connection.close()
        return
    host, port = line.split(" ")[1].rsplit(":", 1)
    target = socket.create_connection((host, int(port)))
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    join(connection, target)


def old_tls(connection, context):
    try:
        context.wrap_socket(connection, server_side=True).close()
    except (OSError, ssl.SSLError):
        connection.close()


def main():
    mode, first, port_file, last = sys.argv[1:5]
    if mode == "forward":
        work, extra = forward, (int(last), sys.argv[5])
    elif mode == "proxy":
        work, extra = proxy, (first, last)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")  # without this OpenSSL does not do TLS 1.1 at all
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.load_cert_chain(first, last)
        work, extra = old_tls, (context,)
    server = listen(first if mode == "forward" else "127.0.0.1", port_file)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=work, args=(connection, *extra), daemon=True).start()


main()
