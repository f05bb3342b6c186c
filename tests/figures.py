#!/usr/bin/env python3
"""Measured figures in the documents are what a command prints.

A figure stands in a code block behind a line `<!-- figures: COMMAND -->`. This runs each COMMAND (bash, in the project's
folder) and compares what it prints with the block.

    tests/figures.py [DOCUMENT...]             exit status 1 where a block differs
    tests/figures.py --update [DOCUMENT...]    writes what was printed
"""
import difflib
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MARK = re.compile(r"^<!-- figures:", re.MULTILINE)
BLOCK = re.compile(r"^(<!-- figures: ([^\n]+) -->\n+```text\n)(.*?)(^```\n)", re.DOTALL | re.MULTILINE)

# What people type; CARD_BENCH names what does the same with what is built already.
BENCH = "cargo bench -q -p system-tests"


def printed(command):
    command = command.replace(BENCH, os.environ.get("CARD_BENCH", BENCH))
    return subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout


def main(arguments):
    update = "--update" in arguments
    names = [name for name in arguments if name != "--update"]
    everything = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
    known, stale = {}, 0
    for name in names or everything.stdout.split():
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        blocks = BLOCK.findall(text)
        if len(MARK.findall(text)) != len(blocks):
            print(f"{name}: a mark of figures without its block of text behind it")
            stale += 1
        for before, command, stands, after in blocks:
            if command not in known:
                known[command] = printed(command)
            if stands == known[command]:
                print(f"{name}: {command}: as printed")
                continue
            if update:
                text = text.replace(before + stands + after, before + known[command] + after)
            else:
                stale += 1
                print(f"{name}: {command}: differs; tests/figures.py --update writes it anew")
                print("\n".join(difflib.unified_diff(stands.splitlines(), known[command].splitlines(), "document", "printed", lineterm="", n=0)))
        if update:
            path.write_text(text, encoding="utf-8")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
