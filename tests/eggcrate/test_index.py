import base64
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eggcrate import index
from eggcrate.index import Index, UnavailableError
from eggcrate.lockfile import File
from support import tools

A, B = "a" * 64, "b" * 64
JSON = "application/vnd.pypi.simple.v1+json"


class Server(ThreadingHTTPServer):
    """Answers each path with the (status, headers, body) that a test gives it."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {}
        self.requests = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def page(self, path, *names, sha256=A):
        body = "".join(f'<a href="/files/{name}#sha256={sha256}">{name}</a>' for name in names)
        self.answers[path] = (200, {"Content-Type": "text/html"}, body.encode())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append((self.path, self.headers))
        status, headers, body = self.server.answers.get(self.path, (404, {}, b""))
        self.send_response(status)
        usual = {"Connection": "close", "Content-Length": str(len(body))}
        for name, value in {**usual, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def session(monkeypatch):
    with tools.session(monkeypatch) as session:
        yield session


@pytest.fixture
def at(server, session):
    """An index on the server, and what else is given."""
    return lambda **kwargs: Index(session, [f"{server.url}/simple/"], **kwargs)


@pytest.fixture
def nowhere():
    """The URL of a port on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


def broken(call, *args, **kwargs):
    with pytest.raises(UnavailableError) as caught:
        call(*args, **kwargs)
    text = str(caught.value)
    assert "\n" not in text
    return text


# --- pages ---------------------------------------------------------------------------------------


def test_html(server, at):
    server.page(
        "/simple/zope-interface/", "zope_interface-1.zip", "zope.interface-2.zip", "z-1.zip"
    )
    files = at().files("Zope.Interface", complete=True)
    assert files.keys() == {"zope_interface-1.zip", "zope.interface-2.zip"}
    assert files["zope_interface-1.zip"].url == f"{server.url}/files/zope_interface-1.zip"
    assert files["zope_interface-1.zip"].sha256 == A


def test_json_is_asked_for_first(server, at):
    page = {"files": [{"filename": "a-1.zip", "url": "../../a-1.zip", "hashes": {"sha256": B}}]}
    server.answers["/simple/a/"] = (200, {"Content-Type": JSON}, json.dumps(page).encode())
    [link] = at().files("a").values()
    assert (link.url, link.sha256) == (f"{server.url}/a-1.zip", B)
    [(_, headers)] = server.requests
    assert headers["Accept"].startswith(JSON)
    assert "text/html" in headers["Accept"]


def test_a_redirected_page_is_relative_to_where_it_is(server, at):
    server.answers["/simple/a/"] = (302, {"Location": "/moved/a/"}, b"")
    server.answers["/moved/a/"] = (200, {"Content-Type": "text/html"}, b'<a href="a-1.zip">')
    assert at().files("a")["a-1.zip"].url == f"{server.url}/moved/a/a-1.zip"


def test_an_unknown_project_has_no_files(at):
    assert at().files("a", complete=True) == {}


def test_a_page_is_read_once(server, at):
    server.page("/simple/a/", "a-1.zip")
    places = at()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: places.files("a"), range(16)))
    assert all(files == found[0] for files in found)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((500, {}, b""), "too many 500 error responses"),
        ((403, {}, b""), "403 Forbidden"),
        ((200, {"Content-Type": JSON}, b'{"files": 1'), "cannot understand"),
        ((200, {"Content-Type": "image/png"}, b"x"), "image/png is no list of files"),
        ((200, {"Content-Type": "text/html", "Content-Length": "99"}, b"<a"), "2 bytes read"),
        ((302, {"Location": "/simple/a/"}, b""), "30 redirects"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "302 Found"),
    ],
)
def test_what_goes_wrong_is_one_line_with_the_address(server, at, answer, why):
    server.answers["/simple/a/"] = answer
    text = broken(at().files, "a")
    assert why in text
    assert f"{server.url}/simple/a/" in text


def test_nobody_there(session, nowhere):
    text = broken(Index(session, [nowhere]).files, "a")
    assert text == f"cannot get {nowhere}/a/: Connection refused"


def test_credentials_are_used_and_not_shown(server, session):
    server.answers["/simple/a/"] = (401, {"WWW-Authenticate": "Basic"}, b"")
    url = server.url.replace("://", "://me:secret@")
    text = broken(Index(session, [f"{url}/simple"]).files, "a")
    assert "401" in text
    assert "secret" not in text
    assert server.requests[-1][1]["Authorization"] == (
        f"Basic {base64.b64encode(b'me:secret').decode()}"
    )


# --- several places ------------------------------------------------------------------------------


def test_an_index_comes_before_find_links_and_a_hash_before_none(server, at, tmp_path):
    server.page("/simple/a/", "a-1.zip", "a-2.zip")
    server.answers["/links"] = (
        200,
        {"Content-Type": "text/html"},
        b'<a href="a-3.zip"><a href="b-1.zip">',
    )
    for name in ("a-2.zip", "a-3.zip", "a-4.zip", "b-1.zip"):
        (tmp_path / name).touch()
    files = at(find_links=[f"{server.url}/links", str(tmp_path)]).files("a", complete=True)
    assert {name: link.url for name, link in files.items()} == {
        "a-1.zip": f"{server.url}/files/a-1.zip",
        "a-2.zip": f"{server.url}/files/a-2.zip",
        "a-3.zip": f"{server.url}/a-3.zip",
        "a-4.zip": (tmp_path / "a-4.zip").as_uri(),
    }


def test_a_hash_of_a_later_place_counts(server, session, tmp_path):
    (tmp_path / "a-1.zip").touch()
    server.page("/a.html", "a-1.zip")
    places = Index(session, find_links=[str(tmp_path), f"{server.url}/a.html"])
    assert places.files("a")["a-1.zip"].sha256 == A


