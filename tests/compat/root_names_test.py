"""A server whose root changes under both of its names logs digests of no tree: zkark knows each of them."""

import unittest

import zkark
import zkreal
from makers import standalone


class RootNames(unittest.TestCase):
    def test_what_a_server_logs_wrongly_is_a_note_and_the_tree_is_proven(self):
        with zkreal.Lab() as lab:
            folder = lab.dir / "made"
            standalone.root_names(lab, folder)
            server = lab.standalone(lab.copy(folder))
            self.assertIn("First digest mismatch on txn", server.log_tail(10**6), "this server has no such fault")
            server.kill()
            report = zkark.json_of(lab, "verify", folder, "--replay=all")
            self.assertEqual({f["severity"] for f in report["findings"]}, {"note"})
            self.assertTrue(any("logged digest(s)" in f["message"] for f in report["findings"]), report["findings"])
            self.assertEqual(report["certificate"], "proven")
            repository = lab.dir / "repo"
            zkark.run(lab, "init", "-r", repository, "--encryption", "none")
            zkark.run(lab, "backup", folder, "-r", repository, "--prove")


if __name__ == "__main__":
    unittest.main()
