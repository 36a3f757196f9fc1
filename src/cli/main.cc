// The program: builds the real seams, watches signals and progress, and turns whatever third parties throw
// into an exit status. Nothing here decides anything about ZooKeeper.
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <mutex>
#include <new>
#include <stop_token>
#include <thread>

#include "src/cli/app.h"
#include "src/cli/progress.h"
#include "src/os/clock.h"
#include "src/os/local_system.h"
#include "src/os/posix_fs.h"
#include "src/os/random.h"
#include "src/os/signals.h"
#include "src/os/terminal.h"
#include "src/os/threads.h"

extern char** environ;

namespace zkark::cli {
namespace {

/// False when the other end is closed or the write failed; errno says which.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

class RealConsole final : public Console {
 public:
  Written write_out(std::string_view text) override {
    if (write_all(STDOUT_FILENO, text)) return Written::kAll;
    return errno == EPIPE ? Written::kReaderGone : Written::kFailed;
  }
  void write_err(std::string_view text) override { static_cast<void>(write_all(STDERR_FILENO, text)); }
  bool read_line(std::string& line) override {
    line.clear();
    for (char c; ::read(STDIN_FILENO, &c, 1) == 1;) {
      if (c == '\n') return true;
      line += c;
    }
    return !line.empty();
  }
  bool out_is_terminal() const override { return out_; }
  bool err_is_terminal() const override { return err_; }
  bool in_is_terminal() const override { return os::is_terminal(STDIN_FILENO); }
  unsigned columns() const override {
    if (auto width = os::terminal_width(out_ ? STDOUT_FILENO : STDERR_FILENO)) return *width;
    return 0;
  }

 private:
  const bool out_ = os::is_terminal(STDOUT_FILENO), err_ = os::is_terminal(STDERR_FILENO);
};

volatile sig_atomic_t status_wanted = 0;

/// A thread that looks at the job ten times a second, and prints its state when SIGUSR1 came.
class Watcher {
 public:
  Watcher(Job& job, Clock& clock, Output& output, bool shown)
      : view_(job, clock, output, shown), thread_([this](std::stop_token stop) { loop(stop); }) {}

 private:
  void loop(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      wake.wait_for(lock, stop, std::chrono::milliseconds(100), [] { return false; });
      if (stop.stop_requested()) return;
      if (status_wanted != 0) {
        status_wanted = 0;
        view_.status();
      }
      view_.tick();
    }
  }

  ProgressView view_;
  std::jthread thread_;
};

int run(int argc, char** argv) {
  struct sigaction on_usr1 = {};
  on_usr1.sa_handler = [](int) { status_wanted = 1; };
  on_usr1.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &on_usr1, nullptr);

  os::PosixFs fs;
  os::SystemClock clock;
  os::SystemRandom random;
  os::LocalSystem system;
  RealConsole console;
  Job job;
  os::StopOnSignal signals(job.stop);
  std::unique_ptr<Watcher> watcher;

  Environment environment{fs, clock, random, system, console, job, {}, {}, {}};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (const std::size_t equals = text.find('='); equals != text.npos)
      environment.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  environment.make_executor = [](unsigned jobs) { return std::make_unique<os::ThreadExecutor>(jobs); };
  environment.watch = [&](Output& output, bool running, bool show_progress) {
    watcher = running ? std::make_unique<Watcher>(job, clock, output, show_progress) : nullptr;
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
