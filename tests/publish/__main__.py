"""``make artifact``: what is published is built, imported as Galaxy imports it, installed, and its documentation read.

What Galaxy's importer warns of is an error here, and so is a file in the artifact that git does not know.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from tests import checkout

PROGRAMS = Path(sys.executable).parent
NAME = "flowops.n8n"
# What has documentation, by the folder below plugins/, as ansible-doc calls it.
DOCUMENTED = {"modules": "module", "filter": "filter", "lookup": "lookup"}
# Written by the build itself.
OF_THE_BUILD = {"MANIFEST.json", "FILES.json"}


def main() -> None:
    """Exit with 1 and what is wrong."""
    folder = Path("build", "artifact")
    run("ansible-galaxy", "collection", "build", "--force", "--output-path", str(folder))
    described = yaml.safe_load(Path("galaxy.yml").read_text(encoding="utf-8"))
    artifact = folder / f"{described['namespace']}-{described['name']}-{described['version']}.tar.gz"
    check_files(artifact, described["build_ignore"])
    check_import(artifact)
    check_documentation(artifact)
    run("antsibull-docs", "lint-collection-docs", "--plugin-docs", ".")
    print(f"{artifact} can be published")


def check_files(artifact: Path, ignored: Iterable[str]) -> None:
    """What git knows of is in it and nothing else, without what galaxy.yml leaves out."""
    with tarfile.open(artifact) as files:
        there = {member.name for member in files if member.isfile()} - OF_THE_BUILD
    left_out = [*ignored, "galaxy.yml"]
    wanted = {
        name for name in checkout.names() if not any(fnmatch.fnmatch(name, one) or name.startswith(f"{one}/") for one in left_out)
    }
    if there != wanted:
        raise SystemExit(f"{artifact}: too many {sorted(there - wanted)}, missing {sorted(wanted - there)}")
    print(f"{len(there)} files, all of the repository")


def check_import(artifact: Path) -> None:
    """Galaxy's importer takes it without a warning."""
    with tempfile.TemporaryDirectory(prefix="flowops-n8n-") as folder:
        said = run(sys.executable, "-m", "galaxy_importer.main", str(artifact.absolute()), folder=Path(folder))
        found = json.loads(Path(folder, "importer_result.json").read_text(encoding="utf-8"))
    print(said.partition("\n")[0], f"found {len(found['contents'])} things", sep=" and ")
    if warned := re.findall(r"^(?:WARNING|ERROR|CRITICAL): .*", said, re.MULTILINE):
        raise SystemExit("\n".join(warned))


def check_documentation(artifact: Path) -> None:
    """Installed where nothing else is, each plugin and role tells its options and examples."""
    with tempfile.TemporaryDirectory(prefix="flowops-n8n-") as folder:
        env = {"ANSIBLE_COLLECTIONS_PATH": folder, "ANSIBLE_NOCOLOR": "1"}
        run("ansible-galaxy", "collection", "install", str(artifact), "--offline", "-p", folder, env=env)
        installed = Path(folder, "ansible_collections", *NAME.split("."))
        things = {kind: sorted(installed.glob(f"plugins/{below}/[!_]*.py")) for below, kind in DOCUMENTED.items()}
        things["role"] = sorted(installed.glob("roles/*"))
        for kind, paths in things.items():
            names = [f"{NAME}.{path.stem}" for path in paths]
            # A warning beside it is no JSON.
            pages = json.loads(run("ansible-doc", "--json", "--type", kind, *names, env=env))
            for name in names:
                page = pages[name]
                shown = (
                    page["entry_points"]["main"]["options"] if kind == "role" else page["doc"]["description"] and page["examples"]
                )
                if not shown:
                    raise SystemExit(f"ansible-doc --type {kind} {name} shows nothing")
    print(f"ansible-doc shows {sum(map(len, things.values()))} plugins and roles")


def run(program: str, *arguments: str, env: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    """What a program of this virtual environment says. Exits with all of it where it fails."""
    path = os.pathsep.join([str(PROGRAMS.absolute()), os.environ["PATH"]])
    command = [program, *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}\nended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    main()
