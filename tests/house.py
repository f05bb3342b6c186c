#!/usr/bin/env python3
"""Checks how the house is built, as CONTRIBUTING.md says it: arrows between crates, circles of modules, long files, wide Markdown,
and the words that customers read.

    tests/house.py            says what is wrong, and ends with 1 where something is
    tests/house.py --arrows CRATE    prints the imports between the files of a crate, as they are read here
"""

import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What a crate of ours may depend on, tests aside. Whoever adds an arrow here says why in docs/architecture.md.
CRATES = {
    "card-core": [],
    "card-meter": ["card-core"],
    "card-applet": ["card-core"],
    "applet-sim": ["card-applet", "card-core"],
    "card-host": ["card-core", "applet-sim"],
    "card-channel": ["card-core", "card-host"],
    "card-ledger": ["card-core", "card-host"],
    "card-server": ["card-core", "card-host", "card-channel", "card-ledger", "card-paper"],
    "card-paper": ["card-core", "card-host", "card-ledger"],
    "card-pkcs11": ["card-core", "card-host"],
    "card-signer": ["card-core", "card-host"],
    "card-conformance": ["card-core", "card-host", "applet-sim"],
    "cardctl": ["card-core", "card-paper", "card-pkcs11", "card-signer", "card-conformance", "applet-sim", "card-host", "card-channel", "card-ledger", "card-server"],
}
CIRCLE = 4
LINES = 500
COLUMNS = 100


def files(*patterns):
    """Files under version control, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for line in sorted(set(listed.splitlines())) if (path := ROOT / line).exists()]


def crates():
    """Each crate's folder by its name, and its manifest."""
    found = {}
    for manifest in files("Cargo.toml", "*/Cargo.toml"):
        data = tomllib.loads(manifest.read_text())
        if "package" in data:
            found[data["package"]["name"]] = (manifest.parent, data)
    return found


def arrows(found):
    """Dependencies that point against the order of the crates."""
    for name, (folder, data) in found.items():
        if name not in CRATES:
            continue
        tables = [data.get("dependencies", {})]
        tables += [target.get("dependencies", {}) for target in data.get("target", {}).values()]
        for table in tables:
            for other in table:
                if other in found and other not in CRATES[name]:
                    yield f"{folder.relative_to(ROOT)}/Cargo.toml: {name} must not depend on {other}"
    for name in CRATES:
        if name not in found:
            yield f"Cargo.toml: there is no crate {name}"


ITEM = re.compile(
    r"^\s*(?:pub(?:\([a-z: ]+\))? )?(?:default |const |async |unsafe |extern \"C\" )*"
    r"(?:struct|enum|union|trait|fn|type|const|static(?: mut)?|macro_rules!|mod) +([A-Za-z_0-9]+)",
    re.M,
)
USE = re.compile(r"\b(pub(?:\([a-z: ]+\))? )?use ([^;]+);")
PATH = re.compile(r"(?<![A-Za-z_0-9:])((?:crate|super|self)(?:::[A-Za-z_0-9]+)+)")


