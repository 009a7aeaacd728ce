import json

from eggcrate.release import manifest
from eggcrate.release.archive import Member


def test_files_with_their_hashes_and_links_with_their_targets():
    members = [
        Member("bin/run", b"run", executable=True),
        Member("code.py", b"code"),
        Member("link", target="code.py"),
        Member("etc"),
        Member("var", target="../var"),
    ]
    found = manifest.of({"name": "x"}, members, {"bin/run": "aa", "code.py": "bb"})
    assert found.name == "release.json"
    assert json.loads(found.read()) == {
        "format": 1,
        "name": "x",
        "files": {
            "bin/run": {"sha256": "aa", "executable": True},
            "code.py": {"sha256": "bb"},
            "link": {"link": "code.py"},
        },
    }


def test_the_same_in_any_order():
    members = [Member("a", b"1"), Member("b", b"2")]
    digests = {"a": "aa", "b": "bb"}
    first = manifest.of({"x": 1, "y": 2}, members, digests)
    assert manifest.of({"y": 2, "x": 1}, members[::-1], digests) == first
