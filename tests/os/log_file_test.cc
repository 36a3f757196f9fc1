#include "src/os/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/support/sim_clock.h"

namespace zkark::os {
namespace {

class LogFileTest : public testing::Test {
 protected:
  LogFileTest() {
    char name[] = "/tmp/zkark-log-XXXXXX";
    dir_ = ::mkdtemp(name);
    path_ = dir_ + "/zk.log";
    // Lines have a length that the tests count on, wherever they run and whatever the binary is called.
    ::pthread_getname_np(::pthread_self(), name_, sizeof name_);
    ::pthread_setname_np(::pthread_self(), "main");
    ::setenv("TZ", "UTC0", 1);
    ::tzset();
  }
  ~LogFileTest() override {
    ::pthread_setname_np(::pthread_self(), name_);
    std::filesystem::remove_all(dir_);
  }

  std::unique_ptr<LogFile> open(LogFileOptions options) {
    if (options.path.empty()) options.path = path_;
    Result<std::unique_ptr<LogFile>> log = LogFile::open(std::move(options), clock_);
    if (!log) ADD_FAILURE() << log.error().to_string();
    return log ? *std::move(log) : nullptr;
  }
  std::string text(const std::string& end = "") const {
    std::ifstream file(path_ + end, std::ios::binary);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }
  /// What stands behind the last " - " of each line.
  std::vector<std::string> messages(const std::string& end = "") const { return messages_of(text(end)); }
  static std::vector<std::string> messages_of(const std::string& text) {
    std::vector<std::string> found;
    std::stringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t at = line.rfind(" - ");
      found.push_back(at == std::string::npos ? "torn: " + line : line.substr(at + 3));
    }
    return found;
  }

  test::SimClock clock_{{1'795'896'942'123}};  // 2026-11-28 20:15:42.123 UTC
  std::string dir_, path_;
  char name_[16] = {};
};
using Messages = std::vector<std::string>;

TEST_F(LogFileTest, WritesThePatternOfApache) {
  LogFileOptions options;
  options.my_id = "1";
  {
    const auto log = open(options);
    EXPECT_FALSE(log->wants(LogLevel::kDebug));
    log->write(LogLevel::kDebug, "not this");
    log->info("one");
    clock_.advance_ms(1);
    log->error("two");
  }
  EXPECT_EQ(text(),
            "2026-11-28 20:15:42,123 [myid:1] - INFO  [main] - one\n"
            "2026-11-28 20:15:42,124 [myid:1] - ERROR [main] - two\n");
}

TEST_F(LogFileTest, EscapesWhatCouldForgeALine) {
  {
    const auto log = open({});
    log->info("a\nb\r\t\x1b[31m\x7f");
    log->info("\xc2\x85 \xff\xc3 Zo\xc3\xab");
    log->info(std::string(20'000, 'x'));
  }
  const Messages found = messages();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0], "a\\nb\\r\\t\\x1b[31m\\x7f");
  EXPECT_EQ(found[1], "\\xc2\\x85 \\xff\\xc3 Zo\xc3\xab");
  EXPECT_EQ(found[2], std::string(16'384, 'x') + "… (3616 bytes more)");
}

TEST_F(LogFileTest, IsRotatedBeforeItGrowsTooLarge) {
  LogFileOptions options;
  options.max_bytes = 200;  // two lines
  options.keep = 2;
  {
    const auto log = open(options);
    for (int i = 0; i < 9; ++i) log->info(fmt::format("{:040}", i));
  }
  EXPECT_EQ(messages(), (Messages{fmt::format("{:040}", 8)}));
  EXPECT_EQ(messages(".1"), (Messages{fmt::format("{:040}", 6), fmt::format("{:040}", 7)}));
  EXPECT_EQ(messages(".2"), (Messages{fmt::format("{:040}", 4), fmt::format("{:040}", 5)}));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".3"));
}

TEST_F(LogFileTest, StartsAgainWhereNoOldOnesAreKept) {
  LogFileOptions options;
  options.max_bytes = 200;
  options.keep = 0;
  {
    const auto log = open(options);
    for (int i = 0; i < 3; ++i) log->info(fmt::format("{:040}", i));
  }
  EXPECT_EQ(messages(), (Messages{fmt::format("{:040}", 2)}));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".1"));
}

TEST_F(LogFileTest, GoesOnInAFileThatCannotBeRenamed) {
  std::filesystem::create_directories(path_ + ".1/in the way");
  LogFileOptions options;
  options.max_bytes = 200;
  options.keep = 1;
  {
    const auto log = open(options);
    for (int i = 0; i < 9; ++i) log->info(fmt::format("{:040}", i));
  }
  EXPECT_EQ(messages().size(), 9u);
}

