// What the contract of loop and transport does not ask, because it is about the kernel: threads, limits,
// addresses, and peers that behave as no Link does.
#include "src/os/event_loop.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <thread>

#include "src/os/clock.h"
#include "src/os/descriptor.h"
#include "src/os/loop_worker.h"
#include "tests/os/transport_place.h"

namespace zkark::os {
namespace {

using test::pattern;
using test::Peer;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

/// How long the loop looks for something to do before it sleeps, in ns: everything holds either way.
class EventLoopTest : public ::testing::TestWithParam<std::int64_t> {
 protected:
  EventLoopTest() { loop_.look_before_sleeping(GetParam()); }
  bool until(const std::function<bool()>& done) { return test::run_until(loop_, done); }
  void run_ms(std::int64_t ms) {
    bool over = false;
    loop_.call_after(ms, [&] { over = true; });
    ASSERT_TRUE(until([&] { return over; }));
  }
  std::unique_ptr<net::Listener> listen(const std::string& host = "127.0.0.1", bool start = true) {
    net::ListenOptions options;
    options.host = host;
    options.trouble = [this](const Error& error) {
      troubles_.push_back(error.to_string() + "; " + error.hint());
    };
    auto listener = loop_.listen(options, [this, start](std::unique_ptr<net::Link> link) {
      served_.push_back(std::make_unique<Peer>(std::move(link)));
      if (start) served_.back()->start();
    });
    EXPECT_TRUE(listener) << listener.error().to_string();
    return std::move(*listener);
  }
  /// A client of the kernel's own, blocking unless told otherwise.
  static Descriptor raw_client(const net::Listener& listener, int flags = 0) {
    Descriptor fd(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(listener.local().port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    EXPECT_EQ(::fcntl(fd.get(), F_SETFL, flags), 0);
    return fd;
  }

  SystemClock clock_;
  EventLoop loop_;
  std::vector<std::string> troubles_;
  std::vector<std::unique_ptr<Peer>> served_;
};

// ---- the loop and other threads ----

TEST_P(EventLoopTest, APostOfAnotherThreadWakesTheLoopAndPostsOfOneThreadKeepTheirOrder) {
  std::vector<int> got[4];
  int left = 4 * 1000;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i)
        loop_.post([&, t, i] {
          got[t].push_back(i);
          if (--left == 0) loop_.stop();
        });
    });
  ASSERT_TRUE(loop_.run());
  for (const std::vector<int>& one : got) {
    EXPECT_EQ(one.size(), 1000u);
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  }
}

TEST_P(EventLoopTest, AStopBeforeRunEndsItAtOnceAndOnlyThatRun) {
  bool ran = false;
  loop_.stop();
  ASSERT_TRUE(loop_.run());
  loop_.post([&] {
    ran = true;
    loop_.stop();
  });
  ASSERT_TRUE(loop_.run());
  EXPECT_TRUE(ran);
}

TEST_P(EventLoopTest, AnExceptionOfATaskEndsTheRunWithItsError) {
  loop_.post([] { throw std::bad_alloc(); });
  const Status no_memory = loop_.run();
  ASSERT_FALSE(no_memory);
  EXPECT_EQ(no_memory.error().id(), ErrorId::kOutOfMemory);
  loop_.post([] { throw std::runtime_error("odd"); });
  const Status odd = loop_.run();
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().id(), ErrorId::kInternal);
  EXPECT_THAT(odd.error().message(), HasSubstr("odd"));
}

TEST_P(EventLoopTest, ATaskThatPostsItselfForEverStarvesNeitherTimersNorConnections) {
  const auto listener = listen();
  const Descriptor client = raw_client(*listener);
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  bool over = false, timer = false;
  const std::function<void()> again = [&] {
    if (!over) loop_.post(again);
  };
  loop_.post(again);
  loop_.call_after(2, [&] { timer = true; });
  EXPECT_TRUE(until([&] { return timer && !served_.empty() && served_[0]->got == "x"; }));
  over = true;
}

