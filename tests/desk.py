#!/usr/bin/env python3
"""Works at the desk in a real browser, with the keyboard alone, in both languages: a sale, a button pressed twice, a card that is torn in
the middle, a second person, a replacement; and sees who is not let in.

    tests/desk.py              does it; an automatic checker finds nothing to blame on any page
    tests/desk.py --update     also writes the pictures in docs/pages anew

Needs chromium (tests/setup.sh test) and the built cardctl ($CARD_PROGRAMS, else target/ci).
"""

import contextlib
import http.client
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

from playwright.sync_api import sync_playwright

from pages import CARDCTL, ROOT, WIDTHS, blamed, cardctl

PICTURES = ROOT / "docs/pages"


def answer(data, *arguments):
    done = subprocess.run([CARDCTL, "--data", data, "--format", "json", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return json.loads(done.stdout)


@contextlib.contextmanager
def served(data, *arguments):
    """A desk, and the address that it prints."""
    command = [CARDCTL, "--data", data, "--format", "json", *arguments, "--listen", "127.0.0.1:0"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield json.loads(running.stdout.readline())["url"]
    finally:
        running.terminate()
        running.wait()


def sales(data):
    entries = answer(data, "ledger", "statement", "--meter", "481", "--entries", "1000")["entries"]
    return [entry["amount"] for entry in entries if entry["kind"] in ("sale", "certify")]


def looks_well(page, name, update):
    """At each width; the picture is of the desk's."""
    for width in WIDTHS.values():
        page.set_viewport_size({"width": width, "height": 800})
        found = blamed(page)
        assert not found, (name, width, found)
        if update and width == WIDTHS["phone"] and name.startswith("desk-card"):
            page.screenshot(path=PICTURES / f"{name}-phone.png", full_page=True)
    if update:
        page.set_viewport_size({"width": 800, "height": 500})
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def nobody_else(data, url):
    """Pages of others, other users of the computer, and names that lead here from elsewhere."""
    host, key = urllib.parse.urlsplit(url).netloc, urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["key"][0]
    cookie = f"cardctl-desk-{host.split(':')[1]}={key}"
    card = answer(data, "info")["card"]
    form = urllib.parse.urlencode({"request": "forged-1", "card": card, "amount": "40"})
    sold = sales(data)

    def ask(method, path, body=None, **headers):
        connection = http.client.HTTPConnection(host)
        sent = {"Content-Type": "application/x-www-form-urlencoded"} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, sent)
        return connection.getresponse()

    assert ask("GET", "/en/").status == 403
    assert ask("GET", "/?key=" + "0" * 32).status == 403
    assert ask("GET", "/en/", Cookie=cookie[:-1]).status == 403
    assert ask("GET", "/en/", Cookie=cookie, Host="evil.example:8471").status == 421
    assert ask("POST", "/en/do/sell", form, Origin=f"http://{host}").status == 403
    for origin in ["http://evil.example", "null", f"https://{host}", "http://127.0.0.1:1"]:
        assert ask("POST", "/en/do/sell", form, Cookie=cookie, Origin=origin).status == 403, origin
    assert ask("POST", "/en/do/sell", form, Cookie=cookie).status == 403
    page = ask("GET", "/en/", Cookie=cookie)
    assert page.status == 200 and "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert sales(data) == sold


def focused(page, selector):
    """Goes to it as somebody without a mouse does."""
    for _ in range(40):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {selector} with the keyboard")


def sell(page, amount):
    page.wait_for_selector("#amount")
    focused(page, "#amount")
    page.keyboard.type(amount)
    page.keyboard.press("Enter")
    page.wait_for_url("**/done/*")


def back(page):
    focused(page, "a[href='../']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#reader")


def work(data, page, language, update):
    """A clerk's day."""
    english = language == "en"
    page.wait_for_selector("#amount")
    looks_well(page, f"desk-card-{language}", update)

    # Amounts in the digits of either language; the receipt is there for printing.
    card = answer(data, "info")["card"]
    before = sales(data)
    sell(page, "40.50" if english else "٤٠٫٥٠")
    assert sorted(sales(data)) == sorted(before + [4050])
    looks_well(page, f"desk-sold-{language}", update)
    paper = page.get_attribute("a[data-print]", "href")
    printed = page.context.new_page()
    printed.goto(urllib.parse.urljoin(page.url, paper))
    assert "40.50" in printed.content() and not blamed(printed)
    printed.close()
    focused(page, "a[data-print]")
    page.keyboard.press("Enter")
    page.wait_for_selector("a[data-printed]")
    back(page)

    # The button twice, and the form twice at the same moment behind the script's back.
    page.wait_for_selector("#amount")
    before = sales(data)
    page.fill("#amount", "50")
    page.dblclick("form[action='do/sell'] button")
    page.wait_for_url("**/done/*")
    assert len(sales(data)) == len(before) + 1
    back(page)
    page.wait_for_selector("#amount")
    before = sales(data)
    answers = page.evaluate("""async () => {
        const form = document.querySelector("form[action='do/sell']");
        form.querySelector("#amount").value = "60";
        const send = () => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
        return (await Promise.all([send(), send(), send()])).map((answer) => [answer.status, answer.url]);
    }""")
    assert len(sales(data)) == len(before) + 1 and len({tuple(answer) for answer in answers}) == 1, answers
    page.goto(answers[0][1])
    back(page)

    # Nothing is asked for where the amount is none.
    page.wait_for_selector("#amount")
    page.fill("#amount", "4O")
    page.keyboard.press("Enter")
    page.wait_for_selector(".said")
    looks_well(page, f"desk-refused-{language}", False)
    page.keyboard.press("Enter")

    # A second person.
    before = sales(data)
    sell(page, "15000")
    looks_well(page, f"desk-second-{language}", update)
    assert sales(data) == before
    focused(page, "#name")
    page.keyboard.type("Mona" if english else "منى")
    page.keyboard.press("Enter")
    page.wait_for_selector("a[data-print]")
    assert sorted(sales(data)) == sorted(before + [1_500_000])
    back(page)

    # Out of the reader, and in again: the page says so by itself.
    answer(data, "sim", "eject")
    page.wait_for_selector("#amount", state="detached")
    looks_well(page, f"desk-empty-{language}", False)
    answer(data, "sim", "insert", card)
    page.wait_for_selector("#amount")

    # Another card than the one that was seen gets nothing.
    other = answer(data, "sim", "new")["card"]
    page.evaluate("() => { document.querySelector('[data-poll]').dataset.poll = 'none'; }")
    answer(data, "sim", "insert", other)
    before = sales(data)
    sell(page, "70")
    assert sales(data) == before and card in page.inner_text(".said")
    answer(data, "sim", "insert", card)
    back(page)

    # Torn in the middle of loading: paid, told so, and loaded later without being sold again.
    page.wait_for_selector("#amount")
    before = sales(data)
    answer(data, "sim", "power-cut", "--after", "0")
    sell(page, "80")
    looks_well(page, f"desk-torn-{language}", update)
    assert sorted(sales(data)) == sorted(before + [8000])
    waits = answer(data, "info")["pending_credit"]
    answer(data, "sim", "eject")
    focused(page, ".main button")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert len(sales(data)) == len(before) + 1
    answer(data, "sim", "insert", card)
    focused(page, ".main button")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_selector("a[href='../'][autofocus]")
    assert len(sales(data)) == len(before) + 1 and answer(data, "info")["pending_credit"] == waits + 8000
    back(page)

    # Blocked, and unblocked.
    for action in ["do/block", "do/unblock"]:
        form = f"form[action='{action}']:has(input[name=card])"
        page.wait_for_selector(form)
        focused(page, f"{form} input[name=reason]")
        page.keyboard.type("lost" if english else "فقد")
        page.keyboard.press("Enter")
        page.wait_for_selector("a[data-print]")
        back(page)
        if action == "do/block":
            page.wait_for_selector(".bad")
            assert not page.query_selector("#amount")
            looks_well(page, f"desk-blocked-{language}", update)

    # Replaced: the former card gets nothing any more, the new one has what was paid.
    answer(data, "sim", "eject")
    page.wait_for_selector("#amount", state="detached")
    focused(page, "#new-meter")
    page.keyboard.type("481" if english else "٤٨١")
    page.keyboard.press("Tab")
    page.keyboard.type("77001")
    page.keyboard.press("Enter")
    page.wait_for_selector("pre")
    looks_well(page, f"desk-replaced-{language}", False)
    access = re.search(r"(?:\d[ -]?){26}", page.inner_text("pre")).group().strip()
    back(page)
    page.wait_for_selector("form[action='do/refresh']")
    focused(page, "form[action='do/refresh'] button")
    page.keyboard.press("Enter")
    page.wait_for_selector("a[href='../'][autofocus]")
    assert answer(data, "info")["state"] == "active" and answer(data, "info")["card"] != card
    answer(data, "sim", "insert", card)
    page.goto(urllib.parse.urljoin(page.url, "../"))
    page.wait_for_selector(".bad")
    answer(data, "sim", "insert", answer(data, "ledger", "statement", "--meter", "481")["card"])
    return access


def with_staff(data, browser):
    """Where nobody acts without a secret: the clerk's is known to the desk, the second person's is typed there."""
    mona, tarek = data.with_suffix(".mona"), data.with_suffix(".tarek")
    answer(data, "ledger", "begin", "--staff", "Mona Aly", "--out", mona)
    by_mona = ["--secret-file", mona]
    answer(data, *by_mona, "staff", "add", "Tarek", "--may", "sell,approve", "--out", tarek)
    answer(data, *by_mona, "issue", "--meter", "481", "--account", "77001")
    answer(data, *by_mona, "top-up", "100")
    name, secret = tarek.read_text().split()
    with served(data, *by_mona, "serve", "--desk") as url:
        page = browser.new_context().new_page()
        page.goto(url)
        sell(page, "15000")
        for given, agreed in [("0" * 32, False), (mona.read_text().split()[-1], False), (secret, True)]:
            page.fill("#name", name)
            page.fill("#secret", given)
            assert not blamed(page)
            with page.expect_navigation():
                page.keyboard.press("Enter")
            assert bool(page.query_selector("a[data-print]")) == agreed, page.inner_text(".said")
        page.close()
    entries = answer(data, *by_mona, "ledger", "statement", "--meter", "481")["entries"]
    assert {"Mona Aly", "Tarek"} <= {entry["actor"] for entry in entries}, entries


def at_home(data, page, language, access, update):
    """The holder of the card, with its number alone."""
    english = language == "en"
    page.wait_for_selector("#access")
    looks_well(page, f"holder-{language}", update)
    focused(page, "#access")
    page.keyboard.type("1" * 26)
    page.keyboard.press("Enter")
    page.wait_for_selector(".said")
    page.go_back()
    page.wait_for_selector("#access")
    page.fill("#access", access if english else access.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")))
    page.keyboard.press("Enter")
    page.wait_for_selector("table")
    assert "77001" in page.content() and not blamed(page)


def main():
    update = "--update" in sys.argv
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for language in ["en", "ar"]:
            data = pathlib.Path(folder) / language
            issued = answer(data, "issue", "--meter", "481", "--account", "77001")
            with served(data, "--language", language, "serve", "--desk") as url:
                cardctl(data, "top-up", "100")
                nobody_else(data, url)
                page = browser.new_context().new_page()
                # What is refused is told there, too.
                page.on("console", lambda said: said.type == "error" and "422" not in said.text and sys.exit(said.text))
                page.goto(url)
                access = work(data, page, language, update)
                page.close()
            with served(data, "--language", language, "holder") as url:
                page = browser.new_context().new_page()
                page.goto(url)
                at_home(data, page, language, access, update)
                page.close()
        with_staff(pathlib.Path(folder) / "staff", browser)
        browser.close()
    print("the desk does what it says, once, in both languages, for its own browser alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
