"""Selects a kernel of a builder root."""
import re


def pick(suite, releases, version):
    """The release of that version ("6.12"), the newest one ("newest") or the oldest one ("oldest").

    The kernels of backports and sid change, so no test names their series.
    """
    if version in ("newest", "oldest"):
        numbers = lambda release: [int(number) for number in re.findall(r"\d+", release)]
        return (max if version == "newest" else min)(releases, key=numbers)
    found = [release for release in releases if re.match(re.escape(version) + r"[.\-+]", release)]
    if len(found) != 1:
        raise SystemExit(f"the {suite} root has {len(found)} kernels {version}: {releases}")
    return found[0]
