"""A page in a browser in, what axe-core finds wrong with it out."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def find_violations(page: Page) -> list[str]:
    """A line for each rule that is broken, with the elements that break it."""
    return [
        f"{one['id']}: {one['help']}: {' | '.join(' '.join(node['target']) for node in one['nodes'][:5])}"
        for one in Axe().run(page).response["violations"]
    ]
