// Every operation belongs to a slot: a connection has as many as it may have in flight. What answers an
// operation sends the next one of its slot, within the same batch of packets.
#include "src/client/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace zkark::client {
namespace {

constexpr unsigned kWindow = 128;          // creates and deletes in flight while preparing and cleaning up
constexpr unsigned kFailuresInARow = 100;  // of sessions, before the server is taken for gone

}  // namespace

std::uint64_t BenchResult::done() const {
  std::uint64_t sum = 0;
  for (const BenchOperation& one : operations) sum += one.latency.count();
  return sum;
}

std::uint64_t BenchResult::failed() const {
  std::uint64_t sum = 0;
  for (const BenchOperation& one : operations) sum += one.failed;
  return sum;
}

class Bench::Core {
 public:
  Core(Loop& loop, net::Transport& transport, Clock& clock, BenchOptions options,
       std::function<void(Status)> done);
  ~Core() { loop_.cancel(end_timer_); }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  void interrupt();
  Phase phase() const { return phase_; }
  const BenchResult& result() const { return result_; }

 private:
  struct Connection;
  struct Slot {
    Connection* home;
    std::uint32_t key = 0;  // kWatches: its own, always
    std::int64_t started_ns = 0;
    bool write = false;
    unsigned steps_left = 0;  // kWatches: the event and the reply to the write
  };
  /// Nodes of one connection that are still to be removed.
  struct Remains {
    std::size_t owner;
    std::uint64_t next = 0;
  };
  struct Connection final : SessionEvents {
    Connection(Core& of, std::size_t number, const Server& server)
        : core(of), index(number), client(of.loop_, of.transport_, server, of.options_.session, *this) {}
    void connected(const Session&) override { core.one_connected(*this); }
    void watched(const WatchEvent& event) override { core.take_event(event); }
    void ended(const std::optional<Error>& why) override { core.one_ended(*this, why); }

    Core& core;
    std::size_t index;
    Client client;
    bool alive = false, over = false;
    std::vector<Slot> slots;
    std::uint64_t keys_asked = 0;  // of its share of the keys, creates that were sent
    std::uint64_t created = 0;     // kCreates: names that were used up
    std::vector<Remains> remains;
    unsigned waiting = 0;  // while preparing and cleaning up
  };
  /// kSessions: opens one session after the other.
  struct Opener final : SessionEvents {
    Opener(Core& of, std::size_t number) : core(of), index(number) {}
    void open();
    void connected(const Session&) override;
    void watched(const WatchEvent&) override {}
    void ended(const std::optional<Error>& why) override;

    Core& core;
    std::size_t index;
    std::optional<Client> client;
    std::int64_t started_ns = 0;
    bool at_work = false;
  };

  std::int64_t now() { return clock_.monotonic().ns; }
  const Server& server(std::size_t index) const { return options_.servers[index % options_.servers.size()]; }
  bool sessions() const { return options_.workload == Workload::kSessions; }
  std::uint64_t keys_of(std::size_t owner) const;
  std::string created_name(std::size_t owner, std::uint64_t n) const;

  void one_connected(Connection& connection);
  void one_ended(Connection& connection, const std::optional<Error>& why);
  void prepare();
  void take_root(const Result<Reply>& reply);
  void prepare_keys(Connection& connection);
  void load();
  void end_load();
  void break_off(Error why);

  void begin(Slot& slot);
  void begin_watch(Slot& slot);
  void watch_step(Slot& slot);
  void take_event(const WatchEvent& event);
  void done_with(Slot& slot, std::size_t operation, const Result<Reply>& reply);
  bool take_turn();
  void turn_is_over();
  void count_failure(std::size_t operation, const std::string& why);
  std::size_t random_key();

  void clean();
  void send_deletes(Connection& connection);
  void clean_on(Connection& connection) {
    send_deletes(connection);
    remove_root();
  }
  std::optional<std::string> next_remain(Connection& connection);
  void remove_root();
  void close_all();
  void finish_if_closed();

