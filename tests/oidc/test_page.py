"""The OpenAPI page with a real browser, on a real server that demands tokens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.conftest import Server

from ..support.provider import Provider
from .test_browser import CHROMIUM, SWITCHES


@pytest.fixture
def page(demanding: Server) -> Iterator[Page]:
    """The page of the server, as somebody sees it who has just opened it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.goto(f"{demanding.url}/ui")
        yield page
        browser.close()


def box(page: Page, scheme: str) -> Locator:
    """The part of the dialogue in which one logs in one way."""
    page.click(".scheme-container button.authorize")
    return page.locator(".auth-container", has=page.get_by_role("heading", name=scheme))


def status_of_the_list(page: Page) -> Locator:
    """Ask for the procedures on the page; where it shows the status of the answer."""
    page.locator(".dialog-ux .close-modal").click()
    row = page.locator(".opblock-get", has=page.locator("[data-path='/procedures']"))
    row.locator(".opblock-summary-control").click()
    row.get_by_role("button", name="Try it out").click()
    row.get_by_role("button", name="Execute").click()
    return row.locator(".live-responses-table .response-col_status").last


def test_a_token_is_pasted(page: Page, issuing: Provider) -> None:
    bearer = box(page, "bearer")
    bearer.locator("input").fill(issuing.service_token())
    bearer.get_by_role("button", name="Apply credentials").click()
    expect(status_of_the_list(page)).to_contain_text("200")


def test_a_person_logs_in_at_the_provider(page: Page) -> None:
    login = box(page, "login")
    with page.expect_popup() as opened:
        login.get_by_role("button", name="Apply given OAuth2 credentials").click()
    provider = opened.value
    provider.fill("input[name=login]", "alice")
    provider.fill("input[name=password]", "any")
    provider.click("button[type=submit]")
    provider.wait_for_selector("text=Authorize")
    with provider.expect_event("close"):
        provider.click("button[type=submit]")
    expect(page.locator(".dialog-ux")).to_contain_text("Logout")
    expect(status_of_the_list(page)).to_contain_text("200")


def test_nobody_is_refused(page: Page) -> None:
    page.click(".scheme-container button.authorize")
    expect(status_of_the_list(page)).to_contain_text("401")
