import os
import re
import sys
import sysconfig

import pytest

from eggcrate import platforms


@pytest.fixture
def machine(monkeypatch):
    def pretend(platform, host="x86_64-pc-linux-gnu"):
        monkeypatch.setattr(sysconfig, "get_platform", lambda: platform)
        monkeypatch.setattr(sysconfig, "get_config_var", {"HOST_GNU_TYPE": host}.get)
        return platforms.machine()

    return pretend


def test_label_is_that_of_the_running_interpreter():
    version = "{}{}".format(*sys.version_info)
    assert re.fullmatch(rf"cp{version}t?-\w+_\w+", platforms.label())


def test_c_libraries_are_told_apart(machine):
    assert machine("linux-x86_64") == "linux_x86_64"
    assert machine("linux-aarch64", "aarch64-alpine-linux-musl") == "musllinux_aarch64"


def test_macos_is_named_without_its_version(machine, monkeypatch):
    assert machine("macosx-14.0-arm64", None) == "macosx_arm64"
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("", "", "", "", "arm64")))
    assert machine("macosx-10.13-universal2", None) == "macosx_arm64"


def test_free_threading_is_another_abi(monkeypatch):
    monkeypatch.setattr(sys, "abiflags", "t")
    assert platforms.abi() == "cp{}{}t".format(*sys.version_info)
