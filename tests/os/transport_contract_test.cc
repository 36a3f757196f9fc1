// What formats/base/loop.h and src/net/transport.h promise, asked of the real event loop over TCP and of the
// simulated pair. A test of another layer that passes on the simulation may count on the real one only as far
// as this list goes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/os/transport_place.h"

namespace zkark {
namespace {

using test::pattern;
using test::Peer;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::IsEmpty;

class TransportContract : public ::testing::TestWithParam<std::pair<const char*, test::MakePlace>> {
 protected:
  TransportContract() : place_(GetParam().second()) {}

  bool until(const std::function<bool()>& done) { return place_->run_until(done); }
  /// A listener whose connections become `served_`, started at once unless told otherwise.
  void listen(bool start = true) {
    net::ListenOptions options;
    options.host = "127.0.0.1";
    Result<std::unique_ptr<net::Listener>> listener =
        place_->transport().listen(options, [this, start](std::unique_ptr<net::Link> link) {
          served_.push_back(std::make_unique<Peer>(std::move(link)));
          if (start) served_.back()->start();
        });
    ASSERT_TRUE(listener) << listener.error().to_string();
    listener_ = std::move(*listener);
  }
  /// A new pair of ends; `client()` and `server()` are the newest.
  void connect() {
    const std::size_t before = served_.size();
    const net::Endpoint to = listener_->local();
    place_->transport().connect(to.ip, to.port, 5000, [this](Result<std::unique_ptr<net::Link>> link) {
      ASSERT_TRUE(link) << link.error().to_string();
      clients_.push_back(std::make_unique<Peer>(std::move(*link)));
      clients_.back()->start();
    });
    ASSERT_TRUE(until([&] { return served_.size() == before + 1 && clients_.size() == served_.size(); }));
  }
  void listen_and_connect() {
    listen();
    connect();
  }
  Peer& client() { return *clients_.back(); }
  Peer& server() { return *served_.back(); }

  /// Sets timers, (ms, what they append to `order`), within less than 2 ms: else the processor was elsewhere
  /// in between, their times are further apart than they say, and they are set again.
  void set_at_once(const std::vector<std::pair<std::int64_t, int>>& timers, std::vector<int>& order) {
    place_->loop().post([this, timers, &order] {
      std::vector<Loop::TimerId> ids;
      std::int64_t start_ns = 0;
      do {
        for (const Loop::TimerId id : ids) place_->loop().cancel(id);
        ids.clear();
        start_ns = place_->clock().monotonic().ns;
        for (const auto& [ms, what] : timers)
          ids.push_back(place_->loop().call_after(ms, [&order, what = what] { order.push_back(what); }));
      } while (place_->clock().monotonic().ns - start_ns >= 2'000'000);
    });
  }

