"""scripts/check_layers.py must be able to fail: each rule is broken once, in a small tree of its own."""
import importlib.util
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("check_layers", ROOT / "scripts" / "check_layers.py")
layers = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(layers)


class CheckLayers(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.directory.name)
        for path in ("formats/txn.h", "formats/base/fs.h", "restore/tree.h", "src/os/clock.h", "src/cli/app.h",
                     "src/backup/codec.h", "tests/support/sim_fs.h"):
            self.write(path, "")

    def tearDown(self):
        self.directory.cleanup()

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def breaches(self, path, line):
        self.write(path, line + "\n")
        return [b for b in layers.check_includes(self.root)[0] if b.startswith(path)]

    def test_includes_point_downwards(self):
        for path, line in [("restore/a.cc", '#include "formats/txn.h"'),
                           ("src/backup/a.cc", '#include "restore/tree.h"'),
                           ("src/cli/main.cc", '#include "src/os/clock.h"'),
                           ("src/cli/a.cc", '#include "src/backup/codec.h"'),
                           ("src/os/a.cc", "#include <unistd.h>"),
                           ("src/cli/config.cc", "#include <toml++/toml.h>"),
                           ("tests/restore/a_test.cc", '#include "tests/support/sim_fs.h"'),
                           ("tests/cli/a_test.cc", '#include "src/os/clock.h"')]:
            self.assertEqual(self.breaches(path, line), [], path)

    def test_every_other_direction_is_a_breach(self):
        for path, line in [("formats/a.cc", '#include "restore/tree.h"'),
                           ("formats/base/a.h", '#include "formats/txn.h"'),
                           ("restore/a.cc", '#include "src/backup/codec.h"'),
                           ("src/backup/a.cc", '#include "src/os/clock.h"'),
                           ("src/backup/a.cc", '#include "src/cli/app.h"'),
                           ("src/cli/a.cc", '#include "src/os/clock.h"'),
                           ("tests/support/a.cc", '#include "restore/tree.h"'),
                           ("tests/restore/a_test.cc", '#include "src/os/clock.h"'),
                           ("formats/a.cc", '#include "txn.h"'),
                           ("formats/a.cc", "#include <unistd.h>"),
                           ("restore/a.cc", "#  include <sys/stat.h>"),
                           ("src/backup/a.cc", "#include <thread>"),
                           ("src/cli/a.cc", "#include <filesystem>"),
                           ("src/backup/a.cc", "#include <boost/iostreams/stream.hpp>"),
                           ("src/elsewhere/a.cc", "")]:
            self.assertEqual(len(self.breaches(path, line)), 1, (path, line))
            (self.root / path).unlink()

    def library(self, name, code, allowed=()):
        self.write(f"b/{name}.cc", code)
        build = self.root / "b"
        subprocess.run(["c++", "-std=c++20", "-c", f"{name}.cc", "-o", f"{name}.cc.o"], cwd=build, check=True)
        subprocess.run(["ar", "rcs", f"lib{name}.a", f"{name}.cc.o"], cwd=build, check=True)
        before, layers.ALLOWED = layers.ALLOWED, list(allowed)
        try:
            return layers.check_symbols(build)[0]
        finally:
            layers.ALLOWED = before

    def test_a_library_without_kernel_calls_is_clean(self):
        self.assertEqual(self.library("zkark_a", "#include <string>\n#include <map>\n"
                                                 "std::map<std::string, int> f() { return {{\"a\", 1}}; }"), [])

    def test_calls_of_the_kernel_and_clocks_are_seen(self):
        found = "\n".join(self.library("zkark_a", """
            #include <fcntl.h>
            #include <chrono>
            #include <fstream>
            #include <random>
            #include <thread>
            void f() { ::open("x", 0); std::thread([] {}).join(); std::ofstream("x"); }
            long g() { return std::chrono::steady_clock::now().time_since_epoch().count() + std::random_device()(); }
            """))
        for symbol in ("open", "std::thread::", "std::chrono::_V2::steady_clock::now()", "std::random_device",
                       "std::basic_ofstream"):
            self.assertIn(f"needs {symbol}", found)

    def test_an_allowance_counts_for_its_object_alone_and_must_be_used(self):
        code = "#include <unistd.h>\nint f() { return getpid(); }"
        self.assertEqual(self.library("zkark_a", code, [("zkark_a", "zkark_a.cc.o", "getpid", "why")]), [])
        self.assertEqual(len(self.library("zkark_a", code, [("zkark_a", "other.cc.o", "getpid", "why")])), 2)

    def test_the_os_library_may_do_everything(self):
        self.assertEqual(self.library("zkark_os", "#include <unistd.h>\nint f() { return getpid(); }"), [])


if __name__ == "__main__":
    unittest.main()
