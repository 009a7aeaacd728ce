import importlib
import logging
import shutil
import ssl

import pytest

from eggcrate import session
from support import tools


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """What is configured by a pip.conf with these lines and nothing else."""
    tools.use_pip(monkeypatch)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    for name in ("FIND_LINKS", "CERT", "DEFAULT_TIMEOUT", "INDEX_URL", "EXTRA_INDEX_URL"):
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    pip = logging.getLogger("pip")
    level = pip.level

    def configure(*lines):
        (tmp_path / "pip.conf").write_text("\n".join(lines) + "\n")
        return session.configured()

    yield configure
    pip.setLevel(level)


def test_the_files_of_pip_are_read(configured, tmp_path):
    certificates = tmp_path / "ca.pem"
    certificates.touch()
    sources = configured(
        "[global]",
        "index-url = https://first.example/simple",
        "extra-index-url =\n    file:///second\n    https://third.example/",
        f"find-links = {tmp_path}",
        "trusted-host = plain.example",
        f"cert = {certificates}",
        "timeout = 7",
        "retries = 9",
        "[install]",
        "no-deps = true",
        "proxy = http://proxy.example:1",
    )
    assert sources.indexes[:1] == ("https://first.example/simple",)
    assert sources.indexes[-2:] == ("file:///second", "https://third.example/")
    assert sources.find_links == (str(tmp_path),)
    assert sources.session.verify == str(certificates)
    assert sources.session.timeout == 7
    assert sources.session.proxies["https"] == "http://proxy.example:1"
    assert sources.session.is_secure_origin("http://plain.example/simple")
    assert not sources.session.is_secure_origin("http://other.example/simple")
    assert sources.session.adapters["https://"].max_retries.total == 2


def test_the_environment_counts_and_may_leave_no_index(configured, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://env.example/simple")
    assert configured("[global]", "index-url = https://first.example").indexes[0] == (
        "https://env.example/simple"
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert configured().indexes == ()


def test_nobody_is_asked_for_a_password(configured):
    assert configured("[global]", "no-input = false").session.auth.prompting is False


def test_the_bottom_of_an_error_is_what_counts():
    refused = ConnectionRefusedError(111, "Connection refused")
    middle = RuntimeError("Max retries exceeded")
    middle.__cause__ = refused
    outer = ValueError(middle)
    assert session.explain(outer) == "Connection refused"
    context = ValueError("outer")
    context.__context__ = ssl.SSLCertVerificationError(1, "certificate\nverify failed")
    assert session.explain(context) == "certificate verify failed"
    assert session.explain(KeyError()) == "KeyError"
    loop = ValueError("first")
    loop.__cause__ = loop
    assert session.explain(loop) == "first"


def test_certificates_are_read_once(configured, tmp_path):
    adapter = configured().session.get_adapter("https://")
    context = adapter.poolmanager.connection_pool_kw["ssl_context"]
    path = shutil.copy(importlib.import_module("pip._vendor.certifi").where(), tmp_path / "ca.pem")
    context.load_verify_locations(path)
    path.unlink()
    context.load_verify_locations(path)  # as for the next connection
