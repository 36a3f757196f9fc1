#include "tests/support/sim_transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include "formats/base/check.h"

namespace zkark::test {
namespace {

constexpr std::uint16_t kFirstPort = 40'000;
constexpr std::int64_t kAcceptPauseMs = 100;
constexpr std::int64_t kLingerMs = 1000;
constexpr std::size_t kLingerBytes = 1 << 20;

std::string words(int number) { return std::generic_category().message(number); }

}  // namespace

/// One side. Bytes go from `kept` (send() could not hand them over) by `wire` (the system has them) to the
/// other side's events.
struct SimTransport::End {
  enum class State : std::uint8_t { kOpen, kClosing, kLingering, kGone };
  net::Endpoint address;
  net::LinkEvents* events = nullptr;
  State state = State::kOpen;
  bool paused = false, stalled = false;
  bool ended = false;     // behind `wire` comes the end
  bool delivers = false;  // an event for `wire` is on its way
  bool breaks = false;    // broken; closed() is on its way
  std::string kept, wire;
  std::size_t dropped_bytes = 0;

  bool lives() const { return (state == State::kOpen || state == State::kClosing) && !breaks; }
  void told(const std::optional<Error>& why) {
    state = State::kGone;
    if (net::LinkEvents* whom = std::exchange(events, nullptr)) whom->closed(why);
  }
};

struct SimTransport::Pair {
  std::array<End, 2> ends;
  bool cut = false;
};

class SimTransport::SimListener final : public net::Listener {
 public:
  SimListener(std::shared_ptr<Net> net, net::Endpoint local)
      : net_(std::move(net)), local_(std::move(local)) {}
  ~SimListener() override;
  const net::Endpoint& local() const override { return local_; }

 private:
  std::shared_ptr<Net> net_;
  net::Endpoint local_;
};

struct SimTransport::Net : std::enable_shared_from_this<Net> {
  using PairPtr = std::shared_ptr<Pair>;
  struct Listening {
    bool every_address = false;
    std::string ip;
    std::shared_ptr<Accepted> accepted;
    std::function<void(const Error&)> trouble;
    std::vector<std::unique_ptr<net::Link>> backlog;
    bool told = false;
  };

  Net(SimLoop& the_loop, SimNetOptions the_options) : loop(the_loop), options(the_options) {}

  void later(Loop::Task task) { loop.call_after(delay_ms(), std::move(task)); }
  std::int64_t delay_ms() {
    return static_cast<std::int64_t>(
        loop.random().below(static_cast<std::uint64_t>(options.max_delay_ms) + 1));
  }
  bool coin() { return loop.random().below(2) == 0; }

  // Of a connection; `from` sends, or is the side meant.
  void send(const PairPtr& pair, int from, Bytes bytes);
  void fill_wire(const PairPtr& pair, int from);
  void schedule(const PairPtr& pair, int from);
  void deliver(const PairPtr& pair, int from);
  void deliver_piece(const PairPtr& pair, int from);
  std::size_t piece_size(std::size_t all);
  void close_when_sent(const PairPtr& pair, int side);
  void linger(const PairPtr& pair, int side);
  void abandon(const PairPtr& pair, int side);
  void break_off(const PairPtr& pair, int side);
  void go_on(const PairPtr& pair) {
    schedule(pair, 0);
    schedule(pair, 1);
    for (int side : {0, 1}) fill_wire(pair, side);
  }

  Listening* listening(const net::Endpoint& at);
  void arrive(const std::string& what, const net::Endpoint& to, std::shared_ptr<Connected> connected);
  void accept_backlog(std::uint16_t port);
  static std::shared_ptr<Pair>& pair_of(net::Link& link, int* side = nullptr);

  SimLoop& loop;
  const SimNetOptions options;
  std::map<std::uint16_t, Listening> listeners;
  std::map<std::string, std::string> names{{"localhost", "127.0.0.1"}};
  std::string client_ip = "127.0.0.1";
  std::uint16_t last_client_port = 50'000, last_port = kFirstPort - 1;
  bool unanswered = false, out_of_descriptors = false;
};

class SimTransport::SimLink final : public net::Link {
 public:
  SimLink(std::shared_ptr<Net> net, std::shared_ptr<Pair> pair, int side)
      : net_(std::move(net)), pair_(std::move(pair)), side_(side) {}
  ~SimLink() override { net_->abandon(pair_, side_); }