def test_a_place_that_fails_matters_only_if_it_must(server, at, nowhere):
    server.page("/simple/a/", "a-1.zip")
    places = at(find_links=[nowhere])
    assert places.files("a").keys() == {"a-1.zip"}
    assert "Connection refused" in broken(places.files, "a", complete=True)
    assert "Connection refused" in broken(places.files, "b")


def test_folders_are_indexes_too(tmp_path):
    """As `pip download` and others leave them: with an index.html, or only with files."""
    listed, plain = tmp_path / "simple" / "a", tmp_path / "simple" / "b"
    listed.mkdir(parents=True)
    plain.mkdir()
    (listed / "index.html").write_text(f'<a href="../../f%20s/a-1%2Bx.zip#sha256={B}">')
    (plain / "b-1.zip").touch()
    places = Index(None, [(tmp_path / "simple").as_uri(), "file:///nowhere/simple"])
    [link] = places.files("a", complete=True).values()
    assert (link.url, link.name, link.sha256) == (
        f"{tmp_path.as_uri()}/f%20s/a-1%2Bx.zip",
        "a-1+x.zip",
        B,
    )
    assert places.files("b").keys() == {"b-1.zip"}
    assert places.files("c", complete=True) == {}


def test_a_page_of_links_and_a_file_may_be_paths(tmp_path):
    (tmp_path / "links.html").write_text('<a href="a-1.zip">')
    (tmp_path / "a-2.zip").touch()
    places = Index(None, find_links=[str(tmp_path / "links.html"), str(tmp_path / "a-2.zip")])
    assert places.files("a").keys() == {"a-1.zip", "a-2.zip"}


def test_find_prefers_the_place_with_the_hash(server, session, tmp_path):
    server.page("/one/a/", "a-1.zip", "a-2.zip", sha256=A)
    server.page("/two/a/", "a-1.zip", sha256=B)
    places = Index(session, [f"{server.url}/one", f"{server.url}/two"])
    assert places.find("a", File("a-1.zip", B)).sha256 == B
    assert places.find("a", File("a-1.zip", A)).sha256 == A
    assert places.find("a", File("a-2.zip", B)).sha256 == A
    text = broken(places.find, "a", File("a-3.zip", A))
    assert text == f"a-3.zip is not to be had from {server.url}/one, {server.url}/two"


def test_find_asks_no_further_than_it_must(server, session, tmp_path, nowhere):
    server.page("/one/a/", "a-1.zip")
    places = Index(session, [f"{server.url}/one", nowhere])
    assert places.find("a", File("a-1.zip", A)).name == "a-1.zip"
    assert "Connection refused" in broken(places.find, "a", File("a-2.zip", A))


def test_allow_hosts(server, at, session):
    server.page("/simple/a/", "a-1.zip")
    server.answers["/links"] = (
        200, {"Content-Type": "text/html"}, b'<a href="https://cdn.example/a-2.zip">',
    )  # fmt: skip
    links = {"find_links": [f"{server.url}/links"]}
    assert at(**links).files("a").keys() == {"a-1.zip", "a-2.zip"}
    assert at(**links, allow_hosts=["127.0.0.*"]).files("a").keys() == {"a-1.zip"}
    before = len(server.requests)
    assert "allow-hosts" in broken(at(allow_hosts=["*.example"]).files, "a")
    assert len(server.requests) == before


def test_hashes_come_from_nobody_who_could_change_them(session):
    places = Index(session, ["http://plain.example/simple"])
    assert "neither https nor" in broken(places.files, "a", complete=True)


# --- files ---------------------------------------------------------------------------------------


def test_read(server, at, tmp_path):
    body = bytes(range(256)) * 4096
    server.answers["/files/a-1.zip"] = (200, {}, body)
    assert b"".join(at().read(f"{server.url}/files/a-1.zip")) == body
    assert server.requests[-1][1]["Accept-Encoding"] == "identity"
    (tmp_path / "a 1.zip").write_bytes(body)
    assert b"".join(at().read((tmp_path / "a 1.zip").as_uri())) == body


def test_what_does_not_arrive_is_an_error(server, at, tmp_path, nowhere):
    server.answers["/short.zip"] = (200, {"Content-Length": "100"}, b"x" * 50)
    places = at()
    for url, why in (
        (f"{server.url}/short.zip", "50 bytes read"),
        (f"{server.url}/gone.zip", "404"),
        (f"{nowhere}/a.zip", "Connection refused"),
        ((tmp_path / "gone.zip").as_uri(), "No such file"),
    ):
        assert why in broken(lambda url: list(places.read(url)), url)


# --- configuration -------------------------------------------------------------------------------


@pytest.fixture
def sources(monkeypatch):
    found = index.session.Sources(None, ("file:///one", "file:///two"), ("/links",))
    monkeypatch.setattr(index.session, "configured", lambda: found)


def test_without_options_pip_is_asked(sources):
    assert str(index.configured()) == "file:///one, file:///two, file:///links"


def test_options_of_buildout_come_first(sources, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {"index": "https://me:secret@i.example/ ", "find-links": "local\nhttps://l.example/"}
    assert str(index.configured(options)) == (
        f"https://i.example, {tmp_path.as_uri()}/local, https://l.example/, file:///links"
    )
    assert str(index.configured({"index": "", "find-links": ""})) == str(index.configured())


def test_allow_hosts_of_buildout_counts(sources):
    places = index.configured(
        {"index": "https://i.example/", "allow-hosts": "a.example\nb.example"}
    )
    assert "allow-hosts" in broken(places.files, "a")


def test_no_place_at_all():
    assert broken(Index(None).find, "a", File("a-1.zip", A)) == (
        "a-1.zip is not to be had from nowhere: no place is configured"
    )
