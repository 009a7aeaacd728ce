"""`python forked_waitress.py PORT APPLICATION WORKERS THREADS`: waitress as it comes, forked.

It has no processes of its own. Its limit of connections is raised and poll() is used instead of
select(), as anybody has to who expects more than a hundred clients.
"""

import importlib
import os
import socket
import sys

import waitress


def main(port, name, workers, threads):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", int(port)))
    sock.listen(1024)
    children = [start(sock, name, int(threads)) for _ in range(int(workers))]
    for child in children:
        os.waitpid(child, 0)


def start(sock, name, threads):
    """Return the id of a process that serves."""
    child = os.fork()
    if child == 0:
        serve(sock, name, threads)
        os._exit(0)
    return child


def serve(sock, name, threads):
    module, _, attribute = name.partition(":")
    app = getattr(importlib.import_module(module), attribute)
    waitress.serve(
        app,
        sockets=[sock],
        threads=threads,
        connection_limit=10_000,
        asyncore_use_poll=True,
        backlog=1024,
        _quiet=True,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