  Loop& loop_;
  net::Transport& transport_;
  Clock& clock_;
  const BenchOptions options_;
  std::function<void(Status)> done_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Opener>> openers_;
  std::vector<std::string> keys_;
  std::string value_;
  std::uint64_t random_;
  Phase phase_ = Phase::kConnecting;
  bool root_asked_ = false, root_made_ = false, rescued_ = false;
  Loop::TimerId end_timer_ = 0;
  std::uint64_t turns_left_;     // operations that may still begin
  std::uint64_t under_way_ = 0;  // operations that have begun and are not done
  std::int64_t load_began_ns_ = 0;
  unsigned failures_in_a_row_ = 0;
  std::optional<Error> why_;
  BenchResult result_;
};

Bench::Core::Core(Loop& loop, net::Transport& transport, Clock& clock, BenchOptions options,
                  std::function<void(Status)> done)
    : loop_(loop),
      transport_(transport),
      clock_(clock),
      options_(std::move(options)),
      done_(std::move(done)),
      value_(options_.value_bytes, 'x'),
      random_(options_.seed | 1),
      turns_left_(options_.requests.value_or(UINT64_MAX)) {
  switch (options_.workload) {
    case Workload::kReads:
      result_.operations.push_back({.name = "getData"});
      break;
    case Workload::kWrites:
      result_.operations.push_back({.name = "setData"});
      break;
    case Workload::kCreates:
      result_.operations.push_back({.name = "create"});
      break;
    case Workload::kMixed:
      result_.operations.push_back({.name = "getData"});
      result_.operations.push_back({.name = "setData"});
      break;
    case Workload::kWatches:
      result_.operations.push_back({.name = "event"});
      break;
    case Workload::kSessions:
      result_.operations.push_back({.name = "openSession"});
      result_.operations.push_back({.name = "closeSession"});
      break;
  }
  std::size_t keys = options_.keys;
  if (options_.workload == Workload::kCreates || sessions()) keys = 0;
  if (options_.workload == Workload::kWatches)
    keys = static_cast<std::size_t>(options_.connections) * options_.in_flight;
  for (std::size_t i = 0; i < keys; ++i) keys_.push_back(fmt::format("{}/k{}", options_.path, i));
  if (sessions()) {
    for (std::size_t i = 0; i < options_.connections; ++i)
      openers_.push_back(std::make_unique<Opener>(*this, i));
    load();
    return;
  }
  for (std::size_t i = 0; i < options_.connections; ++i)
    connections_.push_back(std::make_unique<Connection>(*this, i, server(i)));
}

// ---- connecting and preparing ----

void Bench::Core::one_connected(Connection& connection) {
  connection.alive = true;
  if (phase_ == Phase::kDone) return connection.client.close();
  if (phase_ == Phase::kCleaning) return clean();  // the one that was made to clean up
  if (phase_ == Phase::kConnecting &&
      std::all_of(connections_.begin(), connections_.end(), [](const auto& one) { return one->alive; }))
    prepare();
}

void Bench::Core::one_ended(Connection& connection, const std::optional<Error>& why) {
  connection.alive = false;
  connection.over = true;
  if (phase_ == Phase::kDone) return finish_if_closed();
  break_off(why ? why->clone() : Error(ErrorId::kUnreachable, "a session was closed"));
}

void Bench::Core::prepare() {
  phase_ = Phase::kPreparing;
  root_asked_ = true;
  connections_.front()->client.create(options_.path, {}, CreateMode::kPersistent,
                                      [this](const Result<Reply>& reply) { take_root(reply); });
}

/// Nothing is removed before it is known whether the path is ours.
void Bench::Core::take_root(const Result<Reply>& reply) {
  root_asked_ = false;
  if (!reply) {  // one_ended() comes next
    result_.left_behind = true;
    return;
  }
  root_made_ = reply->code == ZkCode::kOk;
  if (reply->code == ZkCode::kNodeExists)
    return break_off(Error(ErrorId::kRefused, fmt::format("{} exists already", options_.path))
                         .with_hint("--path takes a node that does not exist: it is removed at the end"));
  if (reply->code == ZkCode::kNoNode)
    return break_off(
        Error(ErrorId::kNotFound, fmt::format("cannot create {}: its parent does not exist", options_.path))
            .with_hint("--path takes a node to make, below one that exists"));
  if (!root_made_)
    return break_off(Error(ErrorId::kUnreachable,
                           fmt::format("cannot create {}: {}", options_.path, zk_code_text(reply->code))));
  if (phase_ == Phase::kCleaning) return clean();
  for (const auto& one : connections_) prepare_keys(*one);
  if (keys_.empty()) load();
}

