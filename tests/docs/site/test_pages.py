"""Every page of the site in a browser: formulas, code, pictures and widths, on a desk and a phone.

The browser is Debian's chromium with its chromedriver. Where there is none, the tests are skipped
with a sentence that says so.
"""

import shutil
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="No page was opened in a browser: chromium and chromedriver are not installed."
    ),
]
WIDTHS = (1400, 400)
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
SECONDS = 30  # for a page to be drawn

# What is wrong with the page as it stands, as {kind: [what]}. Text in code is not prose.
LOOK = r"""
const wrong = {}, report = (kind, what) => (wrong[kind] = wrong[kind] || []).push(String(what).slice(0, 200));
const width = window.innerWidth;
const page = document.documentElement.scrollWidth;
if (page > width + 1) {
  const beyond = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width + 1);
  report("page wider than the window", page + " px: " + beyond.slice(0, 3).map(e => e.outerHTML.slice(0, 60)).join(" | "));
}
for (const image of document.images) {
  if (!image.complete || image.naturalWidth === 0) report("broken image", image.src);
  if (!image.hasAttribute("alt")) report("image without alternative text", image.src);
}
for (const object of document.querySelectorAll("object"))
  if (!object.contentDocument) report("broken image", object.data);
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode()); ) {
  const parent = node.parentElement;
  if (!parent || parent.closest("pre, code, script, style, noscript, mjx-container, textarea")) continue;
  const latex = /\\\(|\\\[|\$\$|\\(frac|sum|mathrm|alpha|left|begin)\b/, markup = /:(math|class|func|doc|term|ref|meth):`|``/;
  if (latex.test(node.data) || markup.test(node.data)) report("raw LaTeX or markup", node.data.trim());
}
for (const formula of document.querySelectorAll(".math")) {
  if (!formula.querySelector("mjx-container")) report("formula that was not drawn", formula.textContent);
}
for (const error of document.querySelectorAll("mjx-merror, [data-mjx-error]")) report("formula with an error", error.outerHTML);
for (const code of document.querySelectorAll("div.highlight pre, pre.literal-block")) {
  const scrolls = ["auto", "scroll"].includes(getComputedStyle(code).overflowX);
  const over = code.scrollWidth - code.clientWidth;
  const box = code.getBoundingClientRect();
  if ((width >= 1000 && over > 1) || (over > 1 && !scrolls) || box.right > width + 1 || box.left < -1)
    report("clipped code block", over + " px: " + code.textContent.trim().split("\n").sort((a, b) => b.length - a.length)[0]);
}
if (document.querySelectorAll("h1").length !== 1) report("not one heading of the first level", document.title);
for (const entry of performance.getEntriesByType("resource"))
  if (!entry.name.startsWith(location.origin) && !entry.name.startsWith("data:")) report("request to another host", entry.name);
return wrong;
"""
# MathJax draws after the page is loaded.
READY = """
if (document.readyState !== "complete") return false;
if (!document.querySelector(".math")) return true;
return Boolean(window.MathJax && MathJax.startup && MathJax.startup.promise) && window.drawn === true;
"""
WAIT_FOR_FORMULAS = """
const wait = () => window.MathJax && MathJax.startup && MathJax.startup.promise
  ? MathJax.startup.promise.then(() => { window.drawn = true; }) : setTimeout(wait, 20);
wait();
"""
KINDS = (
    "page wider than the window", "broken image", "image without alternative text", "raw LaTeX or markup",
    "formula that was not drawn", "formula with an error", "clipped code block", "not one heading of the first level",
    "request to another host", "message of the browser", "never ready",
)  # fmt: skip


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def browser(folder):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f"--user-data-dir={folder}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "WARNING"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    driver.set_page_load_timeout(SECONDS)
    return driver


def resize(driver, width):
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def visit(driver, address, page, note):
    """Open a page at each width and note what is wrong."""
    from selenium.common.exceptions import TimeoutException
    from selenium.webdriver.support.ui import WebDriverWait

    resize(driver, WIDTHS[0])
    driver.get(f"{address}/{page}")
    driver.execute_script(WAIT_FOR_FORMULAS)
    try:
        WebDriverWait(driver, SECONDS, poll_frequency=0.02).until(lambda opened: opened.execute_script(READY))
    except TimeoutException:
        note("never ready", page)
    for width in WIDTHS:
        resize(driver, width)
        for kind, problems in driver.execute_script(LOOK).items():
            for what in problems:
                note(kind, f"{page} at {width} px: {what}")
    for entry in driver.get_log("browser"):
        note("message of the browser", f"{page}: {entry['message']}")


@pytest.fixture(scope="module")
def wrong(site, address, tmp_path_factory):
    """What is wrong with the pages, by its kind."""
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts)
    found = defaultdict(list)

    def visit_all(share):
        driver = browser(tmp_path_factory.mktemp("browser"))
        try:
            for page in share:
                visit(driver, address, page, lambda kind, what: found[kind].append(what))
        finally:
            driver.quit()

    assert len(pages) > 100
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(visit_all, (pages[::2], pages[1::2])))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_page_has(kind, wrong):
    assert set(wrong) <= set(KINDS)
    assert not wrong[kind], "\n".join(sorted(wrong[kind]))
