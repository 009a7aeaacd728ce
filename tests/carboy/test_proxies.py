import pytest

from carboy.errors import UserError
from carboy.options import BY_NAME
from carboy.proxies import KEY, Trusted, client_of, wrap
from support.raw import get, probing


@pytest.mark.parametrize(
    ("texts", "address", "expected"),
    [
        (["10.1.2.3"], "10.1.2.3", True),
        (["10.1.2.3"], "10.1.2.4", False),
        (["10.0.0.0/8", "192.168.1.0/24"], "192.168.1.77", True),
        (["10.0.0.0/8"], "::ffff:10.9.9.9", True),
        (["::ffff:10.0.0.0/104"], "10.9.9.9", False),
        (["fd00::/8"], "fd12::1", True),
        (["fd00::/8"], "fd12::1%eth0", True),
        (["fd00::/8"], "10.1.2.3", False),
        (["0.0.0.0/0"], "localhost", False),
        (["unix"], "localhost", True),
        (["unix"], "127.0.0.1", False),
        (["10.0.0.0/8"], "nonsense", False),
        ([], "127.0.0.1", False),
    ],
)
def test_who_is_trusted(texts, address, expected):
    assert (address in Trusted(texts)) is expected


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.1/8", "10.0.0.0/33", "*", "1.2.3.4:80"])
def test_what_cannot_be_trusted(text):
    with pytest.raises(UserError, match="trusted_proxy"):
        Trusted([text])


def test_the_option_knows_what_can_be_trusted():
    convert = BY_NAME["trusted_proxy"].convert
    assert convert(["10.0.0.0/8", "fd00::1", "unix"]) == ("10.0.0.0/8", "fd00::1/128", "unix")
    for text in ("localhost", "10.0.0.1/8", ""):
        with pytest.raises(ValueError, match=r"address, a network or unix|empty|text"):
            convert([text])


def application(environ, start_response):
    start_response("200 OK", [])
    return [environ]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.0.0.1", {"X_FORWARDED_FOR": "1.2.3.4, 10.0.0.9"}, "1.2.3.4"),
        ("10.0.0.1", {"FORWARDED": 'for="[fd00::1]:80"'}, "fd00::1"),
        ("10.0.0.1", {}, "10.0.0.1"),
        ("10.0.0.1", {"X_FORWARDED_FOR": '":"'}, "10.0.0.1"),
        ("11.0.0.1", {"X_FORWARDED_FOR": "1.2.3.4"}, "11.0.0.1"),
    ],
)
def test_whose_request_it_is(peer, forwarded, expected):
    assert client_of(peer, forwarded, Trusted(["10.0.0.0/8"])) == expected


def test_without_trust_nothing_is_wrapped():
    assert wrap(application, Trusted(())) is application


def seen(texts, forwarded, peer="10.0.0.1"):
    """Return the environment as the application gets it, or the status of a refusal."""
    environ = {"REMOTE_ADDR": peer, "REMOTE_PORT": "5", "wsgi.url_scheme": "http"}
    environ |= {"HTTP_HOST": "inner", "SERVER_NAME": "inner", "SERVER_PORT": "8080"}
    if forwarded:
        environ[KEY] = forwarded
    statuses = []
    answer = list(
        wrap(application, Trusted(texts))(environ, lambda status, _: statuses.append(status))
    )
    return answer[0] if statuses == ["200 OK"] else statuses[0]


ALL = {
    "X_FORWARDED_FOR": "1.2.3.4",
    "X_FORWARDED_PROTO": "https",
    "X_FORWARDED_HOST": "example.org",
    "X_FORWARDED_PORT": "8443",
    "X_FORWARDED_PREFIX": "/app",
}


def test_a_trusted_proxy_is_believed():
    environ = seen(["10.0.0.0/8"], ALL)
    assert environ["REMOTE_ADDR"] == environ["REMOTE_HOST"] == "1.2.3.4"
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["HTTP_HOST"] == "example.org:8443"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("example.org", "8443")
    assert environ["HTTP_X_FORWARDED_PREFIX"] == "/app"
    assert KEY not in environ


def test_another_peer_is_not():
    environ = seen(["10.0.0.0/8"], ALL | {"FORWARDED": "for=1.2.3.4"}, peer="11.0.0.1")
    assert environ["REMOTE_ADDR"] == "11.0.0.1"
    assert (environ["HTTP_HOST"], environ["wsgi.url_scheme"]) == ("inner", "http")
    assert not [key for key in environ if "FORWARDED" in key or key == KEY]