  std::unique_ptr<test::Place> place_;
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<Peer>> served_, clients_;
};

INSTANTIATE_TEST_SUITE_P(Transport, TransportContract, ::testing::ValuesIn(test::all_places()),
                         [](const auto& info) { return std::string(info.param.first); });

// ---- tasks and timers ----

TEST_P(TransportContract, TasksRunInTheOrderOfTheirPostsAndNeverFromInside) {
  std::vector<int> order;
  place_->loop().post([&] {
    place_->loop().post([&] { order.push_back(3); });
    order.push_back(1);
  });
  place_->loop().post([&] { order.push_back(2); });
  EXPECT_THAT(order, IsEmpty());
  ASSERT_TRUE(until([&] { return order.size() == 3; }));
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST_P(TransportContract, TimersRunInTheOrderOfTheirTimesAndEqualOnesAsTheyWereSet) {
  std::vector<int> order;
  set_at_once({{30, 4}, {3, 2}, {3, 3}, {0, 1}}, order);
  ASSERT_TRUE(until([&] { return order.size() == 4; }));
  EXPECT_THAT(order, ElementsAre(1, 2, 3, 4));
}

TEST_P(TransportContract, ATimerIsNeverEarly) {
  std::int64_t start_ns = 0, end_ns = 0;
  place_->loop().post([&] {
    start_ns = place_->clock().monotonic().ns;
    place_->loop().call_after(7, [&] { end_ns = place_->clock().monotonic().ns; });
  });
  ASSERT_TRUE(until([&] { return end_ns != 0; }));
  EXPECT_GE(end_ns - start_ns, 7'000'000);
}

TEST_P(TransportContract, ACancelledTimerDoesNotRunAlsoWhenAnotherOneCancelsItAtTheSameTime) {
  std::vector<int> order;
  Loop::TimerId second = 0;
  place_->loop().post([&] {
    const Loop::TimerId never = place_->loop().call_after(1, [&] { order.push_back(-1); });
    EXPECT_NE(never, 0u);
    place_->loop().cancel(never);
    place_->loop().cancel(never);
    place_->loop().cancel(0);
    place_->loop().call_after(2, [&] {
      order.push_back(1);
      place_->loop().cancel(second);
    });
    second = place_->loop().call_after(2, [&] { order.push_back(-2); });
    place_->loop().call_after(10, [&] { order.push_back(2); });
  });
  ASSERT_TRUE(until([&] { return order.size() == 2; }));
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST_P(TransportContract, AnEarlierTimerSetLaterRunsFirst) {
  std::vector<int> order;
  set_at_once({{60, 2}, {2, 1}}, order);
  ASSERT_TRUE(until([&] { return order.size() == 2; }));
  EXPECT_THAT(order, ElementsAre(1, 2));
}

// ---- workers ----

TEST_P(TransportContract, AWorkerRunsItsTasksLaterInOrderAndPostsWhatItHasForTheLoop) {
  std::vector<int> on_worker, on_loop;
  const std::unique_ptr<Worker> worker = place_->make_worker();
  for (int i = 0; i < 20; ++i)
    worker->run([&, i] {
      on_worker.push_back(i);
      place_->loop().post([&, i] { on_loop.push_back(i); });
    });
  EXPECT_THAT(on_loop, IsEmpty());
  ASSERT_TRUE(until([&] { return on_loop.size() == 20; }));
  EXPECT_TRUE(std::is_sorted(on_worker.begin(), on_worker.end()));
  EXPECT_TRUE(std::is_sorted(on_loop.begin(), on_loop.end()));
}

TEST_P(TransportContract, AWorkerThatIsDestroyedHasRunAllItsTasksAlsoThoseThatTasksHandedOver) {
  std::vector<int> order;
  std::unique_ptr<Worker> worker = place_->make_worker();
  Worker& handed = *worker;
  for (int i = 0; i < 3; ++i)
    worker->run([&, i] {
      order.push_back(i);
      handed.run([&, i] { order.push_back(10 + i); });
    });
  worker.reset();
  EXPECT_THAT(order, ::testing::UnorderedElementsAre(0, 1, 2, 10, 11, 12));
}

// ---- connecting ----

TEST_P(TransportContract, BothEndsKnowBothAddresses) {
  listen_and_connect();
  EXPECT_EQ(client().link->remote(), listener_->local());
  EXPECT_EQ(server().link->local(), listener_->local());
  EXPECT_EQ(server().link->remote(), client().link->local());
  EXPECT_EQ(server().link->remote().ip, "127.0.0.1");
  EXPECT_NE(listener_->local().port, 0);
}

TEST_P(TransportContract, ConnectingWhereNobodyListensFailsLater) {
  listen();
  const net::Endpoint gone = listener_->local();
  listener_.reset();
  std::optional<Error> why;
  place_->transport().connect(gone.ip, gone.port, 5000, [&](Result<std::unique_ptr<net::Link>> link) {
    ASSERT_FALSE(link);
    why = std::move(link).error();
  });
  EXPECT_FALSE(why);
  ASSERT_TRUE(until([&] { return why.has_value(); }));
  EXPECT_EQ(why->id(), ErrorId::kUnreachable);
  EXPECT_EQ(why->system_errno(), ECONNREFUSED);
}

TEST_P(TransportContract, APortThatIsTakenIsRefusedWithAHint) {
  listen();
  net::ListenOptions options;
  options.host = "127.0.0.1";
  options.port = listener_->local().port;
  const Result<std::unique_ptr<net::Listener>> second =
      place_->transport().listen(options, [](std::unique_ptr<net::Link>) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().id(), ErrorId::kStorage);
  EXPECT_EQ(second.error().system_errno(), EADDRINUSE);
  EXPECT_THAT(second.error().message(), ::testing::HasSubstr("127.0.0.1:" + std::to_string(options.port)));
  EXPECT_FALSE(second.error().hint().empty());
}

TEST_P(TransportContract, APortIsFreeAgainWhenItsListenerIsGoneAndItsConnectionsLiveOn) {
  listen_and_connect();
  net::ListenOptions options;
  options.host = "127.0.0.1";
  options.port = listener_->local().port;
  listener_.reset();
  const Result<std::unique_ptr<net::Listener>> second =
      place_->transport().listen(options, [](std::unique_ptr<net::Link>) {});
  ASSERT_TRUE(second) << second.error().to_string();
  client().link->send(as_bytes("still here"));
  EXPECT_TRUE(until([&] { return server().got == "still here"; }));
}

TEST_P(TransportContract, AListenerMayBeDestroyedByTheConnectionItHandsOver) {
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<net::Link> served;
  Result<std::unique_ptr<net::Listener>> made =
      place_->transport().listen({.host = "127.0.0.1", .trouble = {}}, [&](std::unique_ptr<net::Link> link) {
        served = std::move(link);
        listener.reset();
      });
  ASSERT_TRUE(made);
  listener = std::move(*made);
  const net::Endpoint to = listener->local();
  std::unique_ptr<net::Link> connected;
  place_->transport().connect(to.ip, to.port, 5000, [&](auto link) { connected = std::move(link).value(); });
  EXPECT_TRUE(until([&] { return served && connected && !listener; }));
}

// ---- bytes ----

TEST_P(TransportContract, BytesArriveInOrderBothWays) {
  listen_and_connect();
  for (int i = 0; i < 100; ++i) {
    client().link->send(as_bytes("to the server " + std::to_string(i) + "\n"));
    server().link->send(as_bytes("to the client " + std::to_string(i) + "\n"));
  }
  client().link->send({});
  std::string to_server, to_client;
  for (int i = 0; i < 100; ++i) {
    to_server += "to the server " + std::to_string(i) + "\n";
    to_client += "to the client " + std::to_string(i) + "\n";
  }
  ASSERT_TRUE(until(
      [&] { return server().got.size() >= to_server.size() && client().got.size() >= to_client.size(); }));
  EXPECT_EQ(server().got, to_server);
  EXPECT_EQ(client().got, to_client);
  EXPECT_EQ(client().drained_calls, 0) << "nothing had to be kept";
}

TEST_P(TransportContract, WhatComesBeforeTheStartIsNotLost) {
  listen(false);
  connect();
  client().link->send(as_bytes("early"));
  bool later = false;
  place_->loop().post([&] { place_->loop().call_after(5, [&] { later = true; }); });
  ASSERT_TRUE(until([&] { return later; }));
  EXPECT_EQ(server().got, "");
  server().start();
  EXPECT_TRUE(until([&] { return server().got == "early"; }));
}

TEST_P(TransportContract, ManyMegabytesComeBackFromAnEchoThatPauses) {
  listen_and_connect();
  const std::string all = pattern(place_->large_bytes());
  int pauses = 0;
  server().on_received = [&](Bytes bytes) {
    server().link->send(bytes);
    if (server().link->unsent_bytes() < (1 << 20) && ++pauses % 3 != 0) return;
    server().link->pause();
    place_->loop().call_after(1, [&] { server().link->resume(); });
  };
  client().link->send(as_bytes(all));
  ASSERT_TRUE(until([&] { return client().got.size() >= all.size(); }));
  EXPECT_TRUE(client().got == all);
  EXPECT_THAT(pauses, Gt(1));
  EXPECT_EQ(client().link->unsent_bytes(), 0u);
  EXPECT_EQ(server().link->unsent_bytes(), 0u);
}

TEST_P(TransportContract, AReaderThatPausesHoldsTheOtherSideUpAndLosesNothing) {
  listen_and_connect();
  server().link->pause();
  const std::string all = pattern(place_->too_much_bytes());
  client().link->send(as_bytes(all));
  EXPECT_THAT(client().link->unsent_bytes(), Gt(0u));
  std::size_t kept = 0;
  place_->loop().post([&] { place_->loop().call_after(50, [&] { kept = client().link->unsent_bytes(); }); });
  ASSERT_TRUE(until([&] { return kept != 0; }));
  EXPECT_EQ(server().got.size(), 0u);
  EXPECT_EQ(client().drained_calls, 0);
  server().link->resume();
  ASSERT_TRUE(until([&] { return server().got.size() >= all.size(); }));
  EXPECT_TRUE(server().got == all);
  EXPECT_TRUE(until([&] { return client().drained_calls == 1; }));
  EXPECT_EQ(client().link->unsent_bytes(), 0u);
}

TEST_P(TransportContract, PausingWithinReceivedStopsTheNextOne) {
  listen_and_connect();
  server().on_received = [&](Bytes) { server().link->pause(); };
  client().link->send(as_bytes("one"));
  ASSERT_TRUE(until([&] { return !server().got.empty(); }));
  const std::size_t before = server().got.size();
  client().link->send(as_bytes("two"));
  bool later = false;
  place_->loop().post([&] { place_->loop().call_after(20, [&] { later = true; }); });
  ASSERT_TRUE(until([&] { return later; }));
  EXPECT_EQ(server().got.size(), before);
  server().on_received = nullptr;
  server().link->resume();
  EXPECT_TRUE(until([&] { return server().got == "onetwo"; }));
}

// ---- the end of a connection ----

TEST_P(TransportContract, ALinkThatIsDestroyedIsClosedForTheOtherSideWithoutAnError) {
  listen_and_connect();
  client().link->send(as_bytes("last words"));
  client().link.reset();
  ASSERT_TRUE(until([&] { return server().closed_calls == 1; }));
  EXPECT_EQ(server().got, "last words");
  EXPECT_FALSE(server().why) << server().why->to_string();
  EXPECT_EQ(client().closed_calls, 0) << "nothing is told of what this side ends";
  server().link->send(as_bytes("swallowed"));
  EXPECT_EQ(server().link->unsent_bytes(), 0u);
}

TEST_P(TransportContract, ALinkMayBeDestroyedByItsOwnEvents) {
  listen();
  connect();
  server().on_received = [&](Bytes) { server().link.reset(); };
  client().on_closed = [&] { client().link.reset(); };
  client().link->send(as_bytes("x"));
  ASSERT_TRUE(until([&] { return client().closed_calls == 1; }));

  connect();
  server().link->pause();
  client().on_drained = [&] { client().link.reset(); };
  client().link->send(as_bytes(pattern(place_->too_much_bytes())));
  server().link->resume();
  ASSERT_TRUE(until([&] { return client().drained_calls == 1; }));
  ASSERT_TRUE(until([&] { return server().closed_calls == 1; }));
  EXPECT_EQ(server().got.size(), place_->too_much_bytes());
}

TEST_P(TransportContract, ALinkMayBeDestroyedByTheEventsOfAnother) {
  listen();
  connect();
  connect();
  // Both have input: the one that is called first destroys the other, which must not be called any more.
  int calls = 0;
  for (std::size_t i = 0; i < 2; ++i)
    served_[i]->on_received = [&, i](Bytes) {
      ++calls;
      served_[1 - i]->link.reset();
    };
  clients_[0]->link->send(as_bytes("a"));
  clients_[1]->link->send(as_bytes("b"));
  ASSERT_TRUE(until([&] { return clients_[0]->closed_calls + clients_[1]->closed_calls == 1; }));
  EXPECT_EQ(calls, 1);
}

TEST_P(TransportContract, CloseWhenSentDeliversAllThenClosesBothSidesWithoutAnError) {
  listen_and_connect();
  const std::string all = pattern(place_->too_much_bytes());
  server().link->send(as_bytes(all));
  server().link->close_when_sent();
  server().link->send(as_bytes("too late"));
  EXPECT_EQ(server().closed_calls, 0);
  ASSERT_TRUE(until([&] { return client().closed_calls == 1 && server().closed_calls == 1; }));
  EXPECT_TRUE(client().got == all);
  EXPECT_FALSE(client().why) << client().why->to_string();
  EXPECT_FALSE(server().why);
  EXPECT_EQ(server().drained_calls, 0) << "closed() is the last call and the only one";
}

TEST_P(TransportContract, CloseWhenSentWithNothingToSendClosesLaterNotFromInside) {
  listen_and_connect();
  server().link->close_when_sent();
  server().link->close_when_sent();
  EXPECT_EQ(server().closed_calls, 0);
  ASSERT_TRUE(until([&] { return server().closed_calls == 1 && client().closed_calls == 1; }));
}

TEST_P(TransportContract, CloseWhenSentDeliversAllAlsoWhenInputIsLeftUnread) {
  listen_and_connect();
  server().link->pause();
  client().link->send(as_bytes(pattern(100'000)));
  const std::string all = pattern(300'000);
  server().on_closed = [&] { server().link.reset(); };
  server().link->send(as_bytes(all));
  server().link->close_when_sent();
  ASSERT_TRUE(until([&] { return client().closed_calls == 1 && server().closed_calls == 1; }));
  EXPECT_TRUE(client().got == all);
  EXPECT_FALSE(client().why) << client().why->to_string();
  EXPECT_EQ(server().got, "");
}

TEST_P(TransportContract, AfterCloseWhenSentNothingIsReceived) {
  listen_and_connect();
  server().on_received = [&](Bytes) { server().link->close_when_sent(); };
  client().link->send(as_bytes("a"));
  ASSERT_TRUE(until([&] { return server().closed_calls == 1; }));
  EXPECT_EQ(server().got, "a");
  client().link->send(as_bytes("b"));
  ASSERT_TRUE(until([&] { return client().closed_calls == 1; }));
  EXPECT_EQ(server().got, "a");
}

TEST_P(TransportContract, ALinkDestroyedWhileItClosesIsEndedWithoutACall) {
  listen_and_connect();
  server().link->close_when_sent();
  server().link.reset();
  ASSERT_TRUE(until([&] { return client().closed_calls == 1; }));
  EXPECT_EQ(server().closed_calls, 0);
}

}  // namespace
}  // namespace zkark
