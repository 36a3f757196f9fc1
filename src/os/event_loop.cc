// Asio serves as the reactor alone: it says which descriptor is ready, rings for timers and wakes the loop
// from other threads. The bytes are moved here, by recv and send on non-blocking sockets: that way all
// connections share one buffer.
//
// Whoever is called back may destroy any Link and Listener, its own as well. So what the reactor holds on to
// is the Connection or Acceptor behind it, counted by reference: destroying a Link closes the descriptor and
// takes the events away, and what arrives later finds nobody to tell.
#include "src/os/event_loop.h"

// One thread runs the handlers, and what other threads post goes through locks. The fences that Asio would
// add are of no use here, and the thread sanitizer of g++ does not know them.
#define BOOST_ASIO_DISABLE_FENCED_BLOCK

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <chrono>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

#include "formats/base/check.h"
#include "formats/base/system_error.h"
#include "src/os/clock.h"
#include "src/os/patience.h"
#include "src/os/sockets.h"
#include "src/os/timer_queue.h"

namespace zkark::os {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Executor = asio::io_context::executor_type;
using Watched = asio::posix::basic_stream_descriptor<Executor>;

constexpr std::size_t kBufferSize = 256 << 10;
constexpr int kAcceptsInARow = 64;
constexpr std::int64_t kAcceptPauseMs = 100;
constexpr std::int64_t kLingerMs = 1000;
constexpr std::size_t kLingerBytes = 1 << 20;

/// Counted without atomics: only the loop thread holds references.
class Counted {
 public:
  Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  virtual ~Counted() = default;
  friend void intrusive_ptr_add_ref(Counted* counted) { ++counted->references_; }
  friend void intrusive_ptr_release(Counted* counted) {
    if (--counted->references_ == 0) delete counted;
  }

 private:
  unsigned references_ = 0;
};
template <class T>
using Ref = boost::intrusive_ptr<T>;

void close_now(Watched& fd) {
  error_code ignored;
  fd.close(ignored);
}

/// How often this thread lost its processor to others while it wanted to go on.
std::int64_t times_sent_away() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

/// Gives `fd` to the reactor; 0, or an errno and fd is closed.
int watch(Watched& watched, Descriptor fd) {
  error_code problem;
  watched.assign(fd.get(), problem);
  if (problem) return problem.value();
  fd.release();
  return 0;
}

}  // namespace

// ---- the loop: tasks and timers ----

class EventLoop::Core {
 public:
  Core() = default;
  ~Core();

  Status run();
  void look_before_sleeping(std::int64_t ns) { patience_ = Patience(ns); }
  void stop() { context_.stop(); }
  void post(Task task);
  TimerId call_after(std::int64_t ms, Task task);
  void cancel(TimerId timer) { timers_.cancel(timer); }

  asio::io_context& context() { return context_; }
  MutableBytes buffer() { return {buffer_.get(), kBufferSize}; }

 private:
  void sleep();
  bool look(std::int64_t since_ns);
  void run_posted();
  void run_due();
  void set_alarm();

  std::unique_ptr<std::byte[]> buffer_ = std::make_unique_for_overwrite<std::byte[]>(kBufferSize);

  std::mutex mutex_;
  std::vector<Task> posted_;  // guarded by mutex_, like awake_
  bool awake_ = false;        // run_posted() is on its way
  std::vector<Task> spare_;   // empty; keeps its room

  SystemClock clock_;
  Patience patience_;
  TimerQueue timers_;
  std::int64_t alarm_ns_ = TimerQueue::kNever;

  // Last: what its handlers hold may call all of the above while it is destroyed.
  asio::io_context context_{1};
  asio::executor_work_guard<Executor> work_{context_.get_executor()};
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                             Executor>
      alarm_{context_};
};

EventLoop::Core::~Core() {
  timers_.clear();
  // What tasks hold may do anything while it is destroyed, post again too.
  while (!posted_.empty()) const std::vector<Task> tasks = std::exchange(posted_, {});
}

Status EventLoop::Core::run() {
  Status outcome;
  try {
    while (!context_.stopped())
      if (context_.poll() == 0) sleep();
  } catch (const std::bad_alloc&) {
    outcome = fail(ErrorId::kOutOfMemory, "no memory left in the event loop");
  } catch (const std::exception& e) {
    outcome = fail(ErrorId::kInternal, std::string("the event loop failed: ") + e.what());
  } catch (...) {
    outcome = fail(ErrorId::kInternal, "the event loop failed");
  }
  context_.restart();
  return outcome;
}

