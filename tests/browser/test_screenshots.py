"""Pictures of the report for its documentation: written to build/report; ``make screenshots`` keeps them in docs/report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FloatRect

from tests.browser.conftest import Open
from tests.browser.history import Reports

FOLDER = Path(__file__).parent.parent.parent / "build" / "report"
MOST_BYTES = 300_000


@pytest.mark.parametrize(
    "name, page, height, options",
    [
        ("phone", "several", 1900, {"viewport": {"width": 390, "height": 844}, "is_mobile": True}),
        ("desktop", "one", 1700, {"viewport": {"width": 1280, "height": 900}}),
        ("dark", "several", 1600, {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}),
        ("print", "several", 1123, {"viewport": {"width": 794, "height": 1123}}),
    ],
)
def test_a_picture_is_small_enough_to_be_kept(
    open_page: Open, reports: Reports, name: str, page: str, height: int, options: dict[str, Any]
) -> None:
    shown = open_page(getattr(reports, page), **options)
    if name == "print":
        shown.emulate_media(media="print")
        # The margin is the printer's.
        shown.add_style_tag(content="body { padding: 14mm; }")
    # The strangest names are in the second instance.
    top = shown.locator("#instance-2").bounding_box() if name == "dark" else None
    clip = FloatRect(x=0, y=top["y"] if top else 0, width=options["viewport"]["width"], height=height)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"report-{name}.png"
    shown.screenshot(path=path, full_page=True, clip=clip)
    assert 20_000 < path.stat().st_size < MOST_BYTES
