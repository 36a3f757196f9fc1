// Clock, randomness, threads, signals, and what PosixFs adds to the contract of Fs.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <set>
#include <stdexcept>

#include "src/os/clock.h"
#include "src/os/posix_fs.h"
#include "src/os/random.h"
#include "src/os/signals.h"
#include "src/os/terminal.h"
#include "src/os/threads.h"

namespace zkark::os {
namespace {

TEST(SystemClock, GoesForwardAndKnowsTheCentury) {
  SystemClock clock;
  const MonotonicTime before = clock.monotonic();
  clock.sleep_ms(0);
  clock.sleep_ms(2);
  EXPECT_GE(clock.monotonic().ns - before.ns, 2'000'000);
  EXPECT_GT(clock.wall().ms, 1'700'000'000'000);
  EXPECT_LT(clock.wall().ms, 4'000'000'000'000);
}

TEST(SystemRandom, DoesNotRepeatItself) {
  std::set<std::vector<std::byte>> seen;
  for (int i = 0; i < 100; ++i) {
    std::vector<std::byte> bytes(16);
    SystemRandom().fill(bytes);
    seen.insert(bytes);
  }
  EXPECT_EQ(seen.size(), 100u);
  SystemRandom().fill({});
  std::vector<std::byte> large(1 << 16);
  SystemRandom().fill(large);
  EXPECT_NE(std::vector<std::byte>(large.end() - 16, large.end()), std::vector<std::byte>(16));
}

TEST(ThreadExecutor, RunsEveryTaskOnceWhateverTheWidth) {
  for (const unsigned width : {1u, 2u, 7u}) {
    ThreadExecutor executor(width);
    EXPECT_EQ(executor.width(), width);
    for (const std::size_t count : {0u, 1u, 2u, 100u}) {
      std::vector<std::atomic<int>> ran(count);
      std::vector<std::function<Status()>> tasks;
      for (std::size_t i = 0; i < count; ++i) tasks.push_back([&ran, i] { return ++ran[i], ok(); });
      EXPECT_TRUE(executor.run_all(tasks));
      for (const std::atomic<int>& n : ran) EXPECT_EQ(n, 1);
    }
  }
  EXPECT_GE(ThreadExecutor().width(), 1u);
}

TEST(ThreadExecutor, ReallyRunsAsManyAtATimeAsItIsWide) {
  // Each task waits for the other: with fewer than two threads this would never end.
  std::mutex mutex;
  std::condition_variable both;
  int here = 0;
  const std::function<Status()> meet = [&] {
    std::unique_lock lock(mutex);
    ++here;
    both.notify_all();
    both.wait(lock, [&] { return here == 2; });
    return ok();
  };
  EXPECT_TRUE(ThreadExecutor(2).run_all(std::vector{meet, meet}));
}

TEST(ThreadExecutor, ReturnsTheFirstFailureInTaskOrderAfterAllHaveRun) {
  std::atomic<int> ran{0};
  std::vector<std::function<Status()>> tasks;
  for (int i = 0; i < 50; ++i)
    tasks.push_back([&ran, i]() -> Status {
      ++ran;
      if (i >= 17) return fail(ErrorId::kDamaged, "task " + std::to_string(i));
      return {};
    });
  const Status outcome = ThreadExecutor(4).run_all(tasks);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message(), "task 17");
  EXPECT_EQ(ran, 50);
}

TEST(ThreadExecutor, TurnsExceptionsIntoErrors) {
  ThreadExecutor executor(2);
  const auto outcome_of = [&](std::function<Status()> task) {
    return executor.run_all(std::vector{task, task});
  };
  EXPECT_EQ(outcome_of([]() -> Status { throw std::bad_alloc(); }).error().id(), ErrorId::kOutOfMemory);
  const Status broken = outcome_of([]() -> Status { throw std::runtime_error("broken"); });
  EXPECT_EQ(broken.error().id(), ErrorId::kInternal);
  EXPECT_THAT(broken.error().message(), ::testing::HasSubstr("broken"));
  EXPECT_EQ(outcome_of([]() -> Status { throw 7; }).error().id(), ErrorId::kInternal);
}

/// Waits, without a sleep of our own, until the watcher thread has asked for the stop.
void wait_for_stop(std::stop_token token) {
  std::mutex mutex;
  std::condition_variable stopped;
  std::stop_callback wake(token, [&] {
    const std::lock_guard lock(mutex);
    stopped.notify_all();
  });
  std::unique_lock lock(mutex);
  stopped.wait(lock, [&] { return token.stop_requested(); });
}

TEST(StopOnSignal, ASignalAsksForAStop) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    std::stop_source stop;
    StopOnSignal signals(stop);
    EXPECT_EQ(signals.received(), 0);
    EXPECT_FALSE(stop.stop_requested());
    ASSERT_EQ(::raise(number), 0);
    wait_for_stop(stop.get_token());
    EXPECT_EQ(signals.received(), number);
  }
}

