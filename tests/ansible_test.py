"""Run ansible-test's sanity tests and units where only package registries can be reached.

ansible-test wants to stand in ``ansible_collections/flowops/n8n``, outside any repository, and it
fetches pip for its virtual environments from a host of its own. So it is given a copy of the
checkout, and pip from PyPI.

    python -m tests.ansible_test sanity units

runs them with the oldest and the newest supported ansible-core, as far as Pythons for them are found (in CI they must be), and
where there are none with that of this Python.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Run by ansible-test in place of get-pip: installs what it is asked for with the pip of a wheel.
STAND_IN = """
import sys
sys.path.insert(0, {wheel!r})
from pip._internal.cli.main import main
wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(main(["install", *wanted]))
"""


@dataclass(frozen=True)
class Platform:
    """A release line of ansible-core, the Pythons it runs on, best first, and more that modules are tested on."""

    core: str
    controllers: tuple[str, ...]
    targets: tuple[str, ...]


# The oldest is what Ansible Automation Platform still ships; its controllers' oldest Python, and the modules' oldest.
SUPPORTED = (
    Platform("2.16", ("3.10", "3.11", "3.12"), ("3.9",)),
    Platform("2.21", ("3.13", "3.12"), ()),
)

# Modules run on Python 3.9 and newer.
OLDEST_MINOR = 9


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.ansible_test", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="+", choices=["sanity", "units"])
    kinds = parser.parse_args().kinds
    pythons = find_pythons()
    print(f"Pythons found: {', '.join(sorted(pythons, key=_minor))}", flush=True)
    # Two at once: each keeps one processor busy.
    with tempfile.TemporaryDirectory(prefix="flowops-n8n-") as folder, ThreadPoolExecutor(max_workers=2) as executor:
        runs = [executor.submit(run_platform, one, kinds, pythons, Path(folder, one.core)) for one in SUPPORTED]
        done = [one.result() for one in runs]
        if not any(done):
            here = f"{sys.version_info.major}.{sys.version_info.minor}"
            run(Path(sys.executable).parent, kinds, {here: sys.executable}, Path(folder, "own"))


def run_platform(platform: Platform, kinds: list[str], pythons: dict[str, str], folder: Path) -> bool:
    """Run in a virtual environment of the platform's own; whether there was a Python for it."""
    controller = next((version for version in platform.controllers if version in pythons), None)
    if controller is None:
        missing = f"ansible-core {platform.core}: none of Python {', '.join(platform.controllers)} is here"
        if os.environ.get("CI"):
            raise SystemExit(missing)
        print(f"{missing}; not run", flush=True)
        return False
    venv = ROOT / "build" / f"venv-core-{platform.core}"
    if not (venv / "bin" / "ansible-test").exists():
        subprocess.run([pythons[controller], "-m", "venv", "--clear", str(venv)], check=True)
        wanted = f"ansible-core=={platform.core}.*"
        subprocess.run([str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", wanted], check=True)
    wanted_pythons = {version: pythons[version] for version in (controller, *platform.targets) if version in pythons}
    run(venv / "bin", kinds, wanted_pythons, folder)
    return True


def run(programs: Path, kinds: list[str], pythons: dict[str, str], folder: Path) -> None:
    """Run ansible-test of a virtual environment: sanity on the first Python, units on all of them."""
    copy = copy_checkout(folder)
    provide_pip(programs)
    env = dict(os.environ)
    env["PATH"] = os.pathsep.join([str(programs), *(str(Path(path).parent) for path in pythons.values()), env["PATH"]])
    for kind in kinds:
        where = ["--local"] if kind == "sanity" else ["--venv"]
        for version in list(pythons)[:1] if kind == "sanity" else list(pythons):
            command = [str(programs / "ansible-test"), kind, *where, "--python", version, "--color", "no", "--truncate", "0"]
            done = subprocess.run(
                command, cwd=copy, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
            output = done.stdout + done.stderr
            title = f"ansible-test {kind}, {core_version(programs)}, Python {version}"
            # It exits with 0 when it finds nothing to test.
            if done.returncode or "All targets skipped" in output:
                print(output, flush=True)
                raise SystemExit(f"{title}: failed with {done.returncode}")
            print(f"{title}: passed{_count(kind, output)}", flush=True)


def copy_checkout(folder: Path) -> Path:
    """The files of the checkout, committed or not, but none that git ignores."""
    target = folder / "ansible_collections" / "flowops" / "n8n"
    git = shutil.which("git") or "git"
    listed = subprocess.run(
        [git, "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def provide_pip(programs: Path) -> None:
    """Put a stand-in where ansible-test keeps the get-pip script that it would fetch otherwise."""
    source = next((programs.parent / "lib").glob("python*/site-packages/ansible_test/_internal/python_requirements.py"))
    found = re.findall(r"""\bpip=["']([0-9][0-9.]*)["']""", source.read_text(encoding="utf-8"))
    if not found:
        raise SystemExit(f"{source} does not name the pip that ansible-test wants")
    # Older ones are for Pythons that are none of ours.
    version = max(found, key=lambda one: [int(part) for part in one.split(".")])
    cache = Path.home() / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    wheel = cache / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        # Fetched elsewhere first: two runs may do this at once.
        with tempfile.TemporaryDirectory(dir=cache) as fetched:
            download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", fetched, f"pip=={version}"]
            subprocess.run(download, check=True)
            os.replace(Path(fetched) / wheel.name, wheel)
    script = cache / f"get_pip_{version.replace('.', '_')}.py"
    script.write_text(STAND_IN.format(wheel=str(wheel)), encoding="utf-8")


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


def core_version(programs: Path) -> str:
    done = subprocess.run(
        [str(programs / "python"), "-c", "from ansible.release import __version__; print(__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return f"ansible-core {done.stdout.strip()}"


def _count(kind: str, output: str) -> str:
    if kind == "sanity":
        return f" ({len(re.findall(r'Running sanity test', output))} kinds)"
    counts = re.findall(r"(\d+) passed", output)
    if not counts:
        raise SystemExit(f"No unit test ran:\n{output}")
    return f" ({', '.join(counts)} tests)"


def _minor(version: str) -> int:
    return int(version.split(".")[1])


if __name__ == "__main__":
    main()
