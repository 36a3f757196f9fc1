#!/usr/bin/python3
"""Runs what the documentation says: every command of every page, in order, and compares what is printed.

    ZKARK=build/release/zkark tests/docs/run_docs_test.py [PAGE...]   all pages by default
    …                         run_docs_test.py --update [PAGE...]     writes what was printed into the pages: review the diff
    …                         run_docs_test.py --self-test            shows that wrong pages are found

What a page may hold:
  ```console      `$ command` (more lines with `> `), then what it prints on stdout and stderr. `…` stands for anything
                  within a line, a line `…` alone for any number of lines; blanks count as one, and ids, times, durations
                  and sizes are examples. ` # exit 7` behind a command is the status it must end with; without it, 0.
  ```sh           commands not run here: each must be a script of scripts/, which tests of their own run.
  ```toml, ini    a file: the path it goes to stands in an HTML comment before it, `<!-- docs-test file PATH -->`.
  <!-- docs-test  lines that are run and not shown, to prepare the scene; they must end with 0. `scene` (bin/)
  -->             makes the usual ones.
Each page runs in an empty directory of its own. Paths such as /var/lib/zookeeper and /srv/zk-backup are paths below
it, in commands and in output. Inline code `zkark VERB --flag` must name verbs and flags that exist; links must lead somewhere.
"""

import contextlib
import difflib
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/compat"))
from ports import free_ports  # noqa: E402

# Directories that pages name as absolute paths and that live in the sandbox.
MAPPED = re.compile(r"(?<![\w./-])/(?=(?:var/lib|var/log|srv|etc/zookeeper|etc/zkark|etc/systemd|etc/cron\.d|mnt)(?:/|\b))")
# Ports that pages name; in the sandbox each is another one, for the same page may be run twice at once.
PORT = re.compile(r"\b218\d\d\b")
NOBODY, SERVING = "21810", "21811"  # that of a server that does not run, that of the scene `serving`
# What differs from run to run: ids, sums, durations, times and sizes. A page shows examples of them.
VOLATILE = [re.compile(p) for p in (
    r"\b[0-9a-f]{8}(?:[0-9a-f]{8}|[0-9a-f]{24}|[0-9a-f]{56})?\b", r"\b\d+(?:\.\d+)? (?:s|ms|min|B|KiB|MiB)\b",
    r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?",
    r"\b20\d\d-\d\d(?:-\d\d)?(?: \d\dh)?\b", r"\bbefore-\d{8}T\d{6}Z")]


class Command:
    """One `$ ` line with what it must print; line is its place in the page. Files and hidden lines are commands too."""

    def __init__(self, text, line, hidden=False):
        self.text, self.line, self.hidden = text, line, hidden
        self.expected, self.first, self.last = [], line, line  # lines of the expected output in the page
        match = re.search(r"\s+# exit (\d+)\s*$", text)
        self.status = int(match[1]) if match else 0


def parse(page):
    """Commands of a page in order, and complaints about what it holds beside them."""
    commands, complaints, lines = [], [], page.read_text().split("\n")
    file_name, at = None, 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("<!-- docs-test file "):
            file_name = line.split()[3]
        elif line.startswith("<!-- docs-test"):
            end = next(i for i in range(at, len(lines)) if "-->" in lines[i])
            commands.append(Command("\n".join(lines[at + 1:end]), at + 1, hidden=True))
            at = end
        elif line.startswith("```"):
            language, end = line[3:].strip(), next(i for i in range(at + 1, len(lines)) if lines[i].startswith("```"))
            body = lines[at + 1:end]
            if file_name:
                text = "\n".join(body).replace("ZKARK_DOCS_EOF", "")
                commands.append(Command(f"mkdir -p \"$(dirname {file_name})\"\ncat > {file_name} <<'ZKARK_DOCS_EOF'\n{text}\nZKARK_DOCS_EOF",
                                        at + 1, hidden=True))
                file_name = None
            elif language == "console":
                commands += console(body, at + 1, complaints)
            elif language == "sh":
                for i, text in enumerate(body):
                    script = re.match(r"(scripts/[\w.]+)", text)
                    if text and not (script and (ROOT / script[1]).is_file()):
                        complaints.append(f"{at + 2 + i}: no script of this repository: {text}")
            elif language != "text":
                complaints.append(f"{at + 1}: a block of unknown kind: {line}")
            at = end
        at += 1
    return commands, complaints