TEST(StopOnSignal, LeavesEverythingAsItWas) {
  struct sigaction action {};
  {
    std::stop_source stop;
    StopOnSignal signals(stop);
    ::sigaction(SIGPIPE, nullptr, &action);
    EXPECT_EQ(action.sa_handler, SIG_IGN);
    ::sigaction(SIGINT, nullptr, &action);
    EXPECT_NE(action.sa_handler, SIG_DFL);
  }
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    ::sigaction(number, nullptr, &action);
    EXPECT_EQ(action.sa_handler, SIG_DFL);
  }
}

TEST(StopOnSignal, ASignalIgnoredByWhoStartedUsStaysIgnored) {
  ::signal(SIGHUP, SIG_IGN);
  std::stop_source stop;
  {
    StopOnSignal signals(stop);
    ::raise(SIGHUP);
  }
  ::signal(SIGHUP, SIG_DFL);
  EXPECT_FALSE(stop.stop_requested());
}

TEST(StopOnSignalDeathTest, TheSecondSignalEndsTheProcess) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        std::stop_source stop;
        StopOnSignal signals(stop);
        ::raise(SIGTERM);
        wait_for_stop(stop.get_token());
        ::raise(SIGTERM);
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

TEST(Terminal, APipeIsNone) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_FALSE(is_terminal(ends[0]));
  EXPECT_EQ(terminal_width(ends[0]), std::nullopt);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Terminal, LinesAreReadOneByOneAndNothingBehindThem) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_EQ(write_all(ends[1], "one\n\ntwo"), 0);
  ::close(ends[1]);
  EXPECT_EQ(read_line(ends[0]), "one");
  EXPECT_EQ(read_line(ends[0]), "");
  EXPECT_EQ(read_line(ends[0]), "two");
  EXPECT_EQ(read_line(ends[0]), std::nullopt);
  ::close(ends[0]);
}

TEST(Terminal, AReaderThatIsGoneIsAnErrorAndNoSignal) {
  std::stop_source stop;
  StopOnSignal signals(stop);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EQ(write_all(ends[1], "x"), EPIPE);
  ::close(ends[1]);
}

TEST(StatusSignal, IsTakenOnce) {
  StatusSignal status;
  EXPECT_FALSE(status.take());
  ::raise(SIGUSR1);
  EXPECT_TRUE(status.take());
  EXPECT_FALSE(status.take());
}

TEST(Ticker, TicksUntilDestroyed) {
  std::mutex mutex;
  std::condition_variable ticked;
  int ticks = 0;
  {
    Ticker ticker(1, [&] {
      const std::lock_guard lock(mutex);
      ++ticks;
      ticked.notify_all();
    });
    std::unique_lock lock(mutex);
    ticked.wait(lock, [&] { return ticks >= 3; });
  }
  const int at_end = ticks;
  EXPECT_GE(at_end, 3);
  Ticker(3'600'000, [&] { ++ticks; });  // the destructor does not wait for the hour
  EXPECT_EQ(ticks, at_end);
}

class PosixFsTest : public ::testing::Test {
 protected:
  PosixFsTest() { EXPECT_NE(::mkdtemp(dir_.data()), nullptr); }
  ~PosixFsTest() override { EXPECT_TRUE(remove_tree(fs_, dir_)); }
  std::string dir_ = "/tmp/zkark-posix-XXXXXX";
  PosixFs fs_;
};

TEST_F(PosixFsTest, AFifoIsAnErrorAndNeverAHang) {
  ASSERT_EQ(::mkfifo((dir_ + "/fifo").c_str(), 0600), 0);
  const Result<std::unique_ptr<File>> file = fs_.open(dir_ + "/fifo");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().id(), ErrorId::kStorage);
  EXPECT_EQ(fs_.info(dir_ + "/fifo")->type, FileType::kOther);
  EXPECT_EQ(fs_.list(dir_)->front().type, FileType::kOther);
}

