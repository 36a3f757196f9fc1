"""What is recorded in the fixtures is what Apache says today."""

import hashlib
import tempfile
import unittest

import apache
import record


class RecordedJudgement(unittest.TestCase):
    def test_equals_what_apache_says_about_every_fixture(self):
        with tempfile.TemporaryDirectory() as fresh:
            written = record.record(apache.fixtures(), fresh)
            self.assertGreater(len(written), 80)
            for path in written:
                with self.subTest(path.relative_to(fresh)):
                    recorded = apache.FIXTURES / path.relative_to(fresh)
                    self.assertEqual(recorded.read_text(), path.read_text())

    def test_no_recorded_file_is_left_over(self):
        with tempfile.TemporaryDirectory() as fresh:
            written = {p.relative_to(fresh) for p in record.record(apache.fixtures(), fresh)}
            there = {p.relative_to(apache.FIXTURES) for p in apache.FIXTURES.glob("zk-*/**/apache-*") if p.is_file()}
            there |= {p.relative_to(apache.FIXTURES) for p in apache.FIXTURES.glob("zk-*/**/apache-records/*")}
            self.assertEqual(there - written, set())

    def test_fixture_files_are_the_ones_that_were_taken(self):
        for line in (apache.FIXTURES / "SHA256SUMS").read_text().splitlines():
            expected, name = line.split("  ", 1)
            with self.subTest(name):
                self.assertEqual(hashlib.sha256((apache.FIXTURES / name).read_bytes()).hexdigest(), expected)


if __name__ == "__main__":
    unittest.main()