  void start(net::LinkEvents& events) override {
    own().events = &events;
    net_->schedule(pair_, 1 - side_);
  }
  void send(Bytes bytes) override { net_->send(pair_, side_, bytes); }
  std::size_t unsent_bytes() const override { return own().kept.size(); }
  void pause() override { own().paused = true; }
  void resume() override {
    own().paused = false;
    net_->schedule(pair_, 1 - side_);
  }
  void close_when_sent() override { net_->close_when_sent(pair_, side_); }
  const net::Endpoint& remote() const override { return pair_->ends[1 - side_].address; }
  const net::Endpoint& local() const override { return own().address; }

 private:
  friend struct Net;
  End& own() const { return pair_->ends[side_]; }

  std::shared_ptr<Net> net_;
  std::shared_ptr<Pair> pair_;
  const int side_;
};

// ---- bytes ----

void SimTransport::Net::send(const PairPtr& pair, int from, Bytes bytes) {
  End& end = pair->ends[from];
  if (end.state != End::State::kOpen || end.breaks) return;
  end.kept.append(as_text(bytes));
  // fill_wire without a call: nothing was kept before, or it goes on being kept.
  const bool kept_before = end.kept.size() != bytes.size();
  if (kept_before) return;
  const std::size_t room = pair->ends[1 - from].stalled ? 0 : options.window_bytes - end.wire.size();
  const std::size_t taken = std::min(room, end.kept.size());
  end.wire.append(end.kept, 0, taken);
  end.kept.erase(0, taken);
  schedule(pair, from);
}

/// The system takes what was kept, as far as it has room.
void SimTransport::Net::fill_wire(const PairPtr& pair, int from) {
  End& end = pair->ends[from];
  if (end.kept.empty() || pair->ends[1 - from].stalled || !end.lives()) return;
  const std::size_t taken = std::min(options.window_bytes - end.wire.size(), end.kept.size());
  end.wire.append(end.kept, 0, taken);
  end.kept.erase(0, taken);
  schedule(pair, from);
  if (!end.kept.empty()) return;
  later([net = shared_from_this(), pair, from] {
    End& sender = pair->ends[from];
    if (!sender.kept.empty() || !sender.lives()) return;
    if (sender.state == End::State::kClosing) return net->linger(pair, from);
    if (sender.events != nullptr) sender.events->drained();
  });
}

void SimTransport::Net::schedule(const PairPtr& pair, int from) {
  End& end = pair->ends[from];
  if (end.delivers || (end.wire.empty() && !end.ended)) return;
  end.delivers = true;
  later([net = shared_from_this(), pair, from] {
    pair->ends[from].delivers = false;
    net->deliver(pair, from);
  });
}

void SimTransport::Net::deliver(const PairPtr& pair, int from) {
  End& sender = pair->ends[from];
  End& receiver = pair->ends[1 - from];
  if (pair->cut || receiver.stalled || receiver.breaks) return;  // heal, stall off: go_on
  switch (receiver.state) {
    case End::State::kGone:
      if (!sender.wire.empty()) {
        sender.wire.clear();
        break_off(pair, from);
      }
      return;
    case End::State::kLingering:
      receiver.dropped_bytes += sender.wire.size();
      sender.wire.clear();
      if (sender.ended || receiver.dropped_bytes > kLingerBytes) receiver.state = End::State::kGone;
      return fill_wire(pair, from);
    case End::State::kClosing:
      return;  // unread until all is sent
    case End::State::kOpen:
      if (receiver.events == nullptr || receiver.paused) return;
      if (!sender.wire.empty()) return deliver_piece(pair, from);
      if (sender.ended) receiver.told(std::nullopt);
      return;
  }
}

void SimTransport::Net::deliver_piece(const PairPtr& pair, int from) {
  End& sender = pair->ends[from];
  const std::string piece = sender.wire.substr(0, piece_size(sender.wire.size()));
  sender.wire.erase(0, piece.size());
  fill_wire(pair, from);
  schedule(pair, from);
  pair->ends[1 - from].events->received(as_bytes(piece));
}

std::size_t SimTransport::Net::piece_size(std::size_t all) {
  switch (loop.random().below(4)) {
    case 0:
      return 1;
    case 1:
      return all;
    default:
      return 1 + loop.random().below(all);
  }
}

// ---- the end of a connection ----

void SimTransport::Net::close_when_sent(const PairPtr& pair, int side) {
  End& end = pair->ends[side];
  if (end.state != End::State::kOpen) return;
  end.state = End::State::kClosing;
  if (!end.kept.empty()) return;
  later([net = shared_from_this(), pair, side] {
    End& closing = pair->ends[side];
    if (closing.state == End::State::kClosing && closing.lives()) net->linger(pair, side);
  });
}

void SimTransport::Net::linger(const PairPtr& pair, int side) {
  End& end = pair->ends[side];
  end.ended = true;
  schedule(pair, side);
  schedule(pair, 1 - side);
  net::LinkEvents* events = std::exchange(end.events, nullptr);
  end.state = End::State::kLingering;
  loop.call_after(kLingerMs, [pair, side] {
    End& lingering = pair->ends[side];
    if (lingering.state == End::State::kLingering) lingering.state = End::State::kGone;
  });
  if (events != nullptr) events->closed(std::nullopt);
}

/// The Link is destroyed.
void SimTransport::Net::abandon(const PairPtr& pair, int side) {
  End& end = pair->ends[side];
  end.events = nullptr;
  if (end.state == End::State::kLingering || end.state == End::State::kGone) return;
  end.state = End::State::kGone;
  end.kept.clear();
  end.ended = true;
  if (pair->ends[1 - side].wire.empty()) return schedule(pair, side);
  pair->ends[1 - side].wire.clear();  // what was not read is answered by a reset
  break_off(pair, 1 - side);
}

void SimTransport::Net::break_off(const PairPtr& pair, int side) {
  End& end = pair->ends[side];
  if (!end.lives()) return;
  end.breaks = true;
  end.kept.clear();
  later([net = shared_from_this(), pair, side] {
    End& broken = pair->ends[side];
    if (broken.state == End::State::kGone || broken.state == End::State::kLingering) return;
    std::string rest = std::exchange(pair->ends[1 - side].wire, {});
    if (net->coin()) rest.clear();
    const bool reads = broken.state == End::State::kOpen && !broken.paused && broken.events != nullptr;
    if (reads && !rest.empty()) broken.events->received(as_bytes(rest));
    if (broken.state == End::State::kGone) return;
    broken.told(
        Error(ErrorId::kUnreachable, "the connection broke: " + words(ECONNRESET)).with_errno(ECONNRESET));
  });
}

// ---- listening and connecting ----

SimTransport::SimListener::~SimListener() {
  const auto entry = net_->listeners.find(local_.port);
  const std::vector<std::unique_ptr<net::Link>> refused = std::move(entry->second.backlog);
  net_->listeners.erase(entry);
}

SimTransport::Net::Listening* SimTransport::Net::listening(const net::Endpoint& at) {
  const auto entry = listeners.find(at.port);
  if (entry == listeners.end()) return nullptr;
  return entry->second.every_address || entry->second.ip == at.ip ? &entry->second : nullptr;
}

void SimTransport::Net::arrive(const std::string& what, const net::Endpoint& to,
                               std::shared_ptr<Connected> connected) {
  Listening* const listener = listening(to);
  if (listener == nullptr)
    return (*connected)(
        fail(Error(ErrorId::kUnreachable, what + ": " + words(ECONNREFUSED)).with_errno(ECONNREFUSED)));
  const auto pair = std::make_shared<Pair>();
  pair->ends[0].address = {client_ip, ++last_client_port};
  pair->ends[1].address = to;
  listener->backlog.push_back(std::make_unique<SimLink>(shared_from_this(), pair, 1));
  later([net = shared_from_this(), port = to.port] { net->accept_backlog(port); });
  // A task has to be copyable, a Link is not.
  const auto link =
      std::make_shared<std::unique_ptr<net::Link>>(std::make_unique<SimLink>(shared_from_this(), pair, 0));
  later([connected, link] { (*connected)(std::move(*link)); });
}

void SimTransport::Net::accept_backlog(std::uint16_t port) {
  while (true) {
    const auto entry = listeners.find(port);
    if (entry == listeners.end() || entry->second.backlog.empty()) return;
    Listening& listener = entry->second;
    if (out_of_descriptors) {
      loop.call_after(kAcceptPauseMs, [net = shared_from_this(), port] { net->accept_backlog(port); });
      if (std::exchange(listener.told, true) || !listener.trouble) return;
      const auto trouble = listener.trouble;
      return trouble(Error(ErrorId::kStorage, "connections wait to be accepted: " + words(EMFILE))
                         .with_errno(EMFILE)
                         .with_hint("raise the limit of open files (ulimit -n)"));
    }
    listener.told = false;
    std::unique_ptr<net::Link> link = std::move(listener.backlog.front());
    listener.backlog.erase(listener.backlog.begin());
    const std::shared_ptr<Accepted> accepted = listener.accepted;  // may destroy its listener
    (*accepted)(std::move(link));
  }
}

std::shared_ptr<SimTransport::Pair>& SimTransport::Net::pair_of(net::Link& link, int* side) {
  auto* const simulated = dynamic_cast<SimLink*>(&link);
  ZK_CHECK(simulated != nullptr);
  if (side != nullptr) *side = simulated->side_;
  return simulated->pair_;
}

SimTransport::SimTransport(SimLoop& loop, SimNetOptions options)
    : net_(std::make_shared<Net>(loop, options)) {}
SimTransport::~SimTransport() = default;

Result<std::unique_ptr<net::Listener>> SimTransport::listen(const net::ListenOptions& options,
                                                            Accepted accepted) {
  Net::Listening listener;
  listener.every_address = options.host.empty() || options.host == "0.0.0.0" || options.host == "::";
  const auto name = net_->names.find(options.host);
  listener.ip = name == net_->names.end() ? options.host : name->second;
  if (!listener.every_address && listener.ip.find_first_not_of("0123456789abcdef.:") != std::string::npos)
    return fail(Error(ErrorId::kUnreachable, fmt::format("host \"{}\" has no address", options.host)));
  listener.accepted = std::make_shared<Accepted>(std::move(accepted));
  listener.trouble = options.trouble;
  net::Endpoint local{listener.every_address ? "0.0.0.0" : listener.ip, options.port};
  while (local.port == 0)
    if (!net_->listeners.contains(++net_->last_port)) local.port = net_->last_port;
  if (!net_->listeners.emplace(local.port, std::move(listener)).second)
    return fail(Error(ErrorId::kStorage,
                      fmt::format("cannot listen on {}: {}", net::to_string(local), words(EADDRINUSE)))
                    .with_errno(EADDRINUSE)
                    .with_hint("another process listens there; end it or choose another port"));
  return std::unique_ptr<net::Listener>(std::make_unique<SimListener>(net_, local));
}

void SimTransport::connect(const std::string& host, std::uint16_t port, std::int64_t timeout_ms,
                           Connected connected) {
  const auto shared = std::make_shared<Connected>(std::move(connected));
  const std::string what = fmt::format("cannot connect to {}", net::to_string({host, port}));
  const auto name = net_->names.find(host);
  const std::string ip = name == net_->names.end() ? host : name->second;
  if (ip.find_first_not_of("0123456789abcdef.:") != std::string::npos)
    return net_->later([shared, host] {
      (*shared)(fail(Error(ErrorId::kUnreachable, fmt::format("host \"{}\" has no address", host))));
    });
  if (net_->unanswered) {
    net_->loop.call_after(timeout_ms, [shared, what, timeout_ms] {
      (*shared)(fail(Error(ErrorId::kUnreachable, fmt::format("{}: no answer within {} ms", what, timeout_ms))
                         .with_errno(ETIMEDOUT)));
    });
    return;
  }
  net_->later([net = net_, what, to = net::Endpoint{ip, port}, shared] { net->arrive(what, to, shared); });
}

void SimTransport::add_name(const std::string& name, const std::string& ip) { net_->names[name] = ip; }
void SimTransport::set_client_ip(std::string ip) { net_->client_ip = std::move(ip); }
void SimTransport::set_unanswered(bool on) { net_->unanswered = on; }
void SimTransport::set_out_of_descriptors(bool on) { net_->out_of_descriptors = on; }

void SimTransport::cut(net::Link& link) { Net::pair_of(link)->cut = true; }

void SimTransport::heal(net::Link& link) {
  const std::shared_ptr<Pair> pair = Net::pair_of(link);
  pair->cut = false;
  net_->go_on(pair);
}

void SimTransport::reset(net::Link& link) {
  const std::shared_ptr<Pair> pair = Net::pair_of(link);
  for (int side : {0, 1}) net_->break_off(pair, side);
}

void SimTransport::stall(net::Link& link, bool on) {
  int side = 0;
  const std::shared_ptr<Pair> pair = Net::pair_of(link, &side);
  pair->ends[side].stalled = on;
  if (!on) net_->go_on(pair);
}

}  // namespace zkark::test
