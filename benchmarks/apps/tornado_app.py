"""The application in Tornado. `python tornado_app.py PORT PROCESSES` serves it, by Tornado."""

import asyncio
import sys

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.process import fork_processes
from tornado.web import Application, RequestHandler

from common import HELLO, ITEMS, TITLE, describe


class Index(RequestHandler):
    def get(self):
        self.write(HELLO)


class Environ(RequestHandler):
    def get(self):
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.write(describe(variables(self.request)))


class Template(RequestHandler):
    def get(self):
        self.render("tornado.html", title=TITLE, items=ITEMS)


def variables(request):
    """Return the request in the words of PEP 3333."""
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.get_all()
    }
    return {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "SERVER_PROTOCOL": request.version,
        **headers,
    }


def make_app():
    routes = [("/", Index), ("/environ", Environ), ("/template", Template)]
    return Application(routes, template_path="templates")


async def serve(sockets):
    HTTPServer(make_app()).add_sockets(sockets)
    await asyncio.Event().wait()


if __name__ == "__main__":
    port, processes = map(int, sys.argv[1:])
    sockets = bind_sockets(port, "127.0.0.1", backlog=1024)
    if processes > 1:
        fork_processes(processes)
    asyncio.run(serve(sockets))
