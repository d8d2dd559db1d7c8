"""A page in a browser in, what axe-core finds wrong with it out."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

needs_axe = pytest.mark.skipif("AXE_TESTS" not in os.environ, reason="may not end: make test-access")


def find_violations(page: Page) -> list[str]:
    """A line for each rule that is broken, with the elements that break it."""
    return [
        f"{one['id']}: {one['help']}: {' | '.join(' '.join(node['target']) for node in one['nodes'][:5])}"
        for one in Axe().run(page).response["violations"]
    ]
