"""The report in a browser: what it loads, shows and says, on a phone, in the dark, on paper and by the keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Page

from tests.browser.conftest import Open
from tests.browser.history import BAD, BEGIN, DAYS, EDITOR, HOSTILE, OVERRIDE, RTL, SILENT, Reports

PHONE = {"width": 390, "height": 844}
# An A4 page between its margins, in CSS pixels.
PAPER = {"width": 688, "height": 1017}

# Functions of JavaScript that the tests have in common.
TOOLS = """
const texts = () => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() && element.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true})
        && !element.closest("title, .skip"))
      found.push([walker.currentNode, element]);
  }
  return found;
};
const rgba = (color) => { const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
const luminance = ([r, g, b]) => {
  const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const [x, y, z] = [r, g, b].map((part) => linear(part / 255));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const contrast = (one, other) => {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
};
const behind = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const color = rgba(getComputedStyle(one).backgroundColor);
    if (color[3] === 1) return color;
  }
  return [255, 255, 255, 1];
};
"""


def ask(page: Page, words: str) -> Any:
    """What the function body ``words`` returns in the page; the tools above are at hand."""
    return page.evaluate(f"() => {{ {TOOLS} {words} }}")


def open_figures(page: Page) -> None:
    for summary in page.locator("summary").all():
        summary.click()


def cut_off(page: Page) -> Any:
    """Texts that stick out of their cell or of the page, where nothing can be scrolled."""
    return ask(
        page,
        """
        const width = document.documentElement.clientWidth;
        return texts().filter(([node, element]) => {
          const range = document.createRange();
          range.selectNodeContents(node);
          const box = element.closest("td, th, dt, dd, li, p, h1, h2, h3, h4, summary, .card").getBoundingClientRect();
          const scrolled = element.closest(".wide");
          return [...range.getClientRects()].some((one) => one.right > box.right + 1 || one.left < box.left - 1
            || (!scrolled && (one.right > width || one.left < 0)));
        }).map(([node]) => node.data);
        """,
    )


@pytest.mark.parametrize("offline", [False, True])
def test_no_request_leaves_the_page(browser: Browser, report: Path, offline: bool) -> None:
    with browser.new_context(offline=offline) as context:
        requests: list[str] = []
        context.on("request", lambda request: requests.append(request.url))
        page = context.new_page()
        page.goto(report.as_uri())
        open_figures(page)
        page.emulate_media(media="print", color_scheme="dark")
        page.wait_for_load_state("networkidle")
        assert requests == [report.as_uri()]
        assert page.get_by_role("heading", level=1).inner_text() == "Executions of n8n"


def test_nothing_is_said_on_the_console_and_no_dialog_opens(browser: Browser, report: Path) -> None:
    with browser.new_context() as context:
        said: list[str] = []

        def dismiss(dialog: Dialog) -> None:
            said.append(dialog.message)
            dialog.dismiss()

        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", dismiss)
        page.goto(report.as_uri())
        for name in page.locator("bdi").all():
            name.dispatch_event("mouseover")
        page.wait_for_load_state("networkidle")
        assert said == []
        # That it would be heard of.
        page.evaluate("alert('seen'); console.log('heard')")
        assert said == ["seen", "heard"]


def test_hostile_names_and_messages_are_text(open_page: Open, reports: Reports) -> None:
    page = open_page(reports.several)
    shown = page.locator("#instance-2 bdi").all_inner_texts()
    for name in HOSTILE:
        visible = name.replace("\u202e", "\ufffd")
        # Among the failing ones, their messages, and the slowest ones.
        assert [one for one in shown if one.startswith(visible)] == [visible, f"{visible} failed", visible], name
    assert "\u202e" in OVERRIDE
    assert "\u202e" not in page.content()
    assert page.locator("bdi *").count() == 0
    made = "script, img, iframe, object, embed, form, base, [onerror], [onmouseover], [onload], [onclick]"
    assert page.locator(made).count() == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 0


def test_text_written_from_right_to_left_does_not_turn_its_neighbours(open_page: Open, reports: Reports) -> None:
    page = open_page(reports.several)
    name = page.locator(".rank bdi", has_text=RTL).first
    assert name.evaluate("(bdi) => [getComputedStyle(bdi).direction, getComputedStyle(bdi).unicodeBidi]") == ["rtl", "isolate"]
    assert page.locator("body").evaluate("(body) => getComputedStyle(body).direction") == "ltr"


def test_the_policy_keeps_out_whatever_would_be_loaded_or_run(open_page: Open, report: Path) -> None:
    page = open_page(report)
    refused = page.evaluate(
        """async () => {
          const refused = [];
          document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          const image = new Image();
          image.src = "http://127.0.0.1:9/x.png";
          const style = document.createElement("link");
          Object.assign(style, {rel: "stylesheet", href: "http://127.0.0.1:9/x.css"});
          document.body.append(script, image, style);
          await fetch("http://127.0.0.1:9/").catch(() => {});
          await new Promise((done) => setTimeout(done, 200));
          return [window.ran === true, ...new Set(refused)].map(String).sort();
        }"""
    )
    assert refused == ["connect-src", "false", "img-src", "script-src-elem", "style-src-elem"]


def test_a_phone_shows_it_without_scrolling_sideways(open_page: Open, report: Path) -> None:
    page = open_page(report, viewport=PHONE, is_mobile=True, has_touch=True)
    for _unused in range(2):
        wide = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        assert page.evaluate(wide) <= 0
        assert page.evaluate("document.scrollingElement.clientWidth") == PHONE["width"]
        assert cut_off(page) == []
        open_figures(page)


def test_a_phone_breaks_no_short_word_apart(open_page: Open, reports: Reports) -> None:
    page = open_page(reports.several, viewport=PHONE, is_mobile=True)
    broken = ask(
        page,
        """
        const ordinary = texts().filter(([, one]) => !one.closest("#instance-2"));
        return ordinary.flatMap(([node]) => [...node.data.matchAll(/[A-Za-z]+/g)].filter((word) => {
          const range = document.createRange();
          range.setStart(node, word.index);
          range.setEnd(node, word.index + word[0].length);
          return range.getClientRects().length > 1;
        }).map(String));
        """,
    )
    assert broken == []


def test_no_text_on_a_phone_is_smaller_than_12_pixels(open_page: Open, report: Path) -> None:
    page = open_page(report, viewport=PHONE, is_mobile=True)
    open_figures(page)
    words = "return texts().map(([node, element]) => [parseFloat(getComputedStyle(element).fontSize), node.data]);"
    sizes = ask(page, words)
    assert len(sizes) > 100
    assert [one for one in sizes if one[0] < 12] == []


def test_what_is_to_be_touched_is_24_pixels_high_or_stands_in_a_sentence(open_page: Open, report: Path) -> None:
    """WCAG 2.2, 2.5.8, with its exception for what stands inline."""
    page = open_page(report, viewport=PHONE, is_mobile=True, has_touch=True)
    small = ask(
        page,
        """
        return [...document.querySelectorAll("a:not(.skip), summary")].filter((one) => {
          const {width, height} = one.getBoundingClientRect();
          const inline = getComputedStyle(one).display === "inline"
            && one.parentElement.innerText.length > one.innerText.length + 10;
          return !inline && (width < 24 || height < 24);
        }).map((one) => one.innerText);
        """,
    )
    assert small == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(open_page: Open, report: Path, scheme: Any) -> None:
    """WCAG 1.4.3."""
    page = open_page(report, color_scheme=scheme)
    open_figures(page)
    brightness = ask(page, "return luminance(behind(document.body));")
    assert brightness < 0.05 if scheme == "dark" else brightness > 0.85
    words = """
    return texts().map(([node, element]) => [contrast(rgba(getComputedStyle(element).color), behind(element)), node.data]);
    """
    ratios = ask(page, words)
    assert len(ratios) > 100
    assert [one for one in ratios if one[0] < 4.5] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_can_be_told_apart_without_their_colours(open_page: Open, reports: Reports, scheme: Any) -> None:
    """Each stands out from the card by 3:1 (WCAG 1.4.11), and failed from succeeded by its lightness; neither has an outline."""
    page = open_page(reports.one, color_scheme=scheme)
    words = """
    const of = (form, what) => rgba(getComputedStyle(document.querySelector(".chart ." + form))[what]);
    const card = behind(document.querySelector(".chart"));
    const [good, bad, time, other] = [of("good", "fill"), of("bad", "fill"), of("time", "fill"), of("other", "stroke")];
    return [contrast(good, bad), ...[good, bad, time, other].map((one) => contrast(one, card))];
    """
    apart, *from_card = ask(page, words)
    assert apart >= 2
    assert min(from_card) >= 3


def test_paper_shows_all_of_it_on_white(open_page: Open, report: Path) -> None:
    page = open_page(report, viewport=PAPER, color_scheme="dark")
    page.emulate_media(media="print")
    assert ask(page, "return behind(document.body).slice(0, 3);") == [255, 255, 255]
    assert ask(page, "return texts().filter(([, one]) => contrast(rgba(getComputedStyle(one).color), behind(one)) < 4.5);") == []
    assert page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth") <= 0
    words = 'return [...document.querySelectorAll(".wide")].filter((one) => one.scrollWidth > one.clientWidth).length;'
    assert ask(page, words) == 0
    assert cut_off(page) == []
    # The figures, which a screen keeps folded up.
    for table in page.locator("details table").all():
        assert table.is_visible()
        assert table.evaluate("(table) => table.getBoundingClientRect().height") > DAYS * 12
    assert not page.locator(".skip").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF-")


def _focused(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(
        """() => {
          const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
          return {
            place: [...document.querySelectorAll("a[href], summary, [tabindex='0']")].indexOf(one),
            outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
            seen: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth && box.height > 0,
          };
        }"""
    )
    return found


@pytest.mark.parametrize("opened", [False, True])
def test_the_keyboard_reaches_everything_in_the_order_of_the_page(open_page: Open, report: Path, opened: bool) -> None:
    page = open_page(report)
    if opened:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    expected = page.evaluate(
        """() => [...document.querySelectorAll("a[href], summary, [tabindex='0']")].map((one, place) => [one, place])
          .filter(([one]) => one.checkVisibility()).map(([, place]) => place)"""
    )
    reached = []
    for _unused in expected:
        page.keyboard.press("Tab")
        focused = _focused(page)
        assert focused["outline"] > 0
        assert focused["seen"]
        reached.append(focused["place"])
    assert reached == expected
    assert page.locator("a[href], summary").nth(0).inner_text() == "Skip to the report"


def test_the_skip_link_leads_past_the_instances(open_page: Open, reports: Reports) -> None:
    page = open_page(reports.several)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("[location.hash, document.activeElement.id]") == ["#report", "report"]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Open n8n"


def test_enter_opens_the_figures_which_can_then_be_scrolled(open_page: Open, reports: Reports) -> None:
    page = open_page(reports.one, viewport=PHONE)
    summary, table = page.locator("summary"), page.locator("details table")
    assert not table.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert table.is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.className === 'wide' && document.activeElement.scrollLeft > 0")


def test_links_lead_into_n8n(open_page: Open, reports: Reports) -> None:
    page = open_page(reports.several)
    for number, base in ((1, EDITOR), (2, reports.staging)):
        links = page.locator(f"#instance-{number} a").evaluate_all("(all) => all.map((one) => [one.href, one.innerText])")
        assert links[0] == [f"{base}/", "Open n8n"]
        for address, words in links[1:]:
            ending = r"/executions/[0-9]+" if words.startswith("execution ") else ""
            assert re.fullmatch(re.escape(base) + "/workflow/[A-Za-z0-9]+" + ending, address), address
    assert page.locator("a:not([href^='#'])").count() == page.locator("a[rel~=noopener][rel~=noreferrer]").count()
    targets = page.locator("a[href^='#']").evaluate_all("(all) => all.filter((one) => !document.querySelector(one.hash)).length")
    assert targets == 0


def test_charts_have_a_name_and_their_figures_stand_in_a_table(open_page: Open, reports: Reports) -> None:
    page = open_page(reports.one)
    names = ["Success rate", "Executions", "Mean duration"]
    drawn = {}
    for name in names:
        image = page.get_by_role("img", name=f"{name}; the figures stand in the table below the charts")
        assert image.count() == 1
        titles = image.locator("title").all_text_contents()
        drawn[name] = dict(title.split(": ", 1) for title in titles)
    table = {}
    texts = "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    for cells in page.locator("details tbody tr").evaluate_all(texts):
        day, total, succeeded, failed, other, rate, mean = cells
        assert int(total) == int(succeeded) + int(failed) + int(other)
        table[day] = (rate, f"{succeeded} succeeded, {failed} failed, {other} neither", mean)
    assert len(table) == DAYS
    silent = f"{BEGIN.replace(day=1 + SILENT):%Y-%m-%d}"
    assert table.pop(silent) == ("-", "0 succeeded, 0 failed, 0 neither", "-")
    assert {day: tuple(drawn[name][day] for name in names) for day in table} == table


def test_bars_are_as_high_as_their_figures(open_page: Open, reports: Reports) -> None:
    page = open_page(reports.one)
    spans = page.get_by_role("img", name="Executions").locator("g")
    bars = spans.evaluate_all(
        """(all) => all.map((one) => [one.querySelector("title").textContent, ...[".bad", ".good"].map(
          (form) => one.querySelector(form)?.getBoundingClientRect().height || 0)])"""
    )
    assert len(bars) == DAYS - 1
    scales = set()
    for title, bad, good in bars:
        succeeded, failed = map(int, re.findall(r": ([0-9]+) succeeded, ([0-9]+) failed", title)[0])
        scales |= {round((bad + good) / (succeeded + failed), 2)}
    assert max(scales) - min(scales) <= 0.02
    assert max(bars, key=lambda bar: bar[1])[0].startswith(f"{BEGIN.replace(day=1 + BAD):%Y-%m-%d}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 900}])
def test_axe_finds_nothing(open_page: Open, report: Path, scheme: Any, viewport: Any) -> None:
    # The policy of the page would keep out the script that looks at it.
    page = open_page(report, color_scheme=scheme, viewport=viewport, bypass_csp=True)
    open_figures(page)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    assert found.response["violations"] == [], found.generate_report()
    assert len(found.response["passes"]) > 20