std::uint64_t Bench::Core::keys_of(std::size_t owner) const {
  if (owner >= options_.connections) return 0;
  return (keys_.size() + options_.connections - 1 - owner) / options_.connections;
}

std::string Bench::Core::created_name(std::size_t owner, std::uint64_t n) const {
  return fmt::format("{}/c{}-{}", options_.path, owner, n);
}

void Bench::Core::prepare_keys(Connection& connection) {
  while (connection.waiting < kWindow && connection.keys_asked < keys_of(connection.index)) {
    const std::size_t key = connection.keys_asked++ * options_.connections + connection.index;
    ++connection.waiting;
    connection.client.create(
        keys_[key], as_bytes(value_), CreateMode::kPersistent,
        [this, of = &connection](const Result<Reply>& reply) {
          --of->waiting;
          if (!reply) return;
          if (phase_ == Phase::kCleaning) return clean_on(*of);
          if (reply->code != ZkCode::kOk)
            return break_off(Error(
                ErrorId::kUnreachable,
                fmt::format("cannot create nodes below {}: {}", options_.path, zk_code_text(reply->code))));
          prepare_keys(*of);
          const bool all = std::all_of(connections_.begin(), connections_.end(), [this](const auto& one) {
            return one->waiting == 0 && one->keys_asked == keys_of(one->index);
          });
          if (all) load();
        });
  }
}

// ---- the load ----

void Bench::Core::load() {
  phase_ = Phase::kLoading;
  load_began_ns_ = now();
  end_timer_ = loop_.call_after(options_.duration_ms, [this] {
    end_timer_ = 0;
    end_load();
  });
  for (const auto& opener : openers_) opener->open();
  for (const auto& connection : connections_) {
    for (std::uint32_t i = 0; i < options_.in_flight; ++i)
      connection->slots.push_back(
          {.home = connection.get(),
           .key = static_cast<std::uint32_t>(connection->index * options_.in_flight + i)});
  }
  // When all slots have their places: an answer may find any of them.
  for (const auto& connection : connections_)
    for (Slot& slot : connection->slots) {
      slot.started_ns = now();
      begin(slot);
    }
}

void Bench::Core::end_load() {
  result_.elapsed_ns = now() - load_began_ns_;
  loop_.cancel(std::exchange(end_timer_, 0));
  clean();
}

void Bench::Core::break_off(Error why) {
  if (!why_) why_ = std::move(why);
  switch (phase_) {
    case Phase::kLoading:
      return end_load();
    case Phase::kConnecting:
    case Phase::kPreparing:
    case Phase::kCleaning:
      return clean();
    case Phase::kDone:
      return;
  }
}

void Bench::Core::interrupt() {
  if (phase_ != Phase::kCleaning) break_off(Error(ErrorId::kCancelled, "interrupted"));
}

bool Bench::Core::take_turn() {
  if (phase_ != Phase::kLoading || turns_left_ == 0) return false;
  --turns_left_;
  ++under_way_;
  return true;
}

void Bench::Core::turn_is_over() {
  --under_way_;
  if (under_way_ == 0 && turns_left_ == 0 && phase_ == Phase::kLoading) end_load();
}

void Bench::Core::count_failure(std::size_t operation, const std::string& why) {
  ++result_.operations[operation].failed;
  ++result_.failures[why];
}

std::size_t Bench::Core::random_key() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return static_cast<std::size_t>((static_cast<unsigned __int128>(random_) * keys_.size()) >> 64);
}

