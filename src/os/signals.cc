// A handler may do almost nothing, and request_stop() runs callbacks and takes locks. So the handler writes
// the signal's number into a pipe, and a thread that waits at the other end asks for the stop.
#include "src/os/signals.h"

#include <fcntl.h>
#include <signal.h>

#include <atomic>

#include "formats/base/check.h"

namespace zkark::os {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
constexpr unsigned char kQuit = 0;

std::atomic<int> write_end{-1};
std::atomic<int> first_signal{0};
struct sigaction old_actions[std::size(kSignals)];
struct sigaction old_pipe_action;
struct sigaction old_status_action;
std::atomic<int> status_wanted{0};

static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");

void send(unsigned char byte) {
  const int before = errno;
  [[maybe_unused]] const ssize_t n = ::write(write_end.load(), &byte, 1);
  errno = before;
}

extern "C" void on_signal(int number) {
  int none = 0;
  first_signal.compare_exchange_strong(none, number);
  send(static_cast<unsigned char>(number));
}

extern "C" void on_status_signal(int) { status_wanted = 1; }

}  // namespace

StopOnSignal::StopOnSignal(std::stop_source stop) {
  ZK_CHECK(write_end.load() == -1);
  int ends[2];
  ZK_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  read_end_ = Descriptor(ends[0]);
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);  // a handler must not wait
  first_signal = 0;
  write_end = ends[1];
  watcher_ = std::jthread([this, stop]() mutable {
    unsigned char byte = kQuit;
    while (retry([&] { return ::read(read_end_.get(), &byte, 1); }) == 1 && byte != kQuit)
      stop.request_stop();
  });
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  for (std::size_t i = 0; i < std::size(kSignals); ++i) {
    ::sigaction(kSignals[i], nullptr, &old_actions[i]);
    // nohup and shells that start us in the background ignore a signal for us: it stays ignored.
    if (old_actions[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &old_pipe_action);
}

StopOnSignal::~StopOnSignal() {
  for (std::size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &old_actions[i], nullptr);
  ::sigaction(SIGPIPE, &old_pipe_action, nullptr);
  send(kQuit);
  watcher_.join();
  ::close(write_end.exchange(-1));
}

int StopOnSignal::received() const { return first_signal; }

StatusSignal::StatusSignal() {
  status_wanted = 0;
  struct sigaction action {};
  action.sa_handler = on_status_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &action, &old_status_action);
}

StatusSignal::~StatusSignal() { ::sigaction(SIGUSR1, &old_status_action, nullptr); }

bool StatusSignal::take() { return status_wanted.exchange(0) != 0; }

}  // namespace zkark::os
