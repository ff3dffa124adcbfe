"""What the documentation names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "roles").glob("*/README.md")])

everywhere = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """Those of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """What a page links to within the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            path, _unused, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


@everywhere
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = [f"{path}#{anchor}" for path, anchor in links(page) if not path.exists()]
    lost += [f"{path}#{anchor}" for path, anchor in links(page) if anchor and path.exists() and anchor not in anchors(path)]
    assert lost == []


@everywhere
def test_every_test_that_is_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, test in re.findall(r"`?(test_\w+\.py)::(test_\w+)", text):
        files = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(name)]
        assert any(f"def {test}(" in file for file in files), f"{name}::{test}"
    for path_named in re.findall(r"`((?:tests|plugins|docs|roles|extensions|playbooks)/[\w./-]+)`", text):
        assert (ROOT / path_named).exists(), path_named


def test_every_command_of_make_is_there() -> None:
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)(?=`|$)", text, re.MULTILINE))
    assert "test" in named
    assert named <= made
