"""portal/pages/starter.py"""

from portal.pages.starter import FOLDER, SLUGS


def test_every_file_is_named_in_the_order():
    assert sorted(SLUGS) == sorted(path.stem for path in FOLDER.glob("*.md"))
