import re
import shutil
import tarfile

import pytest

from eggcrate import lockfile, platforms
from support import wheels
from support.scratch import Scratch

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project with one egg, `alpha`, that its lock has; its build tools are those that run."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "links").mkdir()
    project = Scratch(folder / "project")
    project.bootstrap()
    wheels.wheel(folder / "links", "alpha", files={"alpha.py": "letter = 'a'\n"})
    project.write("versions.lock", lockfile.dumps(wheels.lock(folder / "links")))
    project.write("local.cfg", f"[buildout]\nindex = file://{folder}\nfind-links = {folder}/links\n"
                  "parts = python\n[python]\neggs = alpha\n[versions]\nalpha = 1.0\n")  # fmt: skip
    project.buildout()
    return project


def eggcrate(project, *arguments, code=0, **options):
    return project.run("bin/eggcrate", *arguments, code=code, **options)


def line(result):
    """Return the only line on stderr that is not zc.buildout's."""
    [text] = [text for text in result.stderr.splitlines() if text.startswith("bin/eggcrate: ")]
    assert "Traceback" not in result.stderr
    return text


def test_help_names_the_commands(built):
    said = eggcrate(built, "--help").stdout
    assert re.search(r"^ +verify +compare", said, re.MULTILINE)
    assert re.search(r"^ +bundle +make one file", said, re.MULTILINE)


def test_bundle_holds_what_is_locked_and_is_called_after_the_project(built, tmp_path):
    said = eggcrate(built, "bundle").stdout
    name = f"carton-1.0-{platforms.label()}.bundle.tar"
    assert said.startswith(f"var/bundles/{name} (")
    with tarfile.open(built.root / "var/bundles" / name) as archive:
        names = [member.name for member in archive]
    [alpha] = lockfile.read(built.root / "versions.lock").of("alpha", "1.0")
    assert names == ["bundle.json", "versions.lock", f"{alpha.sha256}/{alpha.name}"]
    eggcrate(built, "bundle", "-o", "here.tar", cwd=tmp_path)
    assert (tmp_path / "here.tar").read_bytes() == (built.root / "var/bundles" / name).read_bytes()
    eggcrate(built, "bundle", "-o", ".", cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"here.tar", name}


def test_bundle_refuses_a_file_that_is_not_the_locked_one(built, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = copied(built, tmp_path)
    links = built.root.parent / "links"
    wheels.wheel(tmp_path, "alpha", files={"alpha.py": "letter = 'x'\n"})
    project.write("local.cfg", (built.root / "local.cfg").read_text().replace(
        str(links), str(tmp_path)))  # fmt: skip
    text = line(eggcrate(project, "bundle", "-o", tmp_path / "it.tar", code=1))
    assert text.startswith("bin/eggcrate: alpha: alpha-1.0-py3-none-any.whl ")
    assert "is expected" in text
    assert not list(tmp_path.glob("*.tar"))


def test_without_a_lock_there_is_no_bundle(built, tmp_path):
    project = copied(built, tmp_path)
    (project.root / "versions.lock").unlink()
    assert "versions.lock" in line(eggcrate(project, "bundle", code=1))


def test_verify_names_what_was_tampered_with(built, tmp_path):
    assert "verified" in eggcrate(built, "verify").stdout
    project = copied(built, tmp_path)
    [module] = (project.root / "eggs").rglob("alpha.py")
    module.write_text("letter = 'z'\n")
    said = eggcrate(project, "verify", code=1)
    assert "alpha.py" in said.stdout + said.stderr


def test_a_moved_project_says_so(built, tmp_path):
    project = Scratch.__new__(Scratch)
    project.root = shutil.copytree(built.root, tmp_path / "moved", symlinks=True)
    assert line(eggcrate(project, "bundle", code=1)) == (
        f"bin/eggcrate: {project.root} was moved or copied; run `python3 bootstrap.py` in it first"
    )


def test_a_configuration_that_does_not_exist_is_named(built):
    text = line(eggcrate(built, "--config", "missing.cfg", "verify", code=1))
    assert "missing.cfg" in text


def copied(built, folder):
    """Return a copy whose commands are its own; its build tools need not be locked again."""
    project = Scratch.__new__(Scratch)
    project.root = shutil.copytree(built.root, folder / "project", symlinks=True)
    for command in (project.root / "bin").iterdir():
        text = command.read_text().replace(str(built.root), str(project.root))
        command.write_text(text)
    return project
