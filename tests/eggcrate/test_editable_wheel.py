import csv
import json
import zipfile
from pathlib import Path

import pytest

from eggcrate import editable_wheel
from eggcrate.editable_wheel import BackendError

# A build backend in the project itself (PEP 517: backend-path).
BACKEND = """\
import os
import pathlib
import zipfile


def get_requires_for_build_editable(settings):
    return os.environ.get("WANTED", "").split()


def build_editable(folder, settings=None, metadata=None):
    print("building in", os.getcwd())
    import helper
    version = pathlib.Path("VERSION").read_text().strip()
    name = f"own-{version}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.writestr("own.pth", os.getcwd() + "\\n")
        wheel.writestr("own-1.0.data/purelib/more.py", helper.TEXT)
        wheel.writestr("own-1.0.data/scripts/tool", "#!python")
        wheel.writestr(f"own-{version}.dist-info/METADATA", f"Name: own\\nVersion: {version}\\n")
        wheel.writestr(f"own-{version}.dist-info/RECORD", "")
    return name
"""
PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["tools"]
"""


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "a project"
    (path / "tools").mkdir(parents=True)
    (path / "eggs/helper.egg").mkdir(parents=True)
    (path / "eggs/helper.egg/helper.py").write_text("TEXT = 'more'\n")
    (path / "tools/backend.py").write_text(BACKEND)
    (path / "pyproject.toml").write_text(PROJECT)
    (path / "VERSION").write_text("1.0\n")
    return path


@pytest.fixture
def make(project, tmp_path):
    asked = []

    def make():
        (tmp_path / "scratch").mkdir(exist_ok=True)
        asked.clear()
        return editable_wheel.make(project, tmp_path / "scratch", provide)

    def provide(requirements):
        asked.append(list(requirements))
        return [str(project / "eggs/helper.egg")]

    make.asked = asked
    return make


def test_the_hook_of_the_backend_is_called(make, project):
    wheel = make()
    assert wheel.path.name == "own-1.0-py3-none-any.whl"
    assert wheel.output == f"building in {project}"
    assert wheel.required == []
    assert make.asked == [[]]


def test_what_it_reads_is_told(make, project):
    read = make().read
    assert {"backend.py", "VERSION"} <= {Path(path).name for path in read["files"]}
    assert not any("helper.egg" in path for path in (*read["files"], *read["folders"]))
    assert not any("scratch" in path for path in read["files"])
    assert "WANTED" in read["variables"]
    assert not read["outward"]


def test_what_the_backend_wants_besides_is_provided(make, monkeypatch):
    monkeypatch.setenv("WANTED", "cython>=3 more")
    wheel = make()
    assert wheel.required == ["cython>=3", "more"]
    assert make.asked == [[], ["cython>=3", "more"]]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("tools/backend.py", "", "backend makes no editable installs (PEP 660)"),
        ("tools/backend.py", "1 / 0", "its build backend failed, as is said above"),
        ("tools/backend.py", BACKEND.replace("os.environ", "{'WANTED': os.urandom(8).hex()}"),
         "backend wants "),
        ("pyproject.toml", None, "there is no pyproject.toml and no setup.py"),
    ],
)  # fmt: skip
def test_what_can_be_wrong(make, project, name, text, reason):
    if text is None:
        (project / name).unlink()
    else:
        (project / name).write_text(text)
    with pytest.raises(BackendError) as failure:
        make()
    assert str(failure.value).startswith(reason)
    assert ("ZeroDivisionError" in failure.value.output) == (text == "1 / 0")


def test_the_network_is_not_for_builds(make, project, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    (project / "tools/backend.py").write_text(
        "import os\nassert 'PIP_INDEX_URL' not in os.environ and os.environ['PIP_NO_INDEX']\n"
        + BACKEND
    )
    make()


def test_it_is_laid_out_as_pip_does(make, project, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    editable_wheel.unpack(make().path, target, project)
    assert {path.name for path in target.iterdir()} == {"own.pth", "more.py", "own-1.0.dist-info"}
    metadata = target / "own-1.0.dist-info"
    origin = json.loads((metadata / "direct_url.json").read_text())
    assert origin == {"dir_info": {"editable": True}, "url": project.as_uri()}
    assert (metadata / "INSTALLER").is_file()
    with (metadata / "RECORD").open(newline="") as file:
        rows = {row[0]: row[1:] for row in csv.reader(file)}
    assert set(rows) == {"own.pth", "more.py"} | {
        f"own-1.0.dist-info/{name}"
        for name in ("METADATA", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
    }
    # printf more | sha256sum, in the alphabet of PEP 376
    assert rows["more.py"] == ["sha256=GHiXzgr88gtQuis33KhKlRtwRvKe1auU8BBhn2nW4Yk", "4"]
    assert rows["own-1.0.dist-info/RECORD"] == ["", ""]


@pytest.mark.parametrize("members", [(), ("a.dist-info/METADATA", "b.dist-info/METADATA")])
def test_what_is_no_wheel_is_refused(members, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as file:
        for name in members:
            file.writestr(name, "")
    (tmp_path / "target").mkdir()
    with pytest.raises(BackendError, match=r"x\.whl is no wheel"):
        editable_wheel.unpack(tmp_path / "x.whl", tmp_path / "target", tmp_path)


def test_no_member_leaves_the_target(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as file:
        file.writestr("../outside", "")
        file.writestr("x-1.dist-info/METADATA", "")
    (tmp_path / "target").mkdir()
    editable_wheel.unpack(tmp_path / "x.whl", tmp_path / "target", tmp_path)
    assert not (tmp_path / "outside").exists()
