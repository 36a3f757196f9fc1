"""Restored directories against Apache's replay at many points: no server, Apache's classes load them."""

import unittest

import apache
import zkark
import zkreal
from restored import TWO_STATES, own_log_dir, source


class RestoredStates(unittest.TestCase):
    def test_every_zxid_of_every_fixture_that_apache_replays_is_restored_to_apaches_state(self):
        for fixture in apache.fixtures():
            for name, data_dir, log_dir in apache.data_dirs(fixture):
                with self.subTest(name), zkreal.Lab() as lab:
                    src, states = source(lab, data_dir, log_dir), zkreal.apache_states(data_dir, log_dir)
                    chosen = self.some(name, sorted(states))
                    for zxid in chosen:
                        zkark.run(lab, "restore", src, "--to", lab.dir / f"{zxid:x}", "--at", f"zxid:{zxid:#x}", "--no-bump-epoch",
                                  *own_log_dir(lab, data_dir, log_dir, f"log-{zxid:x}"))
                    apache.oracle_batch([(lab.dir / f"{z:x}.txt", "dump", lab.dir / f"{z:x}", "--without", "/zookeeper/config")
                                         for z in chosen], apache.USUAL_FLAGS)
                    for zxid in chosen:
                        found = zkreal.sha256((lab.dir / f"{zxid:x}.txt").read_text())
                        self.assertEqual(found, states[zxid], f"{name} at {zxid:#x}")

    def some(self, name, zxids):
        """About 16 per directory, the fuzzy window of zk-3.8.0-fuzzy whole."""
        stale = range(0x10000000d, 0x100000011) if name == "zk-3.8.0-stale-tail/3" else ()
        zxids = [z for z in zxids if z and z not in stale and (name, z) not in TWO_STATES]
        window = [z for z in zxids if 0x1c0 <= z <= 0x1d2] if name == "zk-3.8.0-fuzzy" else []
        return sorted({*zxids[::max(1, len(zxids) // 16)], *zxids[-2:], *window})

if __name__ == "__main__":
    unittest.main()