/// Until something was there to run, which has been run then, or until stop().
void EventLoop::Core::sleep() {
  const std::int64_t since_ns = clock_.monotonic().ns;
  if (patience_.look_ns(since_ns) == 0 || !look(since_ns)) context_.run_one();
  patience_.waited(clock_.monotonic().ns - since_ns);
}

/// False when it looked for nothing.
bool EventLoop::Core::look(std::int64_t since_ns) {
  const std::int64_t sent_away = times_sent_away();
  const std::int64_t until_ns = since_ns + patience_.look_ns(since_ns);
  std::int64_t now_ns = since_ns;
  bool found = false;
  while (!found && now_ns < until_ns && !context_.stopped()) {
    found = context_.poll() != 0;
    now_ns = clock_.monotonic().ns;
  }
  patience_.looked(now_ns, times_sent_away() != sent_away);
  return found;
}

void EventLoop::Core::post(Task task) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
    wake = !std::exchange(awake_, true);
  }
  if (wake) asio::post(context_, [this] { run_posted(); });
}

void EventLoop::Core::run_posted() {
  std::vector<Task> batch = std::move(spare_);
  {
    const std::lock_guard lock(mutex_);
    std::swap(posted_, batch);
    awake_ = false;
  }
  for (Task& task : batch) std::exchange(task, nullptr)();
  batch.clear();
  spare_ = std::move(batch);
}

Loop::TimerId EventLoop::Core::call_after(std::int64_t ms, Task task) {
  const std::int64_t now_ns = clock_.monotonic().ns;
  const std::int64_t longest_ms = (TimerQueue::kNever - now_ns) / 1'000'000 - 1;
  const TimerId timer =
      timers_.add(now_ns + std::clamp<std::int64_t>(ms, 0, longest_ms) * 1'000'000, std::move(task));
  set_alarm();
  return timer;
}

/// The alarm is never later than the first timer. After a cancel it may be earlier: it rings for nothing
/// then.
void EventLoop::Core::set_alarm() {
  if (timers_.first_ns() >= alarm_ns_) return;
  alarm_ns_ = timers_.first_ns();
  alarm_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(alarm_ns_)));
  alarm_.async_wait([this](const error_code& cancelled) {
    if (!cancelled) run_due();
  });
}

void EventLoop::Core::run_due() {
  alarm_ns_ = TimerQueue::kNever;
  timers_.run_due(clock_.monotonic().ns);
  set_alarm();
}

// ---- connections ----

namespace {

using Core = EventLoop::Core;

class Connection final : public Counted {
 public:
  Connection(Core& core, net::Endpoint remote)
      : core_(core), fd_(core.context()), remote_(std::move(remote)) {}

  /// A connected, non-blocking socket; 0 or an errno.
  int open(Descriptor fd) {
    set_no_delay(fd.get());
    local_ = local_endpoint(fd.get());
    return watch(fd_, std::move(fd));
  }

  void start(net::LinkEvents& events) {
    events_ = &events;
    await_input();
  }
  void send(Bytes bytes);
  std::size_t unsent_bytes() const { return kept_.size() - sent_; }
  void pause() { paused_ = true; }
  void resume() {
    paused_ = false;
    if (state_ == State::kOpen && events_ != nullptr) await_input();
  }
  void close_when_sent();
  /// The Link is destroyed.
  void abandon() {
    events_ = nullptr;
    if (state_ != State::kLingering) end();
  }
  const net::Endpoint& remote() const { return remote_; }
  const net::Endpoint& local() const { return local_; }

 private:
  enum class State : std::uint8_t {
    kOpen,
    kClosing,    // sends what is kept, reads no more
    kLingering,  // all is sent and closed() was called: drops what comes until the other side ends, too
    kEnded,
  };

  void await_input();
  void await_room();
  void has_input();
  void has_room();
  /// With its room, which `= {}` would keep: an idle connection owns none.
  void forget_kept() {
    kept_ = std::vector<std::byte>();
    sent_ = 0;
  }
  void linger();
  void drop_input();
  void end();
  void finish(std::optional<Error> why);
  void broke(int number) { finish(connection_error(number, "the connection broke")); }

