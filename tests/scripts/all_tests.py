#!/usr/bin/python3
"""all_tests.py DIR NAME=BUILD[:LABELS]...: makes DIR, in which one `ctest` runs the tests of several build folders.

Of each folder those whose labels match the regular expression LABELS (all without one), with their properties, named
NAME/TEST.
"""

import json
import subprocess
import sys
from pathlib import Path

# What a property's value looks like in CTestTestfile.cmake: a list, a number, a word.
KEPT = ("ENVIRONMENT", "LABELS", "PROCESSORS", "RESOURCE_LOCK", "RUN_SERIAL", "SKIP_RETURN_CODE", "TIMEOUT", "WORKING_DIRECTORY",
        "PASS_REGULAR_EXPRESSION", "FAIL_REGULAR_EXPRESSION", "SKIP_REGULAR_EXPRESSION", "WILL_FAIL", "COST")


def quoted(text):
    """A bracket argument: nothing in it is looked at."""
    return f"[==[{text}]==]"


def tests_of(folder, labels):
    command = ["ctest", "--test-dir", folder, "--show-only=json-v1"] + (["-L", labels] if labels else [])
    listing = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    for test in listing["tests"]:
        if "command" not in test:
            sys.exit(f"{folder}: {test['name']} has no command: was it built?")
        yield test["name"], test["command"], {p["name"]: p["value"] for p in test.get("properties", [])}


def value_text(value):
    if isinstance(value, list):
        return quoted(";".join(map(str, value)))
    return {True: "TRUE", False: "FALSE"}.get(value, quoted(value)) if isinstance(value, bool) else quoted(value)


def main(target, *parts):
    lines, count = [], 0
    for part in parts:
        name, _, rest = part.partition("=")
        folder, _, labels = rest.partition(":")
        for test, command, properties in tests_of(folder, labels):
            label = quoted(f"{name}/{test}")
            lines.append(f"add_test({label} {' '.join(map(quoted, command))})")
            kept = " ".join(f"{k} {value_text(v)}" for k, v in properties.items() if k in KEPT)
            lines.append(f"set_tests_properties({label} PROPERTIES {kept})")
            count += 1
    Path(target).mkdir(parents=True, exist_ok=True)
    (Path(target) / "CTestTestfile.cmake").write_text("\n".join(lines) + "\n")
    print(f"{count} tests of {len(parts)} builds")


if __name__ == "__main__":
    main(*sys.argv[1:])
