"""The command line of Apache ZooKeeper (what zkCli.sh runs) in the same session on Apache and on `zkark serve`."""

import difflib
import re
import subprocess
import unittest

import apache
import zkark_server
import zkreal

COMMANDS = """
create /cli one
create -s /cli/s- x
create -s /cli/s-
create -e /cli/e y
create -s -e /cli/se- y
create -c /cli/c
create -t 100000000 /cli/t z
create /cli again
create /none/x
create /cli/e/x
create noslash
create /cli/bad/
get /cli
get -s /cli
get /none
get -w /cli
set /cli two
set -s -v 1 /cli three
set -v 0 /cli four
set /none x
stat /cli
stat /none
stat -w /cli/later
create /cli/later
ls /
ls -s /cli
ls -R /cli
ls -w /cli
ls /none
delete /cli/later
delete -v 7 /cli/c
delete /cli
delete /none
getAcl /cli
getAcl -s /cli
getAcl /none
setAcl /cli/s-0000000000 world:anyone:r
setAcl -s -v 0 /cli/s-0000000001 world:anyone:cdrwa
setAcl -v 9 /cli/s-0000000001 world:anyone:cdrwa
setAcl /cli/s-0000000001 nonsense:x:r
set /cli/s-0000000000 denied
get /cli/s-0000000000
addauth digest amy:secret
create /cli/sec data auth::cdrwa
getAcl /cli/sec
whoami
getEphemerals
getEphemerals /cli/s
getAllChildrenNumber /cli
getAllChildrenNumber /
sync /
sync /none
setquota -n 3 /cli
setquota -b 100 /cli
listquota /cli
setquota -N 50 -B 1000 /cli
listquota /cli
listquota /none
setquota -n 1 /cli/c
delquota -n /cli
listquota /cli
delquota /cli
listquota /cli
addWatch -m PERSISTENT /pw
create /pw
set /pw 1
create /pw/child
delete /pw/child
removewatches /pw
removewatches /pw
addWatch /rw
create /rw
create /rw/a
create /rw/a/b
set /rw/a/b x
deleteall /rw
config
reconfig -add server.5=127.0.0.1:1:2;3
deleteall /cli
deleteall /none
ls -R /
version
quit
"""


def masked(text):
    """Without what no two sessions share. Order of lists and of identities is none."""
    text = re.sub(r"0x[0-9a-f]{10,}", "SESSION", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "SERVER", text)
    text = re.sub(r"^(ctime|mtime) = \w{3} \w{3} \d\d .*$", r"\1 = TIME", text, flags=re.M)
    text = re.sub(r"(?<=^Auth scheme: User\n)(?:\w+: .*\n)+", lambda found: "".join(sorted(found[0].splitlines(True))), text,
                  flags=re.M)
    return re.sub(r"^\[(.*)\]$", lambda found: "[" + ", ".join(sorted(found[1].split(", "))) + "]", text, flags=re.M)


def session(server):
    """(lines without watch events, the events in their order, exit code): a thread of their own prints them in between.

    The last event, of the end that the client itself makes, is printed or not: the process may be gone first."""
    command = ["java", *zkreal.JVM, "-cp", f"{apache.JARS}/zookeeper.jar:{apache.JARS}/slf4j-nop.jar",
               "org.apache.zookeeper.ZooKeeperMain", "-timeout", "60000", "-waitforconnection", "-server",
               f"127.0.0.1:{server.port}"]
    done = subprocess.run(command, input=COMMANDS.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          preexec_fn=zkreal._die_with_parent)
    text = done.stdout.decode()
    events = masked("\n".join(re.findall(r"\n(WatchedEvent [^\n]*)\n", text))).splitlines()
    if events and "state:Closed" in events[-1]:
        del events[-1]
    # Each is printed at once with the line ends around it, perhaps within a line that is printed in pieces.
    text = re.sub(r"\n(?:WATCHER::|WatchedEvent [^\n]*)\n", "", text)
    return [line for line in masked(text).splitlines() if line != ""], events, done.returncode


class Cli(unittest.TestCase):
    maxDiff = None

    def test_the_same_session_reads_the_same(self):
        with zkreal.Lab() as lab:
            config = {"reconfigEnabled": "true"}
            ours = zkark_server.standalone(lab, lab.new_dir("zkark"), config=config)
            theirs = lab.standalone(lab.new_dir("apache"), config=config)
            their_text, their_events, their_exit = session(theirs)
            our_text, our_events, our_exit = session(ours)
            self.assertGreater(len(their_text), len(COMMANDS.splitlines()))
            self.assertGreater(len(their_events), 8)
            self.assertEqual("\n".join(difflib.unified_diff(their_text, our_text, "apache", "zkark", lineterm="")), "")
            self.assertEqual(their_events, our_events)
            self.assertEqual(their_exit, our_exit)
            self.assertEqual(theirs.srvr()["zxid"], ours.srvr()["zxid"])


if __name__ == "__main__":
    unittest.main()