def console(body, offset, complaints):
    commands = []
    for i, line in enumerate(body, offset):
        if line.startswith("$ "):
            commands.append(Command(line[2:], i))
            commands[-1].first = i + 1
        elif line.startswith("> ") and commands and not commands[-1].expected:
            commands[-1].text += "\n" + line[2:]
            commands[-1].first = i + 1
        elif commands:
            commands[-1].expected.append(line)
        else:
            complaints.append(f"{i + 1}: output without a command: {line}")
        if commands:
            commands[-1].last = i + 1
    for command in commands:
        match = re.search(r"\s+# exit (\d+)\s*$", command.text)
        command.status = int(match[1]) if match else 0
    return commands


def run_page(commands, sandbox):
    """Runs all commands in one shell; gives (status, output) for each, status None where the shell was gone."""
    real = str(sandbox)
    home, log = sandbox / ".home", sandbox / ".log"
    home.mkdir(), log.mkdir()
    for place in ("var/lib", "var/log", "srv", "etc/zookeeper", "etc/zkark", "etc/systemd/system", "etc/cron.d", "mnt"):
        (sandbox / place).mkdir(parents=True)
    script = ["cd " + real]
    numbers = sorted({NOBODY, SERVING, *PORT.findall("\n".join(c.text for c in commands))})
    ports = dict(zip(numbers, map(str, free_ports(len(numbers)))))
    for i, command in enumerate(commands):
        text = PORT.sub(lambda found: ports[found[0]], MAPPED.sub(f"{real}/", command.text))
        opened, closed = ("( set -e", ")") if command.hidden else ("{", "}")
        script.append(f"{opened}\n{text}\n{closed} > {log}/{i}.out 2>&1 < /dev/null; echo $? > {log}/{i}.status")
    bin_dir = home / "bin"
    bin_dir.mkdir()
    (bin_dir / "zkark").symlink_to(Path(os.environ["ZKARK"]).resolve())
    tools = ROOT / "tests/docs/bin"
    environment = {"PATH": f"{bin_dir}:{tools}:/usr/bin:/bin", "HOME": str(home), "TZ": "UTC", "LC_ALL": "C.UTF-8",
                   "FIXTURES": str(ROOT / "fixtures"), "SANDBOX": real, "COLUMNS": "120",
                   "NOBODY": ports[NOBODY], "SERVING": ports[SERVING]}
    with subprocess.Popen(["/bin/bash", "-c", "\n".join(script)], env=environment, start_new_session=True) as shell:
        try:
            shell.wait(300)
        finally:
            with contextlib.suppress(ProcessLookupError):  # nothing is left
                os.killpg(shell.pid, signal.SIGKILL)
    results = []
    for i in range(len(commands)):
        status = log / f"{i}.status"
        output = (log / f"{i}.out").read_text(errors="replace") if (log / f"{i}.out").exists() else ""
        output = output.replace(real, "")
        for named, port in ports.items():
            output = re.sub(rf"\b{port}\b", named, output)
        results.append((int(status.read_text()) if status.exists() else None, output))
    return results


def matches(expected, printed):
    """Whether the lines of the page allow the printed lines."""
    def normal(lines):
        for line in (" ".join(line.split()) for line in lines):
            for volatile in VOLATILE:
                line = volatile.sub("#", line)
            yield line
    pattern = ""
    for line in normal(expected):
        if line == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += "[^\n]*?".join(re.escape(part) for part in line.split("…")) + r" ?\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in normal(printed))) is not None


def trimmed(output):
    lines = output.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def check(page, update=False):
    """Complaints about one page; with update, expected output that does not match is replaced in the page."""
    commands, complaints = parse(page)
    with tempfile.TemporaryDirectory(prefix="zkark-docs-") as sandbox:
        results = run_page(commands, Path(sandbox))
    edits = []
    for command, (status, output) in zip(commands, results):
        printed = trimmed(output)
        if status != command.status:
            complaints.append(f"{command.line + 1}: `{command.text}` ended with {status}, not {command.status}:\n" + "\n".join(printed))
        elif not command.hidden and not matches([e for e in command.expected if e.strip()], [p for p in printed if p.strip()]):
            if update:
                edits.append((command, printed))
                continue
            diff = "\n".join(difflib.unified_diff(command.expected, printed, "page", "printed", lineterm="", n=99))
            complaints.append(f"{command.line + 1}: `{command.text}` printed something else:\n{diff}")
    if edits:
        lines = page.read_text().split("\n")
        for command, printed in reversed(edits):
            lines[command.first:command.last] = printed
        page.write_text("\n".join(lines))
    return complaints


