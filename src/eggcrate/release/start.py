"""The text of what starts the Python of an environment in a release."""

from eggcrate import launcher
from eggcrate.release.shipped import release_fit
from eggcrate.release.target import Target

# Beside the link to the Python of its environment. The usual case costs nothing but the shell; else
# shipped/release_twin.py makes an environment, or says why not, in one line. A link that leads
# elsewhere is not followed: another version would not even read what checks it.
TEXT = """\
#!/bin/sh
{notice}
# Start the Python that the release was made with, or else one of the same version on PATH.
bin=$(cd -- "${{0%/*}}" && pwd -P) || exit 1
executable={executable}
[ -x "$executable" ] && [ "$bin/python" -ef "$executable" ] && exec "$bin/python" "$@"

twin=$bin/../lib/{python}/site-packages/release_twin.py
why='and there is none on PATH'
for name in {python} python3; do
    found=$(command -v "$name") || continue
    if said=$("$found" -I "$twin" "${{bin%/bin}}" 2>/dev/null); then
        exec "$said" "$@"
    fi
    why="and ${{said:-$found does not start}}"
done
needs={needs}
printf 'this release needs %s, which is not at %s; %s\\n' "$needs" "$executable" "$why" >&2
exit 1
"""


def text(target: Target, notice: str) -> str:
    """Return the script for environments of ``target``."""
    return TEXT.format(
        notice=notice,
        python=f"python{target.python}",
        needs=launcher.quote(release_fit.describe(target.needs())),
        executable=launcher.quote(target.base.executable),
    )
