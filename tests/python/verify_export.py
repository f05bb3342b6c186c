#!/usr/bin/env python3
"""Checks an export of a ledger by docs/ledger.md, sections 3 and 9, alone: no code of the project is used.

    verify_export.py FOLDER [PUBLIC_KEY.pem]

Recomputes the hash of every entry, the chains, the sums and the files' hashes against the manifest, and the signature of the manifest
where a public key is given. Ends with 0 where all of it is right.
"""

import csv
import hashlib
import json
import pathlib
import sys


class Wrong(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Wrong(what)


def hash_of(entry):
    """Section 3: SHA-256 over the previous hash and each field after its length."""
    fields = [
        entry["point"],
        str(entry["number"]),
        str(entry["time"]),
        entry["kind"],
        entry["party"],
        entry["request"],
        entry["step"],
        entry["actor"],
        entry["reason"],
        entry["meter"],
        "" if entry["binding"] is None else str(entry["binding"]),
        entry["card"],
        entry["account"],
        str(entry["amount"]),
        str(entry["sequence"]),
        str(entry["total_credit"]),
        str(entry["total_debited"]),
        str(entry["policy"]),
        bytes.fromhex(entry["payload"]),
    ]
    for transfer in entry["transfers"]:
        fields += [transfer["debit"], transfer["credit"], str(transfer["amount"])]
    state = hashlib.sha256(bytes.fromhex(entry["previous"]))
    for field in fields:
        data = field if isinstance(field, bytes) else field.encode()
        state.update(len(data).to_bytes(4, "big") + data)
    return state.hexdigest()


def line_of(account):
    kind = account.split(":")[0]
    return kind if kind in ("credit", "debt") else account


def verify(folder, key):
    manifest_bytes = (folder / "manifest.json").read_bytes()
    manifest = json.loads(manifest_bytes)
    check(manifest["format"] == "EGLEDGER export v1", "the manifest has another format")

    if key is not None:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        text = f"EGLEDGER manifest v1\n{hashlib.sha256(manifest_bytes).hexdigest()}\n"
        signature = bytes.fromhex((folder / "manifest.sig").read_text().strip())
        load_pem_public_key(key.read_bytes()).verify(signature, text.encode())

    check(set(manifest["files"]) == {"entries.jsonl", "entries.csv", "transfers.csv"}, "other files than an export has")
    for name, file in manifest["files"].items():
        content = (folder / name).read_bytes()
        check(len(content) == file["bytes"], f"{name} has another length")
        check(hashlib.sha256(content).hexdigest() == file["sha256"], f"{name} has another hash")

    ends, accounts, numbers, transfers = {}, {}, [], 0
    with open(folder / "entries.jsonl", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            entry = json.loads(line)
            where = f"entry {entry['number']} of {entry['point']}"
            check(hash_of(entry) == entry["hash"], f"{where} was changed")
            check(manifest["from"] <= entry["time"] < manifest["until"], f"{where} is of another time")
            point = manifest["points"][entry["point"]]
            number, head = ends.get(entry["point"], (point["first"] - 1, point["before"]))
            check(entry["number"] == number + 1, f"{where} follows {number}")
            check(entry["previous"] == head, f"{where} does not follow the one before it")
            ends[entry["point"]] = (entry["number"], entry["hash"])
            numbers.append((entry["point"], str(entry["number"]), entry["hash"]))
            for transfer in entry["transfers"]:
                transfers += 1
                for side, account in (("debits", transfer["debit"]), ("credits", transfer["credit"])):
                    sums = accounts.setdefault(line_of(account), {"debits": 0, "credits": 0})
                    sums[side] += transfer["amount"]
    check(accounts == manifest["accounts"], "the sums of the accounts differ")
    given = {code: (point["last"], point["head"]) for code, point in manifest["points"].items()}
    check(ends == given, "the heads of the chains differ")
    check(sum(sums["debits"] for sums in accounts.values()) == sum(sums["credits"] for sums in accounts.values()), "debits and credits differ")

    with open(folder / "entries.csv", encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    check([tuple(row[name].removeprefix("'") for name in ("point", "number", "hash")) for row in rows] == numbers, "entries.csv has other entries")
    with open(folder / "transfers.csv", encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    check(len(rows) == transfers, "transfers.csv has other transfers")
    records = {name: file["records"] for name, file in manifest["files"].items()}
    expected = {"entries.jsonl": len(numbers), "entries.csv": len(numbers), "transfers.csv": transfers}
    check(records == expected, "the manifest counts other records")
    return len(numbers)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    key = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else None
    try:
        count = verify(pathlib.Path(sys.argv[1]), key)
    except Wrong as wrong:
        sys.exit(f"wrong: {wrong}")
    except Exception as error:  # a file that is missing or damaged is as wrong
        sys.exit(f"wrong: {type(error).__name__} {error}")
    print(f"{count} entries, {'signed' if key else 'not checked for a signature'}: right")


if __name__ == "__main__":
    main()