def plain(text):
    """Source without comments, texts and modules of tests."""
    text = re.sub(r'r(#*)".*?"\1', '""', text, flags=re.S)
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+ \{.*", "", text, flags=re.S)


def leaves(tree):
    """`a::{b, c::{d, e as f}}` as [["a", "b"], ["a", "c", "d"], ["a", "c", "e"]], each with its name here."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        path, _, alias = tree.partition(" as ")
        path = [part.strip() for part in path.split("::")]
        if path[-1] == "self":
            path.pop()
        return [(path, alias.strip() or (path[-1] if path else ""))]
    before = [part.strip() for part in tree[:brace].split("::") if part.strip()]
    inner, depth, begin, result = tree[brace + 1 : tree.rfind("}")], 0, 0, []
    for at, letter in enumerate(inner + ","):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            if inner[begin:at].strip():
                result += [(before + path, name) for path, name in leaves(inner[begin:at])]
            begin = at + 1
    return result


class Module:
    def __init__(self, path, name):
        self.path, self.name, self.text = path, name, plain(path.read_text())
        self.items = set(ITEM.findall(self.text))
        self.doors, self.uses = {}, []
        for public, tree in USE.findall(self.text):
            for target, name in leaves(tree):
                if public:
                    self.doors[name] = target
                self.uses.append((target, bool(public)))
        without = USE.sub("", self.text)
        self.uses += [(found.split("::"), False) for found in PATH.findall(without)]


def modules(source):
    """The modules of a crate by their paths, without those of tests."""
    found = {}
    for path in files(f"{source.relative_to(ROOT)}/*.rs"):
        parts = list(path.relative_to(source).with_suffix("").parts)
        if "tests" in parts or parts[0] == "bin":
            continue
        if parts[-1] in ("mod", "lib", "main"):
            parts.pop()
        name = tuple(parts)
        if name not in found or path.stem == "lib":
            found[name] = Module(path, name)
    return found


def resolve(found, module, path, depth=0):
    """The module that holds what a path names; nothing where it is of another crate."""
    if depth > 8 or not path:
        return None
    parts, here = list(path), module.name
    if parts[0] == "crate":
        parts, here = parts[1:], ()
    elif parts[0] in ("self", "super"):
        while parts and parts[0] in ("self", "super"):
            here = here[:-1] if parts[0] == "super" else here
            parts = parts[1:]
    elif (*here, parts[0]) not in found and parts[0] not in module.doors:
        return None
    while parts and (*here, parts[0]) in found:
        here, parts = (*here, parts[0]), parts[1:]
    holder = found.get(here)
    if holder is None:
        return None
    if parts and parts[0] in holder.doors and parts[0] not in holder.items:
        target = holder.doors[parts[0]]
        if target[: 1] and target[0] in ("crate", "self", "super") or (*here, target[0]) in found:
            return resolve(found, holder, [*target, *parts[1:]], depth + 1) or holder
    if parts and parts[0] not in holder.items and "*" in holder.doors:
        for target, public in holder.uses:
            if public and target[-1] == "*":
                inner = resolve(found, holder, target[:-1], depth + 1)
                if inner and parts[0] in inner.items:
                    return inner
    return holder


def imports(found):
    """Which file imports which: what a module shows of another one (`pub use`) is a door and no import."""
    graph = {}
    for module in found.values():
        targets = graph.setdefault(module.path, set())
        for path, public in module.uses:
            if public and resolve(found, module, path) is not None:
                continue
            target = resolve(found, module, path)
            if target is not None and target is not module:
                targets.add(target.path)
    return graph


def circles(graph):
    """The strongly connected parts of a graph with more than one node (Tarjan)."""
    number, low, stack, result = {}, {}, [], []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in number:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], number[target])
        if low[node] == number[node]:
            part = []
            while True:
                part.append(stack.pop())
                if part[-1] == node:
                    break
            if len(part) > 1:
                result.append(sorted(part))

    sys.setrecursionlimit(10_000)
    for node in sorted(graph):
        if node not in number:
            visit(node)
    return result


def room(path):
    """The folder that a file belongs to: `a.rs` and `a/mod.rs` stand at the door of `a`."""
    door = path.with_suffix("")
    if path.stem in ("mod", "lib", "main"):
        return path.parent
    inside = [other for other in door.glob("*.rs") if other.stem != "tests"] if door.is_dir() else []
    return door if inside else path.parent


def module_circles(found):
    for folder, _ in found.values():
        source = folder / "src"
        if not source.is_dir():
            continue
        graph = imports(modules(source))
        for part in circles(graph):
            if len(part) > CIRCLE:
                names = ", ".join(str(path.relative_to(source)) for path in part)
                yield f"{source.relative_to(ROOT)}: a circle of {len(part)} files: {names}"
            elif len({room(path) for path in part}) > 1:
                names = ", ".join(str(path.relative_to(source)) for path in part)
                yield f"{source.relative_to(ROOT)}: a circle between folders: {names}"


def long_files():
    for path in files("*.rs", "*.py"):
        lines = path.read_text().splitlines()
        if len(lines) > LINES and not any("Long: " in line for line in lines[:15]):
            where = path.relative_to(ROOT)
            yield f"{where}: {len(lines)} lines: split it, or say in its first lines why not (`// Long: ...`)"


def wide_markdown():
    for path in files("*.md"):
        code = False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.lstrip().startswith("```"):
                code = not code
            table = line.lstrip().startswith("|")
            if not code and not table and "://" not in line and len(line) > COLUMNS:
                yield f"{path.relative_to(ROOT)}:{number}: {len(line)} columns, and {COLUMNS} are the most"


# What was said before, and is not said any more (docs/glossary.md has the words): each is a part of a sentence that customers read.
SAID_BEFORE = {
    "هذا الشحن": "هذه الشحنة", "الشحن التالي": "الشحنة التالية", "الشحن الحالي": "الشحنة الحالية", "الصادر له هذا الشحن": "الصادرة له هذه الشحنة",
    "شحن أحدث": "شحنة أحدث", "شحن سابق": "شحنة سابقة", "لشحن سابق": "لشحنة سابقة", "شحن مدفوع": "شحنة مدفوعة", "أول شحن ": "أول شحنة",
    "يضاف الشحن ": "تضاف الشحنة", "تحميل الشحن ": "تحميل الشحنة", "جهة الشراء": "منفذ الشحن", "هذا المنفذ": "منفذ الشحن هذا",
    "الأوقات الصديقة": "الوقت الصديق", "سلفة": "خدمة سلفني", "السلفة": "خدمة سلفني", "خصم الفرق": "خصم فرق الشرائح", "إضافة الفرق": "إضافة فرق الشرائح",
    "خصم رسوم الشهر": "خصم مقابل خدمة العملاء ورسوم الشهر", "العداد منخفض": "رصيد العداد أوشك على النفاد", "ساعة العداد": "تاريخ ووقت العداد",
    "ذاكرة الكارت لا تعمل": "يوجد عطل في ذاكرة الكارت", "رجعت ذاكرة العداد": "يوجد خلل في ذاكرة العداد", "الروزيتة": "أطراف التوصيل",
    "مفاتيح": "بيانات التشفير", "والشريحة إلى": "والشريحة الذهبية إلى", "أعمال مخطط لها": "لإجراء أعمال صيانة", "خطة التقسيط": "تم سداد جميع الأقساط",
}


def said_before():
    """Arabic wordings that were replaced, wherever they stand."""
    for path in files("*.rs", "*.md", "*.c", "*.h", "*.toml", "*.sh", "*.txt"):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for former, present in SAID_BEFORE.items():
                if former in line:
                    yield f"{path.relative_to(ROOT)}:{number}: «{former}» is «{present}» now"


def main():
    found = crates()
    if sys.argv[1:2] == ["--arrows"]:
        source = found[sys.argv[2]][0] / "src"
        for path, targets in sorted(imports(modules(source)).items()):
            names = " ".join(str(target.relative_to(source)) for target in sorted(targets))
            print(f"{path.relative_to(source)}: {names}")
        return 0
    wrong = [*arrows(found), *module_circles(found), *long_files(), *wide_markdown(), *said_before()]
    for line in wrong:
        print(line)
    print(f"{len(found)} crates, {len(files('*.rs'))} files of Rust, {len(files('*.md'))} of Markdown: "
          f"{len(wrong) or 'nothing'} to mend")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
