"""Selects a kernel of a builder root."""
import re


def pick(suite, releases, version):
    """The release of that version ("6.12"), or the newest one ("newest").

    The kernels of backports and sid change, so no test names their series.
    """
    if version == "newest":
        return max(releases, key=lambda release: [int(number) for number in re.findall(r"\d+", release)])
    found = [release for release in releases if re.match(re.escape(version) + r"[.\-+]", release)]
    if len(found) != 1:
        raise SystemExit(f"the {suite} root has {len(found)} kernels {version}: {releases}")
    return found[0]
