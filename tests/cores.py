"""The oldest and the newest supported ansible-core, each in a virtual environment with a Python that it runs on.

    python -m tests.cores oldest pytest -q tests/unit

runs a module of Python's in one of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.checkout import ROOT

REQUIREMENTS = ROOT / "tests" / "integration" / "requirements.txt"


@dataclass(frozen=True)
class Platform:
    """A release line of ansible-core, the Pythons it runs on, best first, and more that modules are tested on."""

    core: str
    controllers: tuple[str, ...]
    targets: tuple[str, ...]


# The oldest is what Ansible Automation Platform ships. The newest has less to do, so it tests the modules' oldest Python too.
SUPPORTED = (
    Platform("2.16", ("3.10", "3.11", "3.12"), ()),
    Platform("2.21", ("3.13", "3.12"), ("3.9",)),
)

# Modules run on Python 3.9 and newer.
OLDEST_MINOR = 9


@dataclass(frozen=True)
class Environment:
    """The programs of a virtual environment, and Pythons by their version, that of the controller first."""

    name: str
    programs: Path
    pythons: dict[str, str]


def environments() -> list[Environment]:
    """One for each supported ansible-core for which there is a Python, the oldest first, or else that of this Python.

    In CI there must be one for each.
    """
    pythons = find_pythons()
    print(f"Pythons found: {', '.join(sorted(pythons, key=_minor))}", flush=True)
    with ThreadPoolExecutor(len(SUPPORTED)) as executor:
        made = [one for one in executor.map(lambda platform: _environment(platform, pythons), SUPPORTED) if one]
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return made or [Environment("own", Path(sys.executable).parent, {here: sys.executable})]


def find_pythons() -> dict[str, str]:
    """Pythons by their version: those on PATH that work, and those that pyenv keeps."""
    candidates = [shutil.which(f"python3.{minor}") for minor in range(OLDEST_MINOR, 15)]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates += [str(path) for path in sorted(pyenv.glob("3.*/bin/python3"))]
    candidates.append(shutil.which("python3"))
    found: dict[str, str] = {}
    for path in filter(None, candidates):
        # A shim may stand for a Python that is not there; a venv needs ensurepip.
        probe = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
        done = subprocess.run([path, "-c", probe], capture_output=True, text=True, check=False)
        version, _unused, executable = done.stdout.strip().partition(" ")
        if done.returncode == 0 and _minor(version) >= OLDEST_MINOR:
            found.setdefault(version, executable)
    return found


def _environment(platform: Platform, pythons: dict[str, str]) -> Environment | None:
    controller = next((version for version in platform.controllers if version in pythons), None)
    if controller is None:
        lacking = f"ansible-core {platform.core}: none of Python {', '.join(platform.controllers)} is here"
        if os.environ.get("CI"):
            raise SystemExit(lacking)
        print(f"{lacking}; not run", flush=True)
        return None
    venv = ROOT / "build" / f"venv-core-{platform.core}"
    ready = venv / "ready"
    if not ready.exists() or ready.stat().st_mtime < REQUIREMENTS.stat().st_mtime:
        subprocess.run([pythons[controller], "-m", "venv", "--clear", str(venv)], check=True)
        wanted = [f"ansible-core=={platform.core}.*", "--requirement", str(REQUIREMENTS)]
        subprocess.run([str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", *wanted], check=True)
        ready.touch()
    if missing := [version for version in platform.targets if version not in pythons]:
        if os.environ.get("CI"):
            raise SystemExit(f"Python {', '.join(missing)} is not here")
        print(f"Python {', '.join(missing)} is not here; modules are not tested on it", flush=True)
    versions = [version for version in (controller, *platform.targets) if version in pythons]
    return Environment(platform.core, venv / "bin", {version: pythons[version] for version in versions})


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def main() -> None:
    one = environments()[{"oldest": 0, "newest": -1}[sys.argv[1]]]
    print(f"ansible-core {one.name}", flush=True)
    raise SystemExit(subprocess.run([str(one.programs / "python"), "-m", *sys.argv[2:]], cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
