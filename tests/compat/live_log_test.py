"""`zkark log --follow` beside a real server that writes, rolls, dies and comes back: it prints every transaction, once."""

import json
import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

import zkark
import zkreal
from makers.recorder import flags

PATIENCE_SECONDS = 60


class Follower:
    """`zkark log DIR --follow …` as a process of its own, which ends with `test` at the latest."""

    def __init__(self, test, lab, name, data, *options):
        self.rows_file, self.errors_file = lab.dir / f"{name}.ndjson", lab.dir / f"{name}.err"
        with open(self.rows_file, "wb") as rows, open(self.errors_file, "wb") as errors:
            self.process = subprocess.Popen([zkark.binary(), "log", str(data), "--follow", "-o", "ndjson", *options],
                                            stdin=subprocess.DEVNULL, stdout=rows, stderr=errors,
                                            env={**os.environ, "TZ": "UTC"})
        test.addCleanup(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def rows(self):
        """Whole lines only: the last one may be half written."""
        text = self.rows_file.read_text()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def wait_for(self, zxid):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not any(int(row.get("zxid", "0"), 16) >= zxid for row in self.rows()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{zxid:#x} was not printed: {self.errors_file.read_text()}")
            time.sleep(0.05)

    def end(self):
        """As Ctrl-C does; gives the exit code and what stands on stderr."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_SECONDS), self.errors_file.read_text()


class LiveLog(unittest.TestCase):
    def write(self, client, number):
        """A few writes of different kinds; gives the highest zxid among them."""
        path = f"/live/n{number}"
        client.create(path, b"first", ephemeral=number % 3 == 0)
        stat = client.set(path, f"line one\nline {number}\n".encode())
        transaction = client.transaction()
        transaction.create(f"/live/m{number}", b"x" * 2000)
        transaction.delete(f"/live/m{number}")
        transaction.commit()
        return client.set("/live", str(number).encode()).mzxid if number % 2 else stat.mzxid

    def test_every_write_is_printed_while_the_server_rolls_dies_and_comes_back(self):
        with zkreal.Lab() as lab:
            server = lab.standalone(lab.new_dir("data"), flags=flags(prealloc_kb=64, snap_count=30))
            data = Path(server.config["dataDir"])
            client = server.client()
            client.ensure_path("/live")
            plain = Follower(self, lab, "plain", data)
            patches = Follower(self, lab, "patches", data, "-p", "--path", "/live")
            last = 0
            for number in range(120):
                last = max(last, self.write(client, number))
                if number == 60:
                    lab.close_client(client)
                    server.kill()
                    server.start()
                    client = server.client()
            last = client.set("/live", b"the end").mzxid
            for follower in (plain, patches):
                follower.wait_for(last)
            self.assertGreater(len(list((data / "version-2").glob("log.*"))), 3, "the log was rolled meanwhile")
            lab.close_client(client)
            server.kill()
            for follower, options in ((plain, []), (patches, ["-p", "--path", "/live"])):
                wanted = zkark.run(lab, "log", data, "-o", "ndjson", *options).stdout
                follower.wait_for(max(int(row["zxid"], 16) for row in map(json.loads, wanted.splitlines()) if "zxid" in row))
                status, errors = follower.end()
                with self.subTest(options=options):
                    self.assertEqual(status, 130, errors)
                    self.assertEqual(follower.rows(), [json.loads(line) for line in wanted.splitlines()])
                    self.assertTrue(follower.rows()[-1]["complete"], errors)

    def test_what_a_rejoining_member_cuts_off_is_told(self):
        """A leader logs transactions alone, dies, and rejoins before the others wrote anything: it is sent TRUNC."""
        with zkreal.Lab() as lab:
            servers = lab.ensemble({n: lab.new_dir("data") for n in (1, 2, 3)}, flags=flags(snap_count=1000),
                                   config={"syncLimit": 1000})  # it leads while its followers stand still
            first = next(n for n, s in servers.items() if s.mode == "leader")
            others = [n for n in servers if n != first]
            client = servers[first].client(timeout=120.0)  # its session ends when all is over
            client.create("/base", b"epoch 1")
            kept = client.set("/base", b"kept").mzxid
            for n in others:
                zkreal.wait_until(lambda: servers[n].srvr()["zxid"] == kept)
            data = Path(servers[first].config["dataDir"])
            follower = Follower(self, lab, "member", data, "-p")
            for n in others:
                servers[n].stop()
            client.set_async("/base", b"never acknowledged")
            client.create_async("/lost", b"never acknowledged")
            follower.wait_for(kept + 2)
            for server in servers.values():
                server.kill()
            lab.close_client(client, answer=False)
            zkreal.start_together(servers[n] for n in others)
            servers[first].start()
            client = servers[first].client()
            last = client.set("/base", b"epoch 2").mzxid
            follower.wait_for(last)
            lab.close_client(client)
            for server in servers.values():
                server.kill()
            afterwards = [json.loads(line) for line in zkark.run(lab, "log", data, "-o", "ndjson", "-p").stdout.splitlines()]
            follower.wait_for(max(int(row["zxid"], 16) for row in afterwards if row["record"] == "txns"))
            status, errors = follower.end()
            self.assertEqual(status, 130, errors)
            rows = follower.rows()
            cuts = [row for row in rows if row["record"] == "cut"]
            self.assertEqual([(int(row["last_zxid"], 16), int(row["withdrawn_zxid"], 16)) for row in cuts],
                             [(kept, kept + 2)], errors)
            left = [row for row in rows if row["record"] == "txns" and not kept < int(row["zxid"], 16) <= kept + 2]
            self.assertEqual(left, [row for row in afterwards if row["record"] == "txns"])
            written = next(row for row in left if int(row["zxid"], 16) == last)
            self.assertEqual(written["changes"][0]["before"]["data"], {"utf8": "kept"})


if __name__ == "__main__":
    unittest.main()
