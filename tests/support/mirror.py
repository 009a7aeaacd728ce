"""A package index on this machine, and the lock of what it has: tests need no network."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from eggcrate import filenames, lockfile
from eggcrate.lockfile import File, Lock


class Mirror(ThreadingHTTPServer):
    """Serve the files of a folder as an index (PEP 503, 691); remember what was asked for."""

    daemon_threads = True

    def __init__(self, folder: Path, *, html: bool = False, hashes: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.html = html
        self.hashes = hashes
        self.requests: list[str] = []
        # What a test wants said of a file, whatever it is: its sha256, by its name.
        self.claims: dict[str, str] = {}
        self.gate = threading.Event()  # while it is cleared, no file is handed out
        self.gate.set()
        self.broken = False  # connections are closed without an answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple"

    def files(self, project: str) -> list[Path]:
        found = sorted(self.folder.iterdir())
        return [path for path in found if project_of(path) == project]


class _Handler(BaseHTTPRequestHandler):
    server: Mirror
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.server.broken:
            self.close_connection = True
            return
        kind, _, name = self.path.strip("/").partition("/")
        if kind == "simple":
            self._page(self.server.files(name))
        elif (self.server.folder / name).is_file():
            self.server.gate.wait(60)
            self._answer((self.server.folder / name).read_bytes(), "application/octet-stream")
        else:
            self.send_error(404)

    def _page(self, files: list[Path]) -> None:
        if not files:
            self.send_error(404)
        elif self.server.html:
            self._answer("".join(map(self._anchor, files)).encode(), "text/html")
        else:
            page = {"meta": {"api-version": "1.0"}, "files": [self._entry(path) for path in files]}
            self._answer(json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")

    def _entry(self, path: Path) -> dict[str, object]:
        return {"filename": path.name, "url": f"/files/{path.name}", "hashes": self._hashes(path)}

    def _anchor(self, path: Path) -> str:
        fragment = "".join(f"#{kind}={value}" for kind, value in self._hashes(path).items())
        return f'<a href="/files/{path.name}{fragment}">{path.name}</a>\n'

    def _hashes(self, path: Path) -> dict[str, str]:
        if not self.server.hashes:
            return {}
        return {"sha256": self.server.claims.get(path.name) or sha256(path)}

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serve(folder: Path, **kwargs: bool) -> Iterator[Mirror]:
    """Serve a folder for as long as the block lasts."""
    with Mirror(folder, **kwargs) as mirror:
        thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield mirror
        finally:
            mirror.shutdown()
            thread.join()


def flip(path: Path) -> None:
    """Change one byte of a file; a hard link elsewhere keeps the old one."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def project_of(path: Path) -> str:
    name = path.name.partition("-")[0] if path.suffix == ".whl" else path.name.rpartition("-")[0]
    return lockfile.normalised(name)


def lock(folder: Path) -> str:
    """Return the text of a versions.lock that has all files of a folder."""
    entries: dict[tuple[str, str], tuple[File, ...]] = {}
    for path in sorted(folder.iterdir()):
        project = project_of(path)
        key = (project, filenames.version(path.name, project) or "")
        entries[key] = (*entries.get(key, ()), File(path.name, sha256(path)))
    return lockfile.dumps(Lock(entries))