  Core& core_;
  Watched fd_;
  net::LinkEvents* events_ = nullptr;
  State state_ = State::kOpen;
  bool awaits_input_ = false, awaits_room_ = false, paused_ = false;
  bool mute_ = false;  // the system refused to send; closed() is on its way
  std::vector<std::byte> kept_;
  std::size_t sent_ = 0;  // of kept_
  std::size_t dropped_bytes_ = 0;
  Loop::TimerId linger_timer_ = 0;
  net::Endpoint remote_, local_;
};

void Connection::await_input() {
  if (std::exchange(awaits_input_, true)) return;
  fd_.async_wait(Watched::wait_read, [self = Ref<Connection>(this)](const error_code& cancelled) {
    self->awaits_input_ = false;
    if (!cancelled) self->has_input();
  });
}

void Connection::has_input() {
  if (state_ == State::kLingering) return drop_input();
  if (state_ != State::kOpen || paused_ || events_ == nullptr) return;
  const MutableBytes buffer = core_.buffer();
  const ssize_t n = retry([&] { return ::recv(fd_.native_handle(), buffer.data(), buffer.size(), 0); });
  if (n == 0) return finish(std::nullopt);
  if (n < 0 && errno != EAGAIN) return broke(errno);
  if (n > 0) events_->received(buffer.first(static_cast<std::size_t>(n)));
  if (state_ == State::kOpen && !paused_) await_input();  // behind all others that are ready
}

void Connection::send(Bytes bytes) {
  if (state_ != State::kOpen || mute_ || bytes.empty()) return;
  if (unsent_bytes() == 0) {
    const ssize_t n =
        retry([&] { return ::send(fd_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (n < 0 && errno != EAGAIN) {
      mute_ = true;
      core_.post([self = Ref<Connection>(this), number = errno] { self->broke(number); });
      return;
    }
    if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
    if (bytes.empty()) return;
  }
  kept_.insert(kept_.end(), bytes.begin(), bytes.end());
  await_room();
}

void Connection::await_room() {
  if (std::exchange(awaits_room_, true)) return;
  fd_.async_wait(Watched::wait_write, [self = Ref<Connection>(this)](const error_code& cancelled) {
    self->awaits_room_ = false;
    if (!cancelled) self->has_room();
  });
}

void Connection::has_room() {
  if ((state_ != State::kOpen && state_ != State::kClosing) || mute_) return;
  const ssize_t n =
      retry([&] { return ::send(fd_.native_handle(), kept_.data() + sent_, unsent_bytes(), MSG_NOSIGNAL); });
  if (n < 0 && errno != EAGAIN) return broke(errno);
  if (n > 0) sent_ += static_cast<std::size_t>(n);
  if (unsent_bytes() != 0) {
    if (sent_ > kept_.size() / 2) {  // moves each byte once on the average
      kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(sent_));
      sent_ = 0;
    }
    return await_room();
  }
  forget_kept();
  if (state_ == State::kClosing) return linger();
  if (events_ != nullptr) events_->drained();
}

void Connection::close_when_sent() {
  if (state_ != State::kOpen) return;
  state_ = State::kClosing;
  if (unsent_bytes() != 0) return;
  core_.post([self = Ref<Connection>(this)] {
    if (self->state_ == State::kClosing) self->linger();
  });
}

void Connection::linger() {
  state_ = State::kLingering;
  ::shutdown(fd_.native_handle(), SHUT_WR);
  linger_timer_ = core_.call_after(kLingerMs, [self = Ref<Connection>(this)] { self->end(); });
  drop_input();
  if (net::LinkEvents* events = std::exchange(events_, nullptr)) events->closed(std::nullopt);
}

void Connection::drop_input() {
  const MutableBytes buffer = core_.buffer();
  const ssize_t n = retry([&] { return ::recv(fd_.native_handle(), buffer.data(), buffer.size(), 0); });
  if (n > 0) dropped_bytes_ += static_cast<std::size_t>(n);
  if (n == 0 || (n < 0 && errno != EAGAIN) || dropped_bytes_ > kLingerBytes) return end();
  await_input();
}

void Connection::end() {
  if (std::exchange(state_, State::kEnded) == State::kEnded) return;
  close_now(fd_);
  forget_kept();
  core_.cancel(std::exchange(linger_timer_, 0));
}

void Connection::finish(std::optional<Error> why) {
  if (state_ != State::kOpen && state_ != State::kClosing) return;
  end();
  if (net::LinkEvents* events = std::exchange(events_, nullptr)) events->closed(why);
}

class TcpLink final : public net::Link {
 public:
  explicit TcpLink(Ref<Connection> connection) : connection_(std::move(connection)) {}
  ~TcpLink() override { connection_->abandon(); }
  void start(net::LinkEvents& events) override { connection_->start(events); }
  void send(Bytes bytes) override { connection_->send(bytes); }
  std::size_t unsent_bytes() const override { return connection_->unsent_bytes(); }
  void pause() override { connection_->pause(); }
  void resume() override { connection_->resume(); }
  void close_when_sent() override { connection_->close_when_sent(); }
  const net::Endpoint& remote() const override { return connection_->remote(); }
  const net::Endpoint& local() const override { return connection_->local(); }

 private:
  const Ref<Connection> connection_;
};

// ---- listening ----

class Acceptor final : public Counted {
 public:
  Acceptor(Core& core, const net::ListenOptions& options, net::Transport::Accepted accepted)
      : core_(core),
        fd_(core.context()),
        keep_alive_(options.keep_alive),
        trouble_(options.trouble),
        accepted_(std::move(accepted)) {}

  int open(Descriptor fd) {
    local_ = local_endpoint(fd.get());
    if (const int number = watch(fd_, std::move(fd))) return number;
    await();
    return 0;
  }
  void close() {
    closed_ = true;
    close_now(fd_);
    core_.cancel(pause_);
  }
  const net::Endpoint& local() const { return local_; }

 private:
  void await() {
    fd_.async_wait(Watched::wait_read, [self = Ref<Acceptor>(this)](const error_code& cancelled) {
      if (!cancelled) self->accept_some();
    });
  }
  void accept_some();
  int accept_one();
  void pause(int number);

  Core& core_;
  Watched fd_;
  const bool keep_alive_;
  bool closed_ = false;
  bool troubled_ = false;
  Loop::TimerId pause_ = 0;
  net::Endpoint local_;
  const std::function<void(const Error&)> trouble_;
  const net::Transport::Accepted accepted_;
};

void Acceptor::accept_some() {
  for (int i = 0; i < kAcceptsInARow && !closed_; ++i) {
    switch (const int number = accept_one()) {
      case 0:
        troubled_ = false;
        continue;
      case EAGAIN:
        return await();
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
      case ENOSPC:  // of epoll: max_user_watches
        return pause(number);
      default:  // what became of that one connection before it was accepted
        continue;
    }
  }
  if (!closed_) await();
}

/// 0, or an errno.
int Acceptor::accept_one() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  Descriptor fd(retry([&] {
    return ::accept4(fd_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
  }));
  if (!fd) return errno;
  if (keep_alive_) set_keep_alive(fd.get());
  Ref<Connection> connection(new Connection(core_, endpoint_of(address)));
  if (const int number = connection->open(std::move(fd))) return number;
  accepted_(std::make_unique<TcpLink>(std::move(connection)));
  return 0;
}

void Acceptor::pause(int number) {
  pause_ = core_.call_after(kAcceptPauseMs, [self = Ref<Acceptor>(this)] { self->accept_some(); });
  if (std::exchange(troubled_, true) || !trouble_) return;
  trouble_(
      Error(ErrorId::kStorage, fmt::format("connections wait to be accepted on {}: {}",
                                           net::to_string(local_), std::generic_category().message(number)))
          .with_errno(number)
          .with_hint(std::string(hint_of_errno(number))));
}

class TcpListener final : public net::Listener {
 public:
  explicit TcpListener(Ref<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {}
  ~TcpListener() override { acceptor_->close(); }
  const net::Endpoint& local() const override { return acceptor_->local(); }

 private:
  const Ref<Acceptor> acceptor_;
};

// ---- connecting ----

using asio::ip::tcp;

class Attempt final : public Counted {
 public:
  Attempt(Core& core, const std::string& host, std::uint16_t port, std::int64_t timeout_ms,
          net::Transport::Connected connected)
      : core_(core),
        resolver_(core.context()),
        fd_(core.context()),
        what_(fmt::format("cannot connect to {}", net::to_string({host, port}))),
        until_ns_(clock_.monotonic().ns + timeout_ms * 1'000'000),
        connected_(std::move(connected)) {}

  void begin(const std::string& host, std::uint16_t port, std::int64_t timeout_ms) {
    deadline_ = core_.call_after(timeout_ms, [self = Ref<Attempt>(this), timeout_ms] {
      self->done(fail(
          Error(ErrorId::kUnreachable, fmt::format("{}: no answer within {} ms", self->what_, timeout_ms))
              .with_errno(ETIMEDOUT)));
    });
    try {
      resolver_.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                              [self = Ref<Attempt>(this), host](const error_code& problem,
                                                                const tcp::resolver::results_type& found) {
                                self->resolved(host, problem, found);
                              });
    } catch (const boost::system::system_error& refused) {  // it starts a thread the first time
      core_.post([self = Ref<Attempt>(this), number = refused.code().value()] {
        self->done(fail(connection_error(number, self->what_)));
      });
    }
  }

 private:
  void resolved(const std::string& host, const error_code& problem, const tcp::resolver::results_type& found);
  void try_next();
  void attempt_over(std::size_t which, int number);
  void done(Result<std::unique_ptr<net::Link>> outcome);

  Core& core_;
  SystemClock clock_;
  asio::ip::basic_resolver<tcp, Executor> resolver_;
  Watched fd_;
  const std::string what_;
  const std::int64_t until_ns_;
  Loop::TimerId deadline_ = 0, share_ = 0;
  std::vector<tcp::endpoint> addresses_;
  std::size_t next_ = 0;
  int last_errno_ = 0;
  net::Transport::Connected connected_;  // empty once called
};

void Attempt::resolved(const std::string& host, const error_code& problem,
                       const tcp::resolver::results_type& found) {
  if (!connected_) return;
  if (problem)
    return done(
        fail(ErrorId::kUnreachable, fmt::format("host \"{}\" has no address: {}", host, problem.message())));
  for (const auto& entry : found) addresses_.push_back(entry.endpoint());
  try_next();
}

void Attempt::try_next() {
  if (next_ == addresses_.size()) return done(fail(connection_error(last_errno_, what_)));
  const std::size_t which = next_++;
  const tcp::endpoint& address = addresses_[which];
  Descriptor fd(::socket(address.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return attempt_over(which, errno);
  const int outcome = ::connect(fd.get(), address.data(), static_cast<socklen_t>(address.size()));
  if (outcome != 0 && errno != EINPROGRESS && errno != EINTR) return attempt_over(which, errno);
  if (const int number = watch(fd_, std::move(fd))) return attempt_over(which, number);
  const auto addresses_left = static_cast<std::int64_t>(addresses_.size() - which);
  const std::int64_t share_ms = (until_ns_ - clock_.monotonic().ns) / 1'000'000 / addresses_left;
  share_ = core_.call_after(share_ms,
                            [self = Ref<Attempt>(this), which] { self->attempt_over(which, ETIMEDOUT); });
  fd_.async_wait(Watched::wait_write, [self = Ref<Attempt>(this), which](const error_code& cancelled) {
    if (cancelled) return;
    int number = 0;
    socklen_t size = sizeof number;
    if (::getsockopt(self->fd_.native_handle(), SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
    self->attempt_over(which, number);
  });
}

/// `which` address answered (0) or did not (an errno).
void Attempt::attempt_over(std::size_t which, int number) {
  if (!connected_ || which + 1 != next_) return;  // that one was given up already
  core_.cancel(std::exchange(share_, 0));
  if (number == 0) {
    sockaddr_storage address{};
    std::memcpy(&address, addresses_[which].data(), addresses_[which].size());
    Ref<Connection> connection(new Connection(core_, endpoint_of(address)));
    number = connection->open(Descriptor(fd_.release()));
    if (number == 0)
      return done(std::unique_ptr<net::Link>(std::make_unique<TcpLink>(std::move(connection))));
  }
  last_errno_ = number;
  if (fd_.is_open()) close_now(fd_);
  try_next();
}

void Attempt::done(Result<std::unique_ptr<net::Link>> outcome) {
  if (!connected_) return;
  core_.cancel(std::exchange(deadline_, 0));
  core_.cancel(std::exchange(share_, 0));
  resolver_.cancel();
  if (fd_.is_open()) close_now(fd_);
  std::exchange(connected_, nullptr)(std::move(outcome));
}

}  // namespace

EventLoop::EventLoop() : core_(std::make_unique<Core>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::look_before_sleeping(std::int64_t ns) { core_->look_before_sleeping(ns); }
Status EventLoop::run() { return core_->run(); }
void EventLoop::stop() { core_->stop(); }
void EventLoop::post(Task task) { core_->post(std::move(task)); }
Loop::TimerId EventLoop::call_after(std::int64_t ms, Task task) {
  return core_->call_after(ms, std::move(task));
}
void EventLoop::cancel(TimerId timer) { core_->cancel(timer); }

Result<std::unique_ptr<net::Listener>> EventLoop::listen(const net::ListenOptions& options,
                                                         Accepted accepted) {
  ZK_TRY(Descriptor fd, listening_socket(options));
  Ref<Acceptor> acceptor(new Acceptor(*core_, options, std::move(accepted)));
  if (const int number = acceptor->open(std::move(fd)))
    return fail(system_error(number, "watch the socket", net::to_string({options.host, options.port})));
  return std::unique_ptr<net::Listener>(std::make_unique<TcpListener>(std::move(acceptor)));
}

void EventLoop::connect(const std::string& host, std::uint16_t port, std::int64_t timeout_ms,
                        Connected connected) {
  const Ref<Attempt> attempt(new Attempt(*core_, host, port, timeout_ms, std::move(connected)));
  attempt->begin(host, port, timeout_ms);
}

}  // namespace zkark::os
