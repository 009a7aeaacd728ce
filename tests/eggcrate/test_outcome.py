import shutil

import pytest

from support.settled import STILL, build

pytestmark = pytest.mark.live


def test_what_is_gone_is_made_again(still):
    [always] = still.root.glob("eggs/v5/always-*.egg")
    for path in (
        still.root / "bin/carton",
        still.root / "parts/page.out",
        still.root / "parts/carton",
    ):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        assert build(still) != STILL
        assert path.exists()
        assert build(still) == STILL
    (still.root / "develop-eggs/carton.egg-link").unlink()
    shutil.rmtree(always)
    assert build(still) != STILL
    still.run("bin/carton")
    still.run("bin/python", "-c", "import always")
    assert build(still) == STILL
