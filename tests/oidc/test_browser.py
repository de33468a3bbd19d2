"""The whole of ``oet login`` with a real browser."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.client.test_process import MAIN
from tests.support.fake_oet import FakeOET

CHROMIUM = "/usr/bin/chromium"
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def test_a_person_logs_in_with_a_browser(guarded: FakeOET, tokens_folder: Path) -> None:
    assert Path(CHROMIUM).exists(), "This test logs in with a real browser: install chromium"
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, "login", "--no-browser", "--timeout=60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stderr is not None
        link = ""
        while not link:
            found = re.search(r"http\S+", command.stderr.readline())
            link = found[0] if found else ""
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
            page = browser.new_page()
            page.goto(link)
            page.fill("input[name=login]", "alice")
            page.fill("input[name=password]", "any")
            page.click("button[type=submit]")
            page.wait_for_selector("text=Authorize")
            page.click("button[type=submit]")
            page.wait_for_selector("text=You can close this window")
            assert page.url.startswith("http://127.0.0.1:")
            browser.close()
        out, err = command.communicate(timeout=30)
    assert command.returncode == 0, err
    assert "Alice Archer" in out
    assert len(list(tokens_folder.glob("*.json"))) == 1