/// slot.started_ns is now: what the last answer brought along.
void Bench::Core::begin(Slot& slot) {
  if (!take_turn()) return;
  Client& client = slot.home->client;
  switch (options_.workload) {
    case Workload::kReads:
      slot.write = false;
      break;
    case Workload::kMixed:
      slot.write = random_key() * 100 / keys_.size() >= options_.read_percent;
      break;
    case Workload::kWrites:
      slot.write = true;
      break;
    case Workload::kCreates:
      return client.create(
          created_name(slot.home->index, slot.home->created++), as_bytes(value_), CreateMode::kPersistent,
          [of = &slot](const Result<Reply>& reply) { of->home->core.done_with(*of, 0, reply); });
    case Workload::kWatches:
      return begin_watch(slot);
    case Workload::kSessions:
      return;
  }
  // One pointer is what a std::function holds without memory of its own.
  if (slot.write)
    client.set_data(keys_[random_key()], as_bytes(value_), -1, [of = &slot](const Result<Reply>& reply) {
      Core& core = of->home->core;
      core.done_with(*of, core.result_.operations.size() - 1, reply);
    });
  else
    client.get_data(keys_[random_key()], false,
                    [of = &slot](const Result<Reply>& reply) { of->home->core.done_with(*of, 0, reply); });
}

void Bench::Core::done_with(Slot& slot, std::size_t operation, const Result<Reply>& reply) {
  if (phase_ != Phase::kLoading || !reply) return;
  const std::int64_t now_ns = now();
  if (reply->code == ZkCode::kOk)
    result_.operations[operation].latency.add(now_ns - slot.started_ns);
  else
    count_failure(operation, zk_code_text(reply->code));
  slot.started_ns = now_ns;
  begin(slot);
  turn_is_over();
}

/// The slot's connection watches the slot's key, the next connection writes it.
void Bench::Core::begin_watch(Slot& slot) {
  slot.home->client.get_data(keys_[slot.key], true, [of = &slot](const Result<Reply>& armed) {
    Core& core = of->home->core;
    if (core.phase_ != Phase::kLoading || !armed) return;
    if (armed->code != ZkCode::kOk) return core.done_with(*of, 0, armed);
    of->steps_left = 2;
    of->started_ns = core.now();
    Connection& writer = *core.connections_[(of->home->index + 1) % core.connections_.size()];
    writer.client.set_data(core.keys_[of->key], as_bytes(core.value_), -1,
                           [of](const Result<Reply>& written) {
                             Core& same = of->home->core;
                             if (same.phase_ != Phase::kLoading || !written) return;
                             if (written->code != ZkCode::kOk) return same.done_with(*of, 0, written);
                             same.watch_step(*of);
                           });
  });
}

void Bench::Core::take_event(const WatchEvent& event) {
  if (phase_ != Phase::kLoading || event.type != EventType::kDataChanged) return;
  const std::string_view digits =
      event.path.substr(std::min(event.path.size(), options_.path.size() + 2));  // behind "/k"
  std::size_t key = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), key).ec != std::errc() ||
      key >= keys_.size())
    return;
  Slot& slot = connections_[key / options_.in_flight]->slots[key % options_.in_flight];
  result_.operations[0].latency.add(now() - slot.started_ns);
  watch_step(slot);
}

void Bench::Core::watch_step(Slot& slot) {
  if (slot.steps_left == 0 || --slot.steps_left != 0) return;
  begin(slot);
  turn_is_over();
}

// ---- sessions ----

void Bench::Core::Opener::open() {
  client.reset();
  if (!core.take_turn()) return;
  at_work = true;
  started_ns = core.now();
  client.emplace(core.loop_, core.transport_, core.server(index), core.options_.session, *this);
}

void Bench::Core::Opener::connected(const Session&) {
  const std::int64_t now_ns = core.now();
  if (core.phase_ == Phase::kLoading) core.result_.operations[0].latency.add(now_ns - started_ns);
  core.failures_in_a_row_ = 0;
  started_ns = now_ns;
  client->close();
}

void Bench::Core::Opener::ended(const std::optional<Error>& why) {
  at_work = false;
  if (core.phase_ == Phase::kDone) return core.finish_if_closed();
  if (!why)
    core.result_.operations[1].latency.add(core.now() - started_ns);
  else
    core.count_failure(0, why->message());
  if (why && ++core.failures_in_a_row_ >= kFailuresInARow) core.break_off(why->clone());
  open();
  core.turn_is_over();
}

