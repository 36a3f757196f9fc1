// The program: builds the real seams, watches signals and progress, and turns whatever third parties throw
// into an exit status. Nothing here decides anything about ZooKeeper.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <stop_token>
#include <utility>

#include "src/cli/app.h"
#include "src/cli/progress.h"
#include "src/os/clock.h"
#include "src/os/event_loop.h"
#include "src/os/local_system.h"
#include "src/os/log_file.h"
#include "src/os/loop_worker.h"
#include "src/os/posix_fs.h"
#include "src/os/process_facts.h"
#include "src/os/processors.h"
#include "src/os/random.h"
#include "src/os/service_socket.h"
#include "src/os/signals.h"
#include "src/os/terminal.h"
#include "src/os/threads.h"

extern char** environ;

namespace zkark::cli {
namespace {

constexpr int kIn = 0, kOut = 1, kErr = 2;  // the descriptors every process is born with

class RealConsole final : public Console {
 public:
  /// `stop` ends the wait for an answer.
  explicit RealConsole(std::stop_token stop) : stop_(std::move(stop)) {}
  Written write_out(std::string_view text) override {
    const int number = os::write_all(kOut, text);
    if (number == 0) return Written::kAll;
    return number == EPIPE ? Written::kReaderGone : Written::kFailed;
  }
  void write_err(std::string_view text) override { static_cast<void>(os::write_all(kErr, text)); }
  bool read_line(std::string& line) override {
    std::optional<std::string> read = os::read_line(kIn, stop_);
    line = read ? std::move(*read) : "";
    return read.has_value();
  }
  bool out_is_terminal() const override { return out_; }
  bool err_is_terminal() const override { return err_; }
  bool in_is_terminal() const override { return os::is_terminal(kIn); }
  unsigned columns() const override {
    if (auto width = os::terminal_width(out_ ? kOut : kErr)) return *width;
    return 0;
  }

 private:
  const std::stop_token stop_;
  const bool out_ = os::is_terminal(kOut), err_ = os::is_terminal(kErr);
};

/// Looks at the job ten times a second, and prints its state when SIGUSR1 came.
class Watcher {
 public:
  Watcher(Job& job, Clock& clock, Output& output, bool shown, os::StatusSignal& status)
      : view_(job, clock, output, shown), ticker_(100, [this, &status] {
          if (status.take()) view_.status();
          view_.tick();
        }) {}

 private:
  ProgressView view_;
  os::Ticker ticker_;
};

class RealLoop final : public LoopHandle {
 public:
  /// `notify_socket` as the variable of that name has it.
  RealLoop(std::stop_token stop, std::string_view notify_socket)
      : manager_(notify_socket), on_stop_(std::move(stop), [this] { this->stop(); }) {}
  Loop& loop() override { return loop_; }
  net::Transport& transport() override { return loop_; }
  std::unique_ptr<Worker> make_worker(std::string_view name) override {
    return std::make_unique<os::LoopWorker>([this, name = std::string(name)](Error error) {
      {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::move(error).context(name);
      }
      stop();
    });
  }
  bool look_before_sleeping(std::int64_t microseconds) override {
    if (microseconds > 0 && os::usable_processors() < 2) return false;
    loop_.look_before_sleeping(microseconds * 1000);
    return true;
  }
  ProcessFacts process_facts() override { return os::process_facts(); }
  void notify(std::string_view assignments) override { manager_.send(assignments); }
  Status run() override {
    Status outcome = loop_.run();
    ++runs_;
    const std::lock_guard lock(mutex_);
    if (outcome && failure_) outcome = fail(*std::exchange(failure_, std::nullopt));
    return outcome;
  }
  /// Posted: what was posted before still runs. A run that has ended by then is not taken for the next one.
  void stop() override {
    loop_.post([this, meant = runs_.load()] {
      if (meant == runs_) loop_.stop();
    });
  }

 private:
  os::EventLoop loop_;
  os::ServiceSocket manager_;
  std::atomic<unsigned> runs_ = 0;
  std::mutex mutex_;
  std::optional<Error> failure_;                       // of a worker; guarded by mutex_
  std::stop_callback<std::function<void()>> on_stop_;  // last: it uses the loop
};

int run(int argc, char** argv) {
  os::PosixFs fs;
  os::SystemClock clock;
  os::SystemRandom random;
  os::LocalSystem system;
  Job job;
  RealConsole console(job.stop.get_token());
  os::StopOnSignal signals(job.stop);
  os::StatusSignal status_signal;
  std::unique_ptr<Watcher> watcher;

  Environment environment{fs, clock, random, system, console, job, {}, {}, {}, {}, {}};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (const std::size_t equals = text.find('='); equals != text.npos)
      environment.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  environment.make_executor = [](unsigned jobs) { return std::make_unique<os::ThreadExecutor>(jobs); };
  environment.make_loop = [&job, &variables = environment.variables] {
    const auto socket = variables.find("NOTIFY_SOCKET");
    return std::make_unique<RealLoop>(job.stop.get_token(), socket == variables.end() ? "" : socket->second);
  };
  environment.make_log = [&clock](const std::string& path) -> Result<std::unique_ptr<Log>> {
    os::LogFileOptions options;
    options.path = path;
    ZK_TRY(auto log, os::LogFile::open(std::move(options), clock));
    return std::unique_ptr<Log>(std::move(log));
  };
  environment.watch = [&](Output& output, bool running, bool show_progress) {
    watcher = running ? std::make_unique<Watcher>(job, clock, output, show_progress, status_signal) : nullptr;
  };
  const int status = run_app(environment, all_verbs(), std::vector<std::string>(argv + 1, argv + argc));
  return status == 130 && signals.received() == SIGTERM ? 143 : status;
}

}  // namespace
}  // namespace zkark::cli

int main(int argc, char** argv) {
  try {
    return zkark::cli::run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("error ZKA-0101: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(
        stderr,
        "error ZKA-0100: internal error: %s\nhint: please report it with the command and this message\n",
        error.what());
  } catch (...) {
    std::fputs("error ZKA-0100: internal error\n", stderr);
  }
  return 1;
}
