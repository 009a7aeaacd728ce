from eggcrate import bytecode


def make(path, name="module.py"):
    path.mkdir()
    (path / name).write_text("x = 1\n")
    return path


def compiled(path):
    return [file.name for file in path.rglob("*.pyc")]


def test_eggs_are_compiled_once_and_nothing_else(tmp_path):
    egg, source = make(tmp_path / "a.egg"), make(tmp_path / "src")
    bytecode.ensure([str(egg), str(source), str(tmp_path / "missing.egg")])
    [name] = compiled(egg)
    assert name.startswith("module.")
    assert compiled(source) == []
    (egg / "__pycache__" / name).unlink()
    bytecode.ensure([str(egg)])
    assert compiled(egg) == []


def test_files_for_another_python_are_no_error(tmp_path, capfd):
    egg = make(tmp_path / "a.egg")
    (egg / "old.py").write_text("print 'x'\n")
    bytecode.ensure([str(egg)])
    assert len(compiled(egg)) == 1
    assert capfd.readouterr() == ("", "")
