"""Every row of docs/compatibility.md that clients can see is played by a test, or named here with the reason why not."""

import re
import unittest
from pathlib import Path

import both

NOT_PLAYED = {
    "a client that does not read": "Apache keeps its answers without limit: there is nothing to compare",
    "session ids": "no two servers have the same; the tests give them names",
    "requests sent behind `closeSession`": "protocol_session_test leaves out what Apache answers or not, run by run",
    "version in": "masked by its form in four_letter_words_test",
    "sizes in `conf`, `dirs`": "masked: files are preallocated differently",
    "directories in `conf`, `dirs`": "takes a disk that hangs: tests/server/four_letter_test.cc",
    "`stmk` whose 8 bytes": "whether Apache reads them together is chance",
    "trace mask": "seen in logs alone",
    "`hash` after a start": "servers of these tests start empty",
    "`Received` after a telnet": "asked for after the counts in four_letter_words_test",
    "`envi`": "masked in four_letter_words_test",
    "`dump`: when": "masked by its form in four_letter_words_test",
    "`mntr`": "of these values four_letter_words_test compares the form",
    "a point served read-only": "Apache has none: serve_test",
    "a container or TTL node that a write": "a matter of microseconds: tests/server/sweep_test.cc",
    "reads behind a connection's own write": "an answer comes either way: tests/server/throttle_test.cc",
    "more than 64 MiB of replies to reads": "Apache keeps them without limit: tests/server/flood_test.cc",
    "a multi that grows past what a record may hold": "Apache could not read its log again: tests/server/flood_test.cc",
    "a multiRead of more than 64 MiB": "Apache answers or runs out of memory: tests/server/flood_test.cc",
    "identities of one connection": "Apache keeps them without limit: tests/server/auth_test.cc",
    "what is left to send to a session": "Apache keeps it without limit: tests/server/flood_test.cc",
    "a request that the throttle holds up": "its client has gone: tests/server/throttle_test.cc",
    "an answer that is not read": "takes as long as the timeout; tests/server/server_test.cc",
}


def rows(section):
    text = both.DEVIATIONS.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^\| (.*?) \|", text, re.M)
    return [row for row in found if row != "matter"]


class Deviations(unittest.TestCase):
    def test_each_row_is_played_or_has_a_reason(self):
        played = set()
        for file in Path(__file__).parent.glob("*_test.py"):
            if file.name != Path(__file__).name:
                played.update(re.findall(r"""(?:deviation\(|row\(|row = |, row = [^,]*, )"([^"]+)\"""", file.read_text(encoding="utf-8")))
        all_rows = [*rows("Clients"), *rows("Four-letter words")]
        self.assertGreater(len(all_rows), 25)
        without = [row for row in all_rows if not any(row.startswith(known) for known in (*played, *NOT_PLAYED))]
        self.assertEqual(without, [])
        stale = [known for known in NOT_PLAYED if not any(row.startswith(known) for row in all_rows)]
        self.assertEqual(stale, [])


if __name__ == "__main__":
    unittest.main()
