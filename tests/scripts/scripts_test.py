"""The scripts do what their first lines say: fail when they must, count what they must."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command, **environment):
    return subprocess.run([str(c) for c in command], cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)


class Scripts(unittest.TestCase):
    def test_every_shell_script_parses(self):
        scripts = [*ROOT.glob("scripts/*.sh"), ROOT / ".ci/run", *ROOT.glob("tests/docs/bin/*")]
        self.assertGreater(len(scripts), 6)
        for script in scripts:
            with self.subTest(script.name):
                shell = "sh" if script.read_text().startswith("#!/bin/sh") else "bash"
                self.assertEqual(run(shell, "-n", script).stdout, "")
                self.assertTrue(os.access(script, os.X_OK))

    def test_wrong_arguments_are_refused(self):
        for command in (["scripts/setup.sh", "all"], ["scripts/prove.sh", "R7"], ["scripts/format.sh", "--fix"]):
            self.assertEqual(run(*command).returncode, 2, command)


class Prove(unittest.TestCase):
    """prove.sh over a build folder whose test binary prints what we choose."""

    def prove(self, printed, status=0, row="R1"):
        with tempfile.TemporaryDirectory() as folder:
            binary = Path(folder) / "tests/backup/zkark_backup_proof_test"
            binary.parent.mkdir(parents=True)
            binary.write_text(f"#!/bin/sh\nprintf '{printed}'\nexit {status}\n")
            binary.chmod(0o755)
            return run("scripts/prove.sh", row, ZKARK_BUILD=folder)

    def test_a_row_that_holds(self):
        done = self.prove("[ RUN ]\\nPROVE R1: 12 of 12 flips found\\nPROVE R1: 3 of 3\\nPROVE R10: 0 of 1\\n")
        self.assertEqual((done.stdout, done.returncode), ("R1: 12 of 12 flips found\nR1: 3 of 3\n", 0))

    def test_a_row_that_does_not(self):
        for wrong in (("PROVE R1: 11 of 12\\n",), ("PROVE R1: 12 of 12\\n", 1), ("all is well\\n",), ("PROVE R1: 0 of 0\\n",),
                      ("PROVE R1: 2 of 2\\nPROVE R1: 1 of 2\\n",), ("PROVE R10: 5 of 5\\n",), ("PROVE R1: many of many\\n",)):
            with self.subTest(wrong):
                done = self.prove(*wrong)
                self.assertIn("R1: FAILED", done.stdout)
                self.assertEqual(done.returncode, 1)

    def test_a_missing_binary_fails(self):
        self.assertEqual(run("scripts/prove.sh", "R1", ZKARK_BUILD="/nowhere").returncode, 1)


class AllTests(unittest.TestCase):
    def test_a_failure_in_any_folder_fails_the_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            for name, status in (("one", 0), ("two", 3)):
                (folder / name).mkdir()
                (folder / name / "CTestTestfile.cmake").write_text(
                    f'add_test([=[t]=] [=[/bin/sh]=] [=[-c]=] [=[test "$A" = "b c" && exit {status}]=])\n'
                    'set_tests_properties([=[t]=] PROPERTIES LABELS "unit" ENVIRONMENT "A=b c" TIMEOUT 600)\n'
                    'add_test([=[slow]=] [=[/bin/false]=])\nset_tests_properties([=[slow]=] PROPERTIES LABELS "compat")\n')
            parts = [f"{n}={folder / n}:^unit$" for n in ("one", "two")]
            self.assertIn("2 tests of 2", run("tests/scripts/all_tests.py", folder / "all", *parts).stdout)
            done = run("ctest", "--test-dir", folder / "all")
            self.assertIn("two/t", done.stdout.split("The following tests FAILED")[1])
            self.assertIn("1 tests failed out of 2", done.stdout)
            self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
