import pytest

from eggcrate import toolchain
from eggcrate.cache import Cache
from eggcrate.lockfile import File, Lock
from eggcrate.toolchain import Tool, ToolError
from support import wheels

SHA = "0" * 64
REFUSED = """\
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated
    wheel==0.48.0 from https://example.com/a/wheel-0.48.0-py3-none-any.whl#sha256=12 (from -r /r):
        Expected sha256 aaaa
             Got        bbbb
"""
UNREACHABLE = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<pip._vendor.\
urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: \
[Errno 111] Connection refused')': /simple/pip/
ERROR: Could not find a version that satisfies the requirement pip==1 (from versions: none)
ERROR: No matching distribution found for pip==1
"""


def lock(*names):
    return Lock({("wheel", "1.0"): tuple(File(name, SHA) for name in names)})


@pytest.mark.parametrize("tags", ["py3-none-any", "py2.py3-none-any", "py3.py4-none-any"])
def test_the_wheel_for_every_platform_is_selected(tags):
    tool = toolchain.select("wheel", "1.0", lock("wheel-1.0.tar.gz", f"wheel-1.0-{tags}.whl"))
    assert tool == Tool("wheel", "1.0", File(f"wheel-1.0-{tags}.whl", SHA))


@pytest.mark.parametrize("name", ["wheel-1.0.tar.gz", "wheel-1.0-cp311-cp311-linux_x86_64.whl"])
def test_a_tool_without_such_a_wheel_is_refused(name):
    with pytest.raises(ToolError, match=r"no wheel of wheel 1\.0 for every platform"):
        toolchain.select("wheel", "1.0", lock(name))


def test_what_is_not_locked_has_no_file():
    assert toolchain.select("wheel", "1.1", lock("wheel-1.0-py3-none-any.whl")).file is None


@pytest.fixture
def tool(tmp_path):
    path = wheels.wheel(tmp_path, "zc.tool", files={"zc/tool.py": "word = 'good'\n"})
    [[file]] = wheels.lock(tmp_path).entries.values()
    return Tool("zc.tool", "1.0", file), path.read_bytes()


def test_what_is_fetched_is_kept_in_the_cache(tool, tmp_path):
    wanted, wheel = tool
    cache, asked = Cache(tmp_path / "cache"), []

    def fetch(tools, folder):
        asked.extend(tools)
        (folder / wanted.file.name).write_bytes(wheel)

    assert toolchain.obtain([wanted], cache, fetch) == [wheel]
    assert toolchain.obtain([wanted], cache, fetch) == [wheel]
    assert asked == [wanted]


def test_fetched_bytes_are_compared_whatever_pip_has_said(tool, tmp_path):
    wanted, wheel = tool

    def fetch(tools, folder):
        (folder / wanted.file.name).write_bytes(wheel + b"!")

    with pytest.raises(ToolError, match=r"no wheel of zc\.tool 1\.0 that versions\.lock allows"):
        toolchain.obtain([wanted], Cache(tmp_path / "cache"), fetch)


def test_an_unlocked_tool_is_taken_by_its_name_and_not_kept(tool, tmp_path):
    wanted, wheel = tool
    free = Tool(wanted.name, wanted.version, None)
    cache = Cache(tmp_path / "cache")

    def fetch(tools, folder):
        (folder / "other-1.0-py3-none-any.whl").write_bytes(b"other")
        (folder / wanted.file.name).write_bytes(wheel)

    assert toolchain.obtain([free], cache, fetch) == [wheel]
    assert cache.find(wanted.file) is None


def test_unpacked_modules_are_compiled(tool, tmp_path):
    toolchain.unpack([tool[1]], tmp_path / "packages")
    assert (tmp_path / "packages/zc/tool.py").read_text() == "word = 'good'\n"
    assert list((tmp_path / "packages/zc/__pycache__").glob("tool.*.pyc"))


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (REFUSED, "wheel 0.48.0: wheel-0.48.0-py3-none-any.whl has sha256 bbbb,"
         " but aaaa is expected"),
        (UNREACHABLE, "no package index is reachable (Failed to establish a new connection: "
         "[Errno 111] Connection refused); check the network or pip's settings (pip config list),"
         " or name a folder of wheels (--find-links) or a bundle (--bundle)"),
        ("ERROR: first\nERROR: last\nhint", "last"),
        ("ERROR: Could not install\nOSError: [Errno 28] No space left on device\nERROR: x",
         "OSError: [Errno 28] No space left on device"),
        ("anything\n", "anything"),
        ("", "the build environment could not be made"),
    ],
)  # fmt: skip
def test_what_pip_says_comes_to_one_line(said, line, tmp_path):
    failing = tmp_path / "python"
    (tmp_path / "said").write_text(said)
    failing.write_text('#!/bin/sh\ncat "$(dirname "$0")/said"\nexit 1\n')
    failing.chmod(0o755)
    with pytest.raises(ToolError) as caught:
        toolchain.run(failing, "-m", "pip")
    assert str(caught.value) == line