TEST_P(EventLoopTest, TenThousandTimersRunInOrderAndNoneEarly) {
  struct Window {
    std::int64_t from_ns, to_ns;  // what it was set for lies in here
  };
  std::vector<Window> order;
  for (int i = 0; i < 10'000; ++i) {
    const std::int64_t ms = i * 7919 % 20;
    auto window = std::make_shared<Window>();
    window->from_ns = clock_.monotonic().ns + ms * 1'000'000;
    loop_.call_after(ms, [&, window] {
      EXPECT_GE(clock_.monotonic().ns, window->from_ns);
      order.push_back(*window);
    });
    window->to_ns = clock_.monotonic().ns + ms * 1'000'000;
  }
  ASSERT_TRUE(until([&] { return order.size() == 10'000; }));
  std::int64_t latest_ns = 0;
  for (const Window& window : order) {
    EXPECT_GE(window.to_ns, latest_ns);
    latest_ns = std::max(latest_ns, window.from_ns);
  }
}

TEST_P(EventLoopTest, WhatIsLeftWhenTheLoopIsDestroyedIsDropped) {
  auto held = std::make_shared<int>(1);
  {
    EventLoop loop;
    loop.post([held] { FAIL(); });
    loop.call_after(0, [held] { FAIL(); });
    loop.connect("127.0.0.1", 1, 1000, [held](auto) { FAIL(); });
    EXPECT_GT(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

// ---- the worker ----

TEST(LoopWorkerTest, RunsAllTasksInOrderOnOneOtherThreadBeforeItIsGone) {
  std::vector<int> order;
  std::thread::id thread;
  {
    LoopWorker worker([](Error) { FAIL(); });
    for (int i = 0; i < 1000; ++i)
      worker.run([&, i] {
        order.push_back(i);
        thread = std::this_thread::get_id();
      });
  }
  EXPECT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST(LoopWorkerTest, TellsWhatATaskThrewAndGoesOn) {
  std::vector<std::string> told;
  bool ran = false;
  {
    LoopWorker worker([&](Error error) { told.push_back(error_code(error.id()) + " " + error.message()); });
    worker.run([] { throw std::bad_alloc(); });
    worker.run([] { throw std::runtime_error("odd"); });
    worker.run([] { throw 1; });
    worker.run([&] { ran = true; });
  }
  EXPECT_TRUE(ran);
  EXPECT_THAT(told, ::testing::ElementsAre("ZKA-0101 no memory left for a task",
                                           "ZKA-0100 a task failed: odd", "ZKA-0100 a task failed"));
}

TEST_P(EventLoopTest, LoopAndWorkerHandTasksToEachOtherAThousandTimes) {
  int rounds = 0;
  LoopWorker worker([](Error) { FAIL(); });
  std::function<void()> on_worker;
  const std::function<void()> on_loop = [&] {
    if (++rounds == 1000) return loop_.stop();
    worker.run(on_worker);
  };
  on_worker = [&] { loop_.post(on_loop); };
  loop_.post(on_loop);
  ASSERT_TRUE(loop_.run());
  EXPECT_EQ(rounds, 1000);
}

// ---- addresses ----

TEST_P(EventLoopTest, EveryAddressIsListenedOnAndAnIpv4PeerIsShownAsSuch) {
  for (const char* host : {"", "0.0.0.0", "::"}) {
    served_.clear();
    const auto listener = listen(host);
    const Descriptor client = raw_client(*listener);
    ASSERT_TRUE(until([&] { return !served_.empty(); })) << host;
    EXPECT_EQ(served_[0]->link->remote().ip, "127.0.0.1");
    EXPECT_EQ(served_[0]->link->local(), (net::Endpoint{"127.0.0.1", listener->local().port}));
  }
}

TEST_P(EventLoopTest, ANameIsLookedUpForListeningAndForConnecting) {
  const auto listener = listen("localhost");
  std::unique_ptr<net::Link> link;
  std::string why;
  loop_.connect("localhost", listener->local().port, 5000, [&](Result<std::unique_ptr<net::Link>> outcome) {
    if (outcome)
      link = std::move(*outcome);
    else
      why = outcome.error().to_string();
  });
  ASSERT_TRUE(until([&] { return (link && !served_.empty()) || !why.empty(); }));
  EXPECT_EQ(why, "");
  ASSERT_TRUE(link);
  EXPECT_EQ(link->remote(), listener->local());
}

TEST_P(EventLoopTest, EachAddressOfANameIsTried) {
  const auto listener = listen("127.0.0.1");  // a name often has ::1 first
  std::unique_ptr<net::Link> link;
  loop_.connect("localhost", listener->local().port, 5000,
                [&](auto outcome) { link = std::move(outcome).value(); });
  ASSERT_TRUE(until([&] { return link && !served_.empty(); }));
  EXPECT_EQ(link->remote(), listener->local());
}

// Longer than a name can be: refused without a question to the network.
const std::string kNoName(300, 'x');

TEST_P(EventLoopTest, ANameWithoutAnAddressIsSaidToBeSo) {
  net::ListenOptions options;
  options.host = kNoName;
  const auto listener = loop_.listen(options, [](std::unique_ptr<net::Link>) {});
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().id(), ErrorId::kUnreachable);
  std::optional<Error> why;
  loop_.connect(kNoName, 2181, 5000, [&](auto outcome) { why = std::move(outcome).error(); });
  ASSERT_TRUE(until([&] { return why.has_value(); }));
  EXPECT_EQ(why->id(), ErrorId::kUnreachable);
  EXPECT_THAT(why->message(), HasSubstr("has no address"));
}

TEST_P(EventLoopTest, AnAddressOfAnotherMachineCannotBeListenedOn) {
  net::ListenOptions options;
  options.host = "192.0.2.1";  // of a range that nobody has
  const auto listener = loop_.listen(options, [](std::unique_ptr<net::Link>) {});
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().id(), ErrorId::kStorage);
  EXPECT_EQ(listener.error().system_errno(), EADDRNOTAVAIL);
  EXPECT_FALSE(listener.error().hint().empty());
}

TEST_P(EventLoopTest, ConnectingGivesUpWhenItsTimeIsUp) {
  // A queue of one that is full: the kernel drops what comes after, as a machine that is switched off would.
  Descriptor full(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(full.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(full.get(), 0), 0);
  ASSERT_EQ(::getsockname(full.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  Descriptor first(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(first.get(), reinterpret_cast<const sockaddr*>(&at), size), 0);
  std::optional<Error> why;
  bool later = false;
  const std::int64_t start_ns = clock_.monotonic().ns;
  loop_.call_after(5000, [&] { later = true; });
  loop_.connect("127.0.0.1", ntohs(at.sin_port), 60, [&](auto outcome) {
    ASSERT_FALSE(outcome);
    why = std::move(outcome).error();
    EXPECT_FALSE(later);  // timers run in the order of their times, however late
  });
  ASSERT_TRUE(until([&] { return why.has_value(); }));
  EXPECT_EQ(why->id(), ErrorId::kUnreachable);
  EXPECT_EQ(why->system_errno(), ETIMEDOUT);
  EXPECT_GE(clock_.monotonic().ns - start_ns, 59'000'000);
}

// ---- peers ----

TEST_P(EventLoopTest, AResetIsAnError) {
  const auto listener = listen();
  Descriptor client = raw_client(*listener);
  ASSERT_TRUE(until([&] { return served_.size() == 1; }));
  const linger at_once{1, 0};
  ASSERT_EQ(::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  client = Descriptor();
  ASSERT_TRUE(until([&] { return served_[0]->closed_calls == 1; }));
  ASSERT_TRUE(served_[0]->why);
  EXPECT_EQ(served_[0]->why->id(), ErrorId::kUnreachable);
  EXPECT_EQ(served_[0]->why->system_errno(), ECONNRESET);
}

TEST_P(EventLoopTest, ASendIntoABrokenConnectionIsToldLaterByClosedAlsoToOneThatIsPaused) {
  const auto listener = listen();
  Descriptor client = raw_client(*listener);
  ASSERT_TRUE(until([&] { return served_.size() == 1; }));
  net::Link& link = *served_[0]->link;
  link.pause();
  run_ms(2);  // whatever was to be read is behind us
  const linger at_once{1, 0};
  ASSERT_EQ(::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  client = Descriptor();
  link.send(as_bytes("swallowed"));
  link.send(as_bytes("swallowed"));
  EXPECT_EQ(link.unsent_bytes(), 0u);
  EXPECT_EQ(served_[0]->closed_calls, 0);
  ASSERT_TRUE(until([&] {  // the reset may be on its way still
    if (served_[0]->closed_calls == 0) link.send(as_bytes("swallowed"));
    return served_[0]->closed_calls == 1;
  }));
  EXPECT_TRUE(served_[0]->why);
  run_ms(2);
  EXPECT_EQ(served_[0]->closed_calls, 1);
}

TEST_P(EventLoopTest, APeerThatEndsItsHalfAloneStillGetsItsAnswer) {
  // As `echo ruok | nc` does it.
  const auto listener = listen("127.0.0.1", false);
  Descriptor client = raw_client(*listener);
  ASSERT_EQ(::send(client.get(), "ruok", 4, 0), 4);
  ASSERT_EQ(::shutdown(client.get(), SHUT_WR), 0);
  ASSERT_TRUE(until([&] { return served_.size() == 1; }));
  served_[0]->on_received = [&](Bytes) {
    served_[0]->link->send(as_bytes("imok"));
    served_[0]->link->close_when_sent();
  };
  served_[0]->start();
  ASSERT_TRUE(until([&] { return served_[0]->closed_calls == 1; }));
  EXPECT_FALSE(served_[0]->why);
  char answer[8];
  EXPECT_EQ(::recv(client.get(), answer, sizeof answer, 0), 4);
  EXPECT_EQ(::recv(client.get(), answer, sizeof answer, 0), 0);
}

TEST_P(EventLoopTest, WhatIsSentLaterDoesNotOvertakeWhatIsKept) {
  const auto listener = listen();
  const Descriptor client = raw_client(*listener, O_NONBLOCK);
  ASSERT_TRUE(until([&] { return served_.size() == 1; }));
  std::string sent = pattern(24 << 20), got;
  net::Link& link = *served_[0]->link;
  const auto read_all_there_is = [&] {
    char block[65536];
    for (ssize_t n; (n = ::recv(client.get(), block, sizeof block, 0)) > 0;)
      got.append(block, static_cast<std::size_t>(n));
  };
  link.send(as_bytes(sent));
  ASSERT_GT(link.unsent_bytes(), 0u);
  read_all_there_is();  // the system has room again, and the loop has not heard of it
  link.send(as_bytes("later"));
  sent += "later";
  ASSERT_TRUE(until([&] {
    read_all_there_is();
    return got.size() >= sent.size();
  }));
  EXPECT_TRUE(got == sent);
}

TEST_P(EventLoopTest, AConnectionThatIsIdleAgainOwnsNoBuffer) {
  const auto listener = listen();
  const Descriptor client = raw_client(*listener, O_NONBLOCK);
  ASSERT_TRUE(until([&] { return served_.size() == 1; }));
  const std::string sent(24 << 20, 'x');
  std::size_t got = 0;
  const auto allocated_bytes = [] {
    const struct mallinfo2 now = ::mallinfo2();
    return now.uordblks + now.hblkhd;
  };
  const std::size_t before = allocated_bytes();
  served_[0]->link->send(as_bytes(sent));
  ASSERT_TRUE(until([&] {
    char block[65536];
    for (ssize_t n; (n = ::recv(client.get(), block, sizeof block, 0)) > 0;)
      got += static_cast<std::size_t>(n);
    return served_[0]->drained_calls == 1 && got == sent.size();
  }));
  EXPECT_LE(allocated_bytes(), before + 65536);
}

TEST_P(EventLoopTest, APeerThatSendsOnWhileItIsClosedGetsAllOfTheAnswer) {
  const auto listener = listen();
  Descriptor client = raw_client(*listener, O_NONBLOCK);
  ASSERT_TRUE(until([&] { return served_.size() == 1; }));
  const std::string all = pattern(64'000);
  served_[0]->on_closed = [&] { served_[0]->link.reset(); };
  served_[0]->link->send(as_bytes(all));
  served_[0]->link->close_when_sent();
  ASSERT_TRUE(until([&] { return served_[0]->closed_calls == 1; }));
  // Without the lingering the first of these is answered by a reset, which empties the client's queue.
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(::send(client.get(), "more", 4, MSG_NOSIGNAL), 4) << i;
    run_ms(1);
  }
  std::string got;
  ASSERT_TRUE(until([&] {
    char block[4096];
    const ssize_t n = ::recv(client.get(), block, sizeof block, 0);
    if (n > 0) got.append(block, static_cast<std::size_t>(n));
    return n == 0 || (n < 0 && errno != EAGAIN);
  }));
  EXPECT_TRUE(got == all) << got.size();
}

TEST_P(EventLoopTest, APeerThatNeverEndsIsNotWaitedForLongerThanASecondOrAMegabyte) {
  const auto listener = listen();
  const std::string block = pattern(65536);
  const auto refused = [&](const Descriptor& fd, std::size_t size) {
    return ::send(fd.get(), block.data(), size, MSG_NOSIGNAL) < 0 && errno != EAGAIN;
  };
  // Where a megabyte takes as long as a second, the machine stood still and nothing is known of the limit:
  // once more. A limit that is not there makes every round as long.
  for (int round = 0; round < 20; ++round) {
    served_.clear();
    const Descriptor quiet = raw_client(*listener, O_NONBLOCK);
    ASSERT_TRUE(until([&] { return served_.size() == 1; }));
    const Descriptor busy = raw_client(*listener, O_NONBLOCK);
    ASSERT_TRUE(until([&] { return served_.size() == 2; }));
    for (const auto& peer : served_) peer->link->close_when_sent();
    const std::int64_t start_ns = clock_.monotonic().ns;
    ASSERT_TRUE(until([&] { return refused(busy, block.size()); }));
    if (clock_.monotonic().ns - start_ns > 900'000'000) continue;  // by its megabyte, not by its second
    ASSERT_TRUE(until([&] { return refused(quiet, 1); }));
    EXPECT_THAT(clock_.monotonic().ns - start_ns, AllOf(Ge(999'000'000), Le(5'000'000'000)));
    return;
  }
  FAIL() << "a megabyte was never enough";
}

TEST_P(EventLoopTest, ABusyConnectionLetsOthersHaveTheirTurn) {
  const auto listener = listen("127.0.0.1", false);
  const Descriptor busy = raw_client(*listener, O_NONBLOCK);
  const Descriptor quiet = raw_client(*listener, O_NONBLOCK);
  ASSERT_TRUE(until([&] { return served_.size() == 2; }));
  const std::string block = pattern(65536);
  const auto fill = [&] {
    while (::send(busy.get(), block.data(), block.size(), 0) > 0) {
    }
  };
  int turns = 0, turns_before_the_other = -1;
  served_[0]->on_received = [&](Bytes bytes) {
    EXPECT_LE(bytes.size(), 256u << 10);
    ++turns;
    fill();  // there is always more
    if (turns == 50) loop_.stop();
  };
  served_[1]->on_received = [&](Bytes) { turns_before_the_other = turns; };
  fill();
  ASSERT_EQ(::send(quiet.get(), "x", 1, 0), 1);
  served_[0]->start();
  served_[1]->start();
  ASSERT_TRUE(loop_.run());
  EXPECT_THAT(turns_before_the_other, AllOf(Ge(0), Le(2)));
}

// ---- many ----

/// Lets this process have as many descriptors as it may, or just `wanted`; puts the limit back.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t wanted = RLIM_INFINITY) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit now{std::min(wanted, before_.rlim_max), before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_P(EventLoopTest, TwoThousandConnectionsAreServed) {
  const DescriptorLimit limit;
  const auto listener = listen();
  std::vector<std::unique_ptr<Peer>> clients;
  for (int i = 0; i < 2000; ++i)
    loop_.connect("127.0.0.1", listener->local().port, 60'000, [&](Result<std::unique_ptr<net::Link>> link) {
      ASSERT_TRUE(link) << link.error().to_string();
      clients.push_back(std::make_unique<Peer>(std::move(*link)));
      clients.back()->start();
      clients.back()->link->send(as_bytes("ping " + std::to_string(clients.size())));
    });
  std::size_t answered = 0;
  ASSERT_TRUE(until([&] {
    for (const auto& peer : served_)
      if (!peer->on_received && !peer->got.empty()) {
        peer->on_received = [](Bytes) {};
        peer->link->send(as_bytes(peer->got));
      }
    answered = 0;
    for (std::size_t i = 0; i < clients.size(); ++i)
      answered += clients[i]->got == "ping " + std::to_string(i + 1);
    return answered == 2000;
  })) << answered;
  for (const auto& peer : served_) peer->link->close_when_sent();
  EXPECT_TRUE(until([&] {
    return std::all_of(clients.begin(), clients.end(),
                       [](const auto& c) { return c->closed_calls == 1 && !c->why; });
  }));
}

TEST_P(EventLoopTest, WhenNoDescriptorsAreLeftConnectionsWaitAndTheTroubleIsToldOnce) {
  const auto listener = listen();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(raw_client(*listener));
  const int next_free = ::dup(0);
  ::close(next_free);
  {
    const DescriptorLimit limit(static_cast<rlim_t>(next_free));
    ASSERT_TRUE(until([&] { return !troubles_.empty(); }));
    rusage before{}, after{};
    ASSERT_EQ(::getrusage(RUSAGE_SELF, &before), 0);
    run_ms(350);  // three more tries
    ASSERT_EQ(::getrusage(RUSAGE_SELF, &after), 0);
    const auto cpu_us = [](const rusage& use) {
      return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1'000'000 + use.ru_utime.tv_usec +
             use.ru_stime.tv_usec;
    };
    EXPECT_LE(cpu_us(after) - cpu_us(before), 175'000) << "it must not spin";
    EXPECT_TRUE(served_.empty());
  }
  ASSERT_TRUE(until([&] { return served_.size() == 3; }));
  EXPECT_EQ(troubles_.size(), 1u);
  EXPECT_THAT(troubles_[0], AllOf(HasSubstr("Too many open files"), HasSubstr("ulimit -n")));
}

TEST_P(EventLoopTest, AListenerThatIsDestroyedWhileAcceptingPausesIsGone) {
  auto listener = listen();
  const Descriptor client = raw_client(*listener);
  const int next_free = ::dup(0);
  ::close(next_free);
  const DescriptorLimit limit(static_cast<rlim_t>(next_free));
  ASSERT_TRUE(until([&] { return !troubles_.empty(); }));
  listener.reset();
  run_ms(120);
  EXPECT_TRUE(served_.empty());
}

INSTANTIATE_TEST_SUITE_P(Looking, EventLoopTest, ::testing::Values(0, 300'000),
                         [](const auto& info) { return info.param == 0 ? "Never" : "ForAWhile"; });

}  // namespace
}  // namespace zkark::os
