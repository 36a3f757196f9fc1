"""An exact copy by `zkark restore` of every recorded point of every fixture: Apache boots it, a client finds the tree."""

import unittest

import zkark
import zkreal
from restored import boot, own_log_dir, points, snapshot_zxid, source


class ExactCopies(unittest.TestCase):
    def assert_tree(self, expected, found):
        self.assertEqual(zkreal.differences(expected, found), [])

    def test_exact_copy_boots_to_the_truth_at_every_recorded_point(self):
        for name, data_dir, log_dir, zxid, truth, _ in points():
            with self.subTest(name, zxid=hex(zxid)), zkreal.Lab() as lab:
                target = lab.dir / "restored"
                zkark.run(lab, "restore", source(lab, data_dir, log_dir), "--to", target, "--at", f"zxid:{zxid:#x}",
                          "--no-bump-epoch", *own_log_dir(lab, data_dir, log_dir))
                self.assertEqual(snapshot_zxid(target), zxid)
                self.assert_tree(truth, boot(lab, target, data_dir).read_tree(zookeeper=True))

if __name__ == "__main__":
    unittest.main()
