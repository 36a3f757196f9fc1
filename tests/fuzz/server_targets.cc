// What a client, or somebody else, sends to a whole server; and what a server sends to our client.
#include <optional>
#include <string>

#include "formats/proto_client.h"
#include "src/client/client.h"
#include "tests/fuzz/targets.h"
#include "tests/server/server_lab.h"

namespace zkark::fuzz {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;  // a run is about what bytes mean, not about how many there are

/// A server with a node, and a client that must not notice what another one does.
class Attacked {
 public:
  Attacked() {
    lab_.no_check_at_the_end();
    ZK_CHECK(witness_.open());
    ZK_CHECK(witness_.create("/witness", "here").err == 0);
  }
  server::ServerLab& lab() { return lab_; }

  /// The server runs, serves, and its log leads to its tree.
  void check() {
    lab_.settle();
    ZK_CHECK(lab_.failures.empty());
    ZK_CHECK(!witness_.ended() && witness_.ping().came);
    ZK_CHECK(witness_.exists("/").err == 0);
    ZK_CHECK(witness_.create("/after").err != -9999);
    lab_.settle();
    const auto replayed = lab_.replayed();
    ZK_CHECK(replayed.has_value());
    ZK_CHECK(replayed->state.tree.digest() == lab_.server().state().tree.digest());
    ZK_CHECK(replayed->state.last_zxid == lab_.server().state().last_zxid);
  }

 private:
  static server::Settings settings() {
    server::Settings made = server::lab_settings();
    made.extended_types = true;
    made.four_letter_words = {"*"};
    return made;
  }
  server::ServerLab lab_{1, settings()};
  server::Client witness_{lab_};
};

}  // namespace

void connection_bytes(Bytes input) {
  if (input.size() > kMostBytes) return;
  Attacked attacked;
  {
    server::Client stranger(attacked.lab(), "192.0.2.1");
    stranger.send(as_text(input));
    attacked.lab().settle();
  }
  attacked.check();
}

void request_packets(Bytes input) {
  if (input.size() > kMostBytes) return;
  Attacked attacked;
  {
    server::Client client(attacked.lab(), "192.0.2.1");
    ZK_CHECK(client.open());
    for (std::string_view rest = as_text(input); rest.size() > 2 && !client.ended();) {
      const std::size_t length = (static_cast<std::size_t>(static_cast<unsigned char>(rest[0])) << 8) |
                                 static_cast<unsigned char>(rest[1]);
      rest.remove_prefix(2);
      client.frame(rest.substr(0, length));
      rest.remove_prefix(std::min(length, rest.size()));
    }
    attacked.lab().settle();
  }
  attacked.check();
}

namespace {

struct Ends final : client::SessionEvents {
  void connected(const client::Session&) override { ++connects; }
  void watched(const WatchEvent& event) override { ZK_CHECK(event.path.size() <= kMostBytes); }
  void ended(const std::optional<Error>&) override { ++ends; }
  int connects = 0, ends = 0;
};

/// Answers whatever comes with the same bytes.
struct Peer final : net::LinkEvents {
  Peer(std::unique_ptr<net::Link> of, Bytes bytes) : link(std::move(of)) {
    link->start(*this);
    link->send(bytes);
  }
  void received(Bytes) override {}
  void drained() override {}
  void closed(const std::optional<Error>&) override {}
  std::unique_ptr<net::Link> link;
};

}  // namespace

void reply_packets(Bytes input) {
  if (input.size() > kMostBytes) return;
  static_cast<void>(read_connect_response(input));
  static_cast<void>(read_reply_header(input));
  for (int kind = 0; kind < 2; ++kind) {
    JuteReader in(input);
    if (kind == 0)
      static_cast<void>(WatchEvent::read(in));
    else
      static_cast<void>(ClientStat::read(in));
    ZK_CHECK(in.offset() <= input.size());
  }
  test::SimClock clock;
  test::SimLoop loop(clock, 1);
  test::SimTransport transport(loop);
  std::unique_ptr<Peer> peer;
  net::ListenOptions options;
  options.host = "127.0.0.1", options.port = 2181;
  const auto listener = transport.listen(options, [&](std::unique_ptr<net::Link> link) {
    peer = std::make_unique<Peer>(std::move(link), input);
  });
  ZK_CHECK(listener);
  Ends events;
  int answers = 0, asked = 0;
  {
    client::Client client(loop, transport, {"127.0.0.1", 2181}, {}, events);
    ZK_CHECK(loop.run_until([&] { return events.ends + events.connects != 0; }, 20'000));
    if (events.connects != 0 && events.ends == 0) {
      for (; asked < 3; ++asked)
        client.get_data("/a", true, [&](const Result<client::Reply>&) { ++answers; });
      loop.run_until([&] { return events.ends != 0; }, 60'000);
    }
  }
  ZK_CHECK(events.connects <= 1 && events.ends <= 1 && answers <= asked);
  peer.reset();
}

}  // namespace zkark::fuzz