def help_of(verb):
    done = subprocess.run([os.environ["ZKARK"], "help", *([verb] if verb else [])], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, check=False)
    return done.stdout.decode() if done.returncode == 0 else None


def check_words(page, known={}):
    """Inline code that names verbs or flags which do not exist, and links that lead nowhere."""
    complaints, text = [], re.sub(r"^```.*?^```", lambda m: "\n" * m[0].count("\n"), page.read_text(), flags=re.M | re.S)
    for number, line in enumerate(text.split("\n"), 1):
        for code in re.findall(r"`(zkark [^`]+)`", line):
            words = code.split()
            if not re.fullmatch("[a-z]+", words[1]):
                continue
            if words[1] not in known:
                known[words[1]] = help_of(words[1])
            if known[words[1]] is None:
                complaints.append(f"{number}: there is no verb `{words[1]}`")
                continue
            for flag in re.findall(r"(?<!\S)(--[a-z-]+)", code):
                if flag not in known[words[1]]:
                    complaints.append(f"{number}: `zkark {words[1]}` has no {flag}")
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
            if "://" not in link and not (page.parent / link).exists():
                complaints.append(f"{number}: the link leads nowhere: {link}")
    return complaints


def all_pages():
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


class FindsWhatIsWrong(unittest.TestCase):
    def complaints(self, text):
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.md"
            page.write_text(text)
            return check(page) + check_words(page)

    def test_a_right_page_passes(self):
        self.assertEqual(self.complaints("```console\n$ echo one; echo two three 4 s; echo id 0123abcd\none\ntwo … 3.1 s\nid 4567cdef\n```\n"), [])
        self.assertEqual(self.complaints("<!-- docs-test\nmkdir /srv/a\n-->\n```console\n$ cd /srv/a\n$ pwd\n/srv/a\n$ false # exit 1\n```\n"), [])
        self.assertEqual(self.complaints("<!-- docs-test file /etc/zkark/x -->\n```toml\na = 1\n```\n```console\n$ cat /etc/zkark/x\na = 1\n```\n"), [])

    def test_other_output_is_found(self):
        self.assertIn("printed something else", self.complaints("```console\n$ echo two\none\n```\n")[0])
        self.assertIn("printed something else", self.complaints("```console\n$ echo one; echo two\none\n```\n")[0])
        self.assertIn("printed something else", self.complaints("```console\n$ true\none\n```\n")[0])

    def test_another_status_is_found(self):
        self.assertIn("ended with 3, not 0", self.complaints("```console\n$ (exit 3)\n```\n")[0])
        self.assertIn("ended with 0, not 7", self.complaints("```console\n$ true # exit 7\n```\n")[0])
        self.assertIn("ended with None", self.complaints("```console\n$ exit\n```\n")[0])
        self.assertIn("ended with 1", self.complaints("<!-- docs-test\nfalse\n-->\n")[0])

    def test_words_and_links_are_checked(self):
        self.assertIn("no verb", self.complaints("Use `zkark frobnicate`.\n")[0])
        self.assertIn("has no --nonsense", self.complaints("Use `zkark version --nonsense`.\n")[0])
        self.assertIn("leads nowhere", self.complaints("See [it](nowhere.md).\n")[0])
        self.assertIn("unknown kind", self.complaints("```\n$ zkark list\n```\n")[0])
        self.assertIn("no script", self.complaints("```sh\nzkark list\n```\n")[0])


def main(args):
    if not os.access(os.environ.get("ZKARK", ""), os.X_OK):
        sys.exit("set ZKARK to the zkark binary")
    if args[:1] == ["--self-test"]:
        unittest.main(argv=["run_docs_test.py"])
    update = args[:1] == ["--update"]
    wrong = 0
    for page in [Path(a).resolve() for a in args[update:]] or all_pages():
        commands, _ = parse(page)
        complaints = check(page, update) + check_words(page)
        for complaint in complaints:
            print(f"{page.relative_to(ROOT)}:{complaint}\n")
        wrong += len(complaints)
        print(f"{'FAILED' if complaints else 'ok':8}{page.relative_to(ROOT)}: {sum(not c.hidden for c in commands)} commands")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
