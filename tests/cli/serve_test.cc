// `serve` as the service manager sees it: what it is told, and how the command ends.
#include <gtest/gtest.h>

#include "tests/cli/sim_loop_handle.h"
#include "tests/cli/verb_lab.h"
#include "tests/server/lines_log.h"

namespace zkark::test {
namespace {

/// Is asked to stop after ten seconds, and keeps what the manager is told with the second in which it was.
class ServiceLoop final : public cli::LoopHandle {
 public:
  ServiceLoop(SimClock& clock, std::vector<std::string>& told, std::int64_t& looks)
      : clock_(clock), told_(told), looks_(looks) {}
  bool look_before_sleeping(std::int64_t microseconds) override {
    looks_ = microseconds;
    return true;
  }
  Loop& loop() override { return loop_; }
  net::Transport& transport() override { return transport_; }
  std::unique_ptr<Worker> make_worker(std::string_view) override {
    return std::make_unique<SimWorker>(loop_);
  }
  Status run() override {
    if (std::exchange(first_, false)) return loop_.advance(10'000), Status();
    return loop_.run_until([this] { return stopped_; }) ? Status()
                                                        : fail(ErrorId::kInternal, "it does not end");
  }
  void stop() override { stopped_ = true; }
  void notify(std::string_view assignments) override {
    told_.push_back(std::to_string((clock_.monotonic().ns - begun_ns_) / 1'000'000'000) + " " +
                    std::string(assignments));
  }

 private:
  SimClock& clock_;
  std::vector<std::string>& told_;
  std::int64_t& looks_;
  const std::int64_t begun_ns_ = clock_.monotonic().ns;
  SimLoop loop_{clock_};
  SimTransport transport_{loop_};
  bool first_ = true, stopped_ = false;
};

class ServeVerb : public VerbTest {
 protected:
  ServeVerb() {
    load("zk-3.8.0-standalone");
    fs.put("/etc/zoo.cfg", "dataDir=/data\nclientPort=2181\nclientPortAddress=127.0.0.1\n");
    make_loop = [this] { return std::make_unique<ServiceLoop>(clock, told, looks); };
    make_log = [](const std::string&) -> Result<std::unique_ptr<Log>> {
      return std::unique_ptr<Log>(std::make_unique<server::LinesLog>());
    };
  }
  std::vector<std::string> told;
  std::int64_t looks = -1;
};

TEST_F(ServeVerb, HowLongItLooksForTheNextRequestIsASetting) {
  EXPECT_EQ(zkark({"serve", "/etc/zoo.cfg"}), 0) << console.err;
  EXPECT_EQ(looks, 300);
  fs.put("/etc/zoo.cfg",
         "dataDir=/data\nclientPort=2181\nclientPortAddress=127.0.0.1\nzkark.busyPollMicros=0\n");
  EXPECT_EQ(zkark({"serve", "/etc/zoo.cfg"}), 0) << console.err;
  EXPECT_EQ(looks, 0);
  EXPECT_EQ(console.err.find("warning"), std::string::npos) << console.err;
}

TEST_F(ServeVerb, TheManagerHearsWhenItServesThatItLivesAndWhenItStops) {
  variables["WATCHDOG_USEC"] = "8000000";
  EXPECT_EQ(zkark({"serve", "/etc/zoo.cfg"}), 0) << console.err;
  EXPECT_EQ(told, (std::vector<std::string>{
                      "0 READY=1\nSTATUS=serving /data at 0x62 on 127.0.0.1:2181, 47 znodes, 1.8 KiB",
                      "0 WATCHDOG=1", "4 WATCHDOG=1", "8 WATCHDOG=1", "10 STOPPING=1\nSTATUS=stopping"}));
}

TEST_F(ServeVerb, SignsOfLifeAreForTheProcessThatTheyAreAskedOf) {
  variables["WATCHDOG_USEC"] = "8000000";
  variables["WATCHDOG_PID"] = std::to_string(system.own_pid + 1);
  EXPECT_EQ(zkark({"serve", "/etc/zoo.cfg"}), 0) << console.err;
  EXPECT_EQ(told.size(), 2U);
  told.clear();
  variables["WATCHDOG_PID"] = std::to_string(system.own_pid);
  EXPECT_EQ(zkark({"serve", "/etc/zoo.cfg"}), 0) << console.err;
  EXPECT_EQ(told.size(), 5U);
  told.clear();
  variables["WATCHDOG_USEC"] = "soon";
  EXPECT_EQ(zkark({"serve", "/etc/zoo.cfg"}), 0) << console.err;
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(ServeVerb, AConfigurationThatItCannotServeIsWrongUse) {
  struct Row {
    const char* cfg;
    const char* said;
  };
  const Row rows[] = {
      {"dataDir=/data\nclientPort=abc\n", "line 2: clientPort: 'abc' is no number that fits (/etc/zoo.cfg, "},
      {"dataDri=/data\nclientPort=2181\n", "dataDir"},
      {"dataDir=/data\nclientPort=2181\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n",
       "ensemble"},
      {"dataDir=/data\nclientPort=\\u12\n", "/etc/zoo.cfg"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.cfg);
    fs.put("/etc/zoo.cfg", row.cfg);
    EXPECT_EQ(zkark({"serve", "/etc/zoo.cfg"}), 2);
    EXPECT_NE(console.err.find("error ZKA-0201: "), std::string::npos) << console.err;
    EXPECT_NE(console.err.find(row.said), std::string::npos) << console.err;
    EXPECT_TRUE(told.empty());
  }
}

TEST_F(ServeVerb, DamagedDataAreNoConfiguration) {
  std::string log = *fs.get("/data/version-2/log.4e");
  log[200] ^= 1;
  fs.put("/data/version-2/log.4e", log);
  EXPECT_EQ(zkark({"serve", "/etc/zoo.cfg"}), 6) << console.err;
}

TEST_F(ServeVerb, AStatusIsOneLineWhateverThePathHolds) {
  load_dir(fs, "fixtures/zk-3.8.0-standalone", "/evil\nREADY=0");
  EXPECT_EQ(zkark({"serve", "/evil\nREADY=0"}), 0) << console.err;
  EXPECT_EQ(told.at(0).find("READY=0"), told.at(0).find("\\nREADY=0") + 2) << told.at(0);
}

}  // namespace
}  // namespace zkark::test