// ---- cleaning up ----

void Bench::Core::clean() {
  if (phase_ == Phase::kDone) return;
  phase_ = Phase::kCleaning;
  if (root_asked_) return;
  if (!root_made_) return close_all();
  std::vector<Connection*> alive;
  for (const auto& one : connections_)
    if (one->alive) alive.push_back(one.get());
  if (alive.empty()) {
    const bool one_is_coming =
        std::any_of(connections_.begin(), connections_.end(), [](const auto& one) { return !one->over; });
    if (one_is_coming) return;
    if (std::exchange(rescued_, true)) {
      result_.left_behind = true;
      return close_all();
    }
    connections_.push_back(std::make_unique<Connection>(*this, connections_.size(), server(0)));
    return;
  }
  // Who made a node removes it: on one connection the delete comes after the create. What a connection left
  // that is gone, another one takes over, from the begin: what is removed already is no node, and that is
  // fine.
  for (const auto& owner : connections_) {
    if (owner->alive && !owner->remains.empty()) continue;
    Connection& heir = owner->alive ? *owner : *alive[owner->index % alive.size()];
    if (!owner->alive && owner->over) owner->remains.clear();
    heir.remains.push_back({owner->index});
  }
  for (Connection* one : alive) send_deletes(*one);
  remove_root();
}

std::optional<std::string> Bench::Core::next_remain(Connection& connection) {
  for (Remains& remains : connection.remains) {
    const Connection& owner = *connections_[remains.owner];
    const std::uint64_t n = remains.next;
    if (n >= owner.keys_asked + owner.created) continue;
    ++remains.next;
    if (n < owner.keys_asked) return keys_[n * options_.connections + owner.index];
    return created_name(owner.index, n - owner.keys_asked);
  }
  return {};
}

void Bench::Core::send_deletes(Connection& connection) {
  while (connection.waiting < kWindow) {
    const std::optional<std::string> path = next_remain(connection);
    if (!path) return;
    ++connection.waiting;
    connection.client.remove(*path, -1, [this, of = &connection](const Result<Reply>& reply) {
      --of->waiting;
      if (reply && phase_ == Phase::kCleaning) clean_on(*of);
    });
  }
}

/// Once all below it is gone.
void Bench::Core::remove_root() {
  Connection* alive = nullptr;
  for (const auto& one : connections_) {
    if (!one->alive) continue;
    if (one->waiting != 0) return;
    alive = one.get();
  }
  if (alive == nullptr || !std::exchange(root_made_, false)) return;
  alive->client.remove(options_.path, -1, [this](const Result<Reply>& reply) {
    result_.left_behind = !reply || (reply->code != ZkCode::kOk && reply->code != ZkCode::kNoNode);
    if (reply) close_all();  // else one_ended() does
  });
}

void Bench::Core::close_all() {
  if (phase_ == Phase::kDone) return;
  phase_ = Phase::kDone;
  for (const auto& one : connections_)
    if (one->alive) one->client.close();
  finish_if_closed();
}

void Bench::Core::finish_if_closed() {
  for (const auto& one : connections_)
    if (one->alive) return;
  for (const auto& opener : openers_)
    if (opener->at_work) return;
  if (!done_) return;
  Status status;
  if (why_) status = fail(std::move(*why_));
  // Later: who called is of an object that goes with the Bench.
  loop_.post([done = std::exchange(done_, nullptr), status = std::make_shared<Status>(std::move(status))] {
    done(std::move(*status));
  });
}

// ---- the outside ----

Bench::Bench(Loop& loop, net::Transport& transport, Clock& clock, BenchOptions options,
             std::function<void(Status)> done)
    : core_(std::make_unique<Core>(loop, transport, clock, std::move(options), std::move(done))) {}
Bench::~Bench() = default;
void Bench::interrupt() { core_->interrupt(); }
Bench::Phase Bench::phase() const { return core_->phase(); }
const BenchResult& Bench::result() const { return core_->result(); }

}  // namespace zkark::client
