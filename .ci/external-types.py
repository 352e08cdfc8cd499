"""Lists the types and traits of other crates in the public signatures of each published library.

usage: external-types.py FOLDER-OF-RUSTDOC-JSON

Prints a line for each pair: the library, then the path of the foreign type. The standard library and the crates of this
workspace are left out; so are impls that the compiler or a foreign blanket impl makes.
"""

import json
import pathlib
import sys

STANDARD = {"std", "core", "alloc", "proc_macro"}


def foreign_paths(node, crate, found):
    """Collects the ids of all paths below a node of an item's `inner`."""
    if isinstance(node, dict):
        if "path" in node and isinstance(node.get("id"), int):
            found.add(node["id"])
        for value in node.values():
            foreign_paths(value, crate, found)
    elif isinstance(node, list):
        for value in node:
            foreign_paths(value, crate, found)


def is_made_by_others(inner):
    made = inner.get("impl")
    return made is not None and (made.get("is_synthetic") or made.get("blanket_impl") is not None)


def main():
    lines = set()
    for file in sorted(pathlib.Path(sys.argv[1]).glob("ucupdate*.json")):
        crate = json.loads(file.read_text())
        name = file.stem.replace("_", "-")
        for item in crate["index"].values():
            inner = item["inner"]
            if item["crate_id"] != 0 or is_made_by_others(inner):
                continue
            found = set()
            if "use" in inner:
                found.add(inner["use"]["id"])
            elif "impl" in inner:
                # Its items are in the index themselves.
                made = {part: inner["impl"][part] for part in ("generics", "trait", "for")}
                foreign_paths(made, crate, found)
            else:
                foreign_paths(inner, crate, found)
            for number in found:
                path = crate["paths"].get(str(number))
                if path is None or path["crate_id"] == 0:
                    continue
                owner = crate["external_crates"][str(path["crate_id"])]["name"]
                if owner not in STANDARD and not owner.startswith("ucupdate"):
                    lines.add(f"{name} {owner}::{path['path'][-1]}")
    print("\n".join(sorted(lines)))


main()
