#!/usr/bin/env python3
"""Looks at the pages for customers in a real browser: receipt, statement and slip, in both languages.

    tests/pages.py              each at the width of a phone, of a desk, and in print; an automatic checker finds nothing to blame
    tests/pages.py --update     also writes the pictures in docs/pages anew

Needs chromium (tests/setup.sh test) and the built cardctl ($CARD_PROGRAMS, else target/ci).
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
CARDCTL = pathlib.Path(os.environ.get("CARD_PROGRAMS", ROOT / "target/ci")) / "cardctl"
WIDTHS = {"phone": 390, "desk": 1024}
# Paper: width, height, and the most sheets that a page may take.
PAPERS = {"A4": ("210mm", "297mm", 3), "roll": ("80mm", "2000mm", 1)}


def cardctl(data, *arguments):
    command = [CARDCTL, "--data", data, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr}")


def make(folder):
    """A household of seventy days, and its pages."""
    data = folder / "data"
    cardctl(data, "issue", "--meter", "481", "--account", "77001")
    cardctl(data, "--request", "first", "top-up", "600")
    cardctl(data, "meter", "tap", "--meter", "481")
    cardctl(data, "meter", "run", "--meter", "481", "--days", "70")
    cardctl(data, "--request", "sale", "top-up", "250.50")
    cardctl(data, "meter", "tap", "--meter", "481")
    cardctl(data, "--request", "block", "block", "--meter", "481", "--reason", "lost")
    for language in ("ar", "en"):
        say = ["--language", language]
        for name, what in [("receipt", ["receipt", "sale"]), ("slip", ["slip", "block"]), ("statement", ["statement"])]:
            file = folder / f"{name}-{language}.html"
            cardctl(data, *say, *what, "--out", file)
            yield file


def blamed(page):
    """What is wrong with a page as it is shown."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = [f"{wide} pixels stand out"] if wide > 0 else []
    for rule in Axe().run(page).response["violations"]:
        nodes = "; ".join(node["html"] for node in rule["nodes"][:3])
        found.append(f"{rule['help']} ({rule['id']}): {nodes}")
    return found


def faults(browser, file):
    """What is wrong with a page; an empty list is good."""
    for name, width in WIDTHS.items():
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.on("request", lambda asked: asked.url.startswith("file:") or sys.exit(f"{file.name} asks for {asked.url}"))
        page.goto(file.as_uri())
        yield from (f"{file.name} on a {name}: {found}" for found in blamed(page))
        page.close()
    page = browser.new_page()
    page.goto(file.as_uri())
    for name, (width, height, most) in PAPERS.items():
        sheets = page.pdf(width=width, height=height).count(b"/Type /Page\n")
        if not 1 <= sheets <= most:
            yield f"{file.name} takes {sheets} sheets of {name}"
    page.close()


def picture(browser, file, folder):
    page = browser.new_page(viewport={"width": 600, "height": 400})
    page.goto(file.as_uri())
    page.screenshot(path=folder / f"{file.stem}.png", full_page=True)
    page.close()


def main():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        found, pages = [], list(make(pathlib.Path(folder)))
        for file in pages:
            found += faults(browser, file)
            if "--update" in sys.argv:
                docs = ROOT / "docs/pages"
                docs.mkdir(exist_ok=True)
                picture(browser, file, docs)
        browser.close()
    print("\n".join(found) or f"{len(pages)} pages are as they should be on {', '.join([*WIDTHS, *PAPERS])}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
