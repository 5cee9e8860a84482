"""The dashboard in a real browser: silent console, no request to anybody, links that hold."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from dashboard.launch import command
from ingestion.settings import Settings

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser():
    if not Path(CHROMIUM).exists():
        if os.environ.get("RETRACE_REQUIRE_SERVICES") == "1":
            pytest.fail("RETRACE_REQUIRE_SERVICES=1, but there is no Chromium")
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address(small_home, tmp_path_factory):
    home = tmp_path_factory.mktemp("dashboard") / "home"
    shutil.copytree(small_home, home)
    port = free_port()
    server = subprocess.Popen(
        command(Settings.load(home), port),
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(url, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"{url} did not answer within {seconds} s")


class Visit:
    """One browser tab, and everything it complained about or asked elsewhere."""

    def __init__(self, browser, address, scheme):
        self.page = browser.new_page(
            viewport={"width": 1440, "height": 1000}, color_scheme=scheme, accept_downloads=True
        )
        self.page.set_default_timeout(30_000)
        self.address, self.complaints, self.elsewhere = address, [], []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._see)

    def _hear(self, message):
        probe = "/_stcore/" in message.location.get("url", "") and "404" in message.text
        if message.type == "error" and not probe:
            self.complaints.append(message.text)

    def _see(self, request):
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.elsewhere.append(request.url)

    def go(self, path=""):
        self.page.goto(f"{self.address}/{path}")
        self.page.get_by_text("Source code").first.wait_for()
        return self.page


@pytest.fixture(params=["light", "dark"])
def visit(browser, address, request):
    tab = Visit(browser, address, request.param)
    yield tab
    tab.page.close()
    assert tab.complaints == []
    assert tab.elsewhere == []


def test_a_leader_reads_the_overview_and_asks_for_another_trend(visit):
    page = visit.go()
    page.locator(".tile").nth(5).wait_for()
    page.locator(".tile", has_text="Request to credit").click()
    page.get_by_role("heading", name="Request to credit by week opened").wait_for()
    assert "kpi=credit_issuance_time_from_request" in page.url


def test_an_analyst_selects_a_path_reads_its_cases_and_shares_the_link(visit):
    page = visit.go()
    page.get_by_text("Process map").first.click()
    page.locator(".canvas svg .box").first.wait_for()
    page.locator("[data-do=fit]").click()
    page.locator('.canvas .box[data-id="Receive"]').click()
    page.locator("dl.figures").wait_for()
    page.get_by_text("Show me the cases").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.path().read_text().startswith("case,times,wait_hours")
    page.get_by_text("Median wait").first.click()
    page.wait_for_url("**show=**")
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    page.locator(".canvas .box.selected").wait_for()
    assert page.locator(".legend").inner_text().startswith("Median wait")


def test_the_map_pans_zooms_and_stays_where_it_was_when_the_slider_moves(visit):
    page = visit.go("process-map")
    page.locator(".canvas svg .box").first.wait_for()
    view = lambda: page.locator(".canvas svg").first.get_attribute("viewBox")  # noqa: E731
    before = view()
    page.locator("[data-do=in]").click()
    zoomed = view()
    assert zoomed != before
    page.get_by_role("slider", name="Paths").press("ArrowRight")
    page.wait_for_url("**paths=**")
    assert view() == zoomed
    page.locator("[data-do=fit]").click()
    assert view() != zoomed
