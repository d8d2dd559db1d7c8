"""The browser of the tests."""

import os
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SOUND = "(async () => { const sound = new AudioContext(); await sound.resume(); return sound.state; })()"


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the priority of threads")
def test_no_thread_of_the_browser_goes_before_all_others(browser: "Browser") -> None:
    page = browser.new_page()
    assert page.evaluate(SOUND) == "running"  # sound is what Chromium wants to be in time for
    found = [
        policy
        for process in psutil.Process().children(recursive=True)
        if "chrom" in process.name()
        for thread in process.threads()
        for policy in find_policy(thread.id)
    ]
    page.close()
    assert len(found) > 10
    assert set(found) == {os.SCHED_OTHER}


def find_policy(thread: int) -> list[int]:
    """How a thread is scheduled, nothing of one that has ended meanwhile."""
    try:
        return [os.sched_getscheduler(thread)]
    except ProcessLookupError:
        return []
