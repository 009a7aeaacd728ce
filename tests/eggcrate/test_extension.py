import subprocess
import sys


def test_importing_the_package_needs_no_build_tools():
    code = (
        "import sys, eggcrate;"
        "sys.exit(any(name in sys.modules for name in ('zc', 'pkg_resources', 'setuptools')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