TEST_F(PosixFsTest, ReadingLeavesTheAccessTime) {
  const std::string path = dir_ + "/f";
  ASSERT_TRUE((*fs_.create(path, {}))->append(as_bytes("abc")));
  const timespec old[2] = {{1000, 0}, {2000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), old, 0), 0);
  EXPECT_EQ(read_file(fs_, path, 10).value(), "abc");
  struct stat s {};
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_atim.tv_sec, 1000);
  EXPECT_EQ(fs_.info(path)->mtime_ns, 2'000'000'000'000);
}

TEST_F(PosixFsTest, AFileOfAnotherUserIsReadWithoutTheRightToKeepItsAccessTime) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  const std::string path = dir_ + "/f";
  ASSERT_TRUE((*fs_.create(path, {.mode = 0644}))->append(as_bytes("abc")));
  ASSERT_TRUE(fs_.create(dir_ + "/secret", {.mode = 0600}));
  ASSERT_TRUE(fs_.set_mode(dir_, 0755));
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(10);
    const Result<std::string> text = read_file(fs_, path, 10);
    if (!text || *text != "abc") ::_exit(11);
    const Result<std::unique_ptr<File>> secret = fs_.open(dir_ + "/secret");
    if (secret || secret.error().id() != ErrorId::kPermission || secret.error().hint().empty()) ::_exit(12);
    if (fs_.create(dir_ + "/new", {}).error().id() != ErrorId::kPermission) ::_exit(13);
    if (fs_.set_owner(path, 1, 1).error().id() != ErrorId::kPermission) ::_exit(14);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "exit code " << WEXITSTATUS(status);
}

TEST_F(PosixFsTest, SetOwnerChangesTheLinkAndNotWhatItPointsAt) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_TRUE(fs_.create(dir_ + "/f", {}));
  ASSERT_EQ(::symlink("f", (dir_ + "/link").c_str()), 0);
  ASSERT_TRUE(fs_.set_owner(dir_ + "/link", 123, 456));
  EXPECT_EQ(fs_.info(dir_ + "/f")->uid, 0u);
  struct stat s {};
  ASSERT_EQ(::lstat((dir_ + "/link").c_str(), &s), 0);
  EXPECT_EQ(s.st_uid, 123u);
  EXPECT_EQ(s.st_gid, 456u);
}

TEST_F(PosixFsTest, AWriteThatStopsHalfwayLeavesWhatFitAndSaysWhy) {
  // A size limit of the process stands in for the full disk: the kernel writes what fits, then refuses.
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10, 10};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Result<std::unique_ptr<File>> file = fs_.create(dir_ + "/f", {});
    if (!file) ::_exit(10);
    const Status outcome = (*file)->append(as_bytes("0123456789abcdef"));
    if (outcome || outcome.error().system_errno() != EFBIG || outcome.error().id() != ErrorId::kStorage)
      ::_exit(11);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "exit code " << WEXITSTATUS(status);
  EXPECT_EQ(read_file(fs_, dir_ + "/f", 100).value(), "0123456789");
}

TEST_F(PosixFsTest, AFullDiskIsNamedSo) {
  const pid_t child = ::fork();
  if (child == 0) {
    // A file system of one page, seen by this child alone.
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", dir_.c_str(), "tmpfs", 0, "size=4096") != 0)
      ::_exit(77);
    if (fs_.free_bytes(dir_).value() != 4096) ::_exit(10);
    Result<std::unique_ptr<File>> file = fs_.create(dir_ + "/f", {});
    if (!file) ::_exit(11);
    const Status outcome = (*file)->append(as_bytes(std::string(5000, 'x')));
    if (outcome || outcome.error().id() != ErrorId::kDiskFull || outcome.error().hint().empty()) ::_exit(12);
    if ((*file)->info()->size_bytes != 4096) ::_exit(13);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "may not mount";
  EXPECT_EQ(status, 0) << "exit code " << WEXITSTATUS(status);
}

TEST_F(PosixFsTest, RunningOutOfDescriptorsSaysWhatToDo) {
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  rlimit none = old;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const Result<std::vector<DirEntry>> entries = fs_.list(dir_);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().system_errno(), EMFILE);
  EXPECT_THAT(entries.error().hint(), ::testing::HasSubstr("ulimit -n"));
}

TEST_F(PosixFsTest, TheSetGroupBitOfAParentDoesNotLeakIntoAnExactMode) {
  ASSERT_TRUE(fs_.set_mode(dir_, 02755));
  ASSERT_TRUE(fs_.make_dir(dir_ + "/d", 0750));
  EXPECT_EQ(fs_.info(dir_ + "/d")->mode, 0750u);
}

}  // namespace
}  // namespace zkark::os