def test_a_trusted_proxy_that_says_nothing():
    assert seen(["10.0.0.0/8"], {})["REMOTE_ADDR"] == "10.0.0.1"


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("9.9.9.9, 1.2.3.4", "1.2.3.4"),  # the first was said by the client itself
        ("9.9.9.9, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("9.9.9.9, 1.2.3.4, 10.0.0.3,10.0.0.2", "1.2.3.4"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("1.2.3.4:5678", "1.2.3.4"),
        ('"[2001:db8::1]:80"', "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("9.9.9.9, localhost", "localhost"),
    ],
)
def test_the_client_is_the_last_that_is_not_trusted(chain, client):
    environ = seen(["10.0.0.0/8"], {"X_FORWARDED_FOR": chain})
    assert environ["REMOTE_ADDR"] == client
    assert environ["HTTP_X_FORWARDED_FOR"] == client  # for those who look themselves


def test_a_name_in_a_chain_is_no_unix_socket():
    forwarded = {"X_FORWARDED_FOR": "9.9.9.9, localhost"}
    assert seen(["unix"], forwarded, peer="localhost")["REMOTE_ADDR"] == "localhost"


def test_of_scheme_host_and_port_the_first_trusted_proxy_counts():
    forwarded = {
        "X_FORWARDED_FOR": "9.9.9.9, 1.2.3.4, 10.0.0.2",
        "X_FORWARDED_PROTO": "http, https, http",
        "X_FORWARDED_HOST": "evil.org, example.org, inner",
        "X_FORWARDED_PORT": "1, 443, 8080",
    }
    environ = seen(["10.0.0.0/8"], forwarded)
    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == ("https", "example.org")
    assert environ["SERVER_PORT"] == "443"
    assert environ["HTTP_X_FORWARDED_HOST"] == "example.org"


def test_forwarded():
    text = 'for=9.9.9.9, for=1.2.3.4;proto=https;host="example.org", For="10.0.0.2:80"'
    environ = seen(["10.0.0.0/8"], {"FORWARDED": text})
    assert environ["REMOTE_ADDR"] == "1.2.3.4"
    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == ("https", "example.org")


def test_forwarded_beside_the_others_is_the_clients():
    environ = seen(["10.0.0.0/8"], ALL | {"FORWARDED": "for=9.9.9.9;host=evil.org"})
    assert (environ["REMOTE_ADDR"], environ["SERVER_NAME"]) == ("1.2.3.4", "example.org")
    assert "HTTP_FORWARDED" not in environ


@pytest.mark.parametrize(
    "forwarded",
    [
        {"X_FORWARDED_PROTO": "gopher"},
        {"X_FORWARDED_FOR": ":"},
        {"X_FORWARDED_FOR": '"1.2.3.4'},
        {"FORWARDED": "nonsense"},
        {"FORWARDED": "for = 1.2.3.4"},
    ],
)
def test_what_makes_no_sense_is_refused(forwarded):
    assert seen(["10.0.0.0/8"], forwarded) == "400 Bad Request"


@pytest.mark.parametrize("hops", [1, 2])
def test_proxy_fix_behind_it_changes_nothing(hops):
    from werkzeug.middleware.proxy_fix import ProxyFix

    fixed = ProxyFix(application, x_for=hops, x_proto=hops, x_host=hops)
    forwarded = {
        "X_FORWARDED_FOR": "9.9.9.9, 1.2.3.4, 10.0.0.2",
        "X_FORWARDED_PROTO": "a, https, b",
    }
    for peer, client in (("10.0.0.1", "1.2.3.4"), ("11.0.0.1", "11.0.0.1")):
        environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", KEY: forwarded}
        environ |= {"HTTP_HOST": "x", "SERVER_NAME": "x", "SERVER_PORT": "80"}
        (got,) = wrap(fixed, Trusted(["10.0.0.0/8"]))(environ, lambda *_: None)
        assert got["REMOTE_ADDR"] == client


SPOOF = get("/echo", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Real-IP: 1.2.3.4")


@pytest.mark.live
@pytest.mark.parametrize(
    ("arguments", "client", "scheme"),
    [
        ((), "127.0.0.1", "http"),
        (("--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "unix"), "127.0.0.1", "http"),
        (("--trusted-proxy", "127.0.0.0/8"), "1.2.3.4", "https"),
    ],
)
def test_a_live_worker(tmp_path, arguments, client, scheme):
    with probing(tmp_path, *arguments) as probe:
        told = probe.ask(SPOOF).told
    assert (told["REMOTE_ADDR"], told["scheme"]) == (client, scheme)
    assert ("HTTP_X_FORWARDED_FOR" in told) is (scheme == "https")