TEST_F(LogFileTest, EndsTheTornLineOfAnEarlierRun) {
  std::ofstream(path_) << "2026 torn";
  open({})->info("next");
  EXPECT_EQ(messages(), (Messages{"torn: 2026 torn", "next"}));
}

/// No file of this process grows beyond a size: a full disk, for the time of this object.
class FullDisk {
 public:
  explicit FullDisk(std::size_t bytes) {
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const struct rlimit limit = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  struct rlimit before_ = {};
  sighandler_t handler_ = nullptr;
};

TEST_F(LogFileTest, LosesWholeLinesOnAFullDiskAndSaysSoLater) {
  const auto log = open({});
  {
    const FullDisk full(80);  // a line and a half
    for (int i = 0; i < 5; ++i) log->info(fmt::format("{}", i));
    log->flush();
    EXPECT_EQ(messages(), (Messages{"0"}));
  }
  log->info("again");
  log->flush();
  EXPECT_EQ(messages(), (Messages{"0", "4 lines of this log were lost: File too large", "again"}));
  EXPECT_NE(text().find("WARN  [log] - 4 lines"), std::string::npos);
}

TEST_F(LogFileTest, TellsLostLinesAtItsEndAtTheLatest) {
  auto log = open({});
  {
    const FullDisk full(1);
    log->info("lost");
    log->flush();
  }
  log.reset();
  EXPECT_EQ(messages(), (Messages{"1 lines of this log were lost: File too large"}));
}

/// stderr is a pipe that is full.
class HungReader {
 public:
  HungReader() {
    std::fflush(stderr);
    EXPECT_EQ(::pipe2(ends_, O_NONBLOCK), 0);
    const std::string filler(4096, '.');
    while (::write(ends_[1], filler.data(), filler.size()) > 0) {
    }
    ::fcntl(ends_[1], F_SETFL, 0);
    stderr_ = ::dup(STDERR_FILENO);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  ~HungReader() {
    ::dup2(stderr_, STDERR_FILENO);
    for (int fd : {stderr_, ends_[0], ends_[1]}) ::close(fd);
  }
  std::string read_all() {
    std::string all;
    char some[4096];
    for (ssize_t count; (count = ::read(ends_[0], some, sizeof some)) > 0;) all.append(some, count);
    return all;
  }

 private:
  int ends_[2] = {-1, -1};
  int stderr_ = -1;
};

TEST_F(LogFileTest, NeverWaitsForAReaderOfStderrAndCountsWhatTheQueueCouldNotTake) {
  HungReader reader;
  LogFileOptions options;
  options.queue_bytes = 1000;
  Result<std::unique_ptr<LogFile>> log = LogFile::open(options, clock_);
  ASSERT_TRUE(log);
  for (int i = 0; i < 1000; ++i) (*log)->info("line");
  // Reading makes room for the log, so what is read may hold lines behind the filler already.
  std::string all = reader.read_all();
  (*log)->flush();
  all += reader.read_all();
  const Messages found = messages_of(all.substr(all.find_first_not_of('.')));
  const auto kept = std::count(found.begin(), found.end(), "line");
  EXPECT_GE(kept, 1);
  ASSERT_GE(found.size(), static_cast<std::size_t>(kept));
  std::int64_t lost = 0;
  for (const std::string& message : found)
    if (message != "line") {
      EXPECT_TRUE(message.ends_with(" lines of this log were lost: they came too fast")) << message;
      lost += std::stoll(message);
    }
  EXPECT_EQ(kept + lost, 1000);
}

TEST_F(LogFileTest, EndsThoughNobodyReadsStderr) {
  HungReader reader;
  Result<std::unique_ptr<LogFile>> log = LogFile::open({}, clock_);
  ASSERT_TRUE(log);
  (*log)->info("never read");
  log->reset();
  EXPECT_EQ(reader.read_all().find("never read"), std::string::npos);
}

TEST_F(LogFileTest, KeepsLinesOfManyThreadsWhole) {
  {
    const auto log = open({});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&log, t] {
        for (int i = 0; i < 250; ++i) log->info(fmt::format("{}-{}", t, i));
      });
    for (std::thread& thread : threads) thread.join();
  }
  Messages expected, found = messages();
  for (int t = 0; t < 4; ++t)
    for (int i = 0; i < 250; ++i) expected.push_back(fmt::format("{}-{}", t, i));
  std::sort(expected.begin(), expected.end());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, expected);
}

TEST_F(LogFileTest, SaysWhyItCannotBeOpened) {
  LogFileOptions options;
  options.path = dir_ + "/no such/zk.log";
  const Result<std::unique_ptr<LogFile>> log = LogFile::open(options, clock_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().message(), "cannot open the log: No such file or directory");
  EXPECT_EQ(log.error().file(), options.path);
}

}  // namespace
}  // namespace zkark::os
