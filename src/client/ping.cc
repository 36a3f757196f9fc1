#include "src/client/ping.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "formats/file_names.h"
#include "src/client/four_letters.h"

namespace zkark::client {
namespace {

std::optional<std::uint64_t> number(std::string_view answer, std::string_view name) {
  const std::optional<std::string> text = answer_field(answer, name);
  if (!text) return {};
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc()) return {};
  return value;
}

void read_srvr(std::string_view answer, PingResult& result) {
  result.role = answer_field(answer, "Mode: ");
  if (auto version = answer_field(answer, "Zookeeper version: "))
    result.version = version->substr(0, version->find(','));
  if (const auto zxid = answer_field(answer, "Zxid: ")) result.zxid = parse_hex64(*zxid);
  result.connections = number(answer, "Connections: ");
  result.outstanding = number(answer, "Outstanding: ");
  result.nodes = number(answer, "Node count: ");
  result.latency = answer_field(answer, "Latency min/avg/max: ");
}

}  // namespace

std::string_view name_of(PingState state) {
  switch (state) {
    case PingState::kServing:
      return "serving";
    case PingState::kReadOnly:
      return "read-only";
    case PingState::kNotServing:
      return "not serving";
    case PingState::kUnreachable:
      break;
  }
  return "unreachable";
}

/// One server: a session with a read, and srvr beside it, as it is all that most servers answer; then ruok
/// and mntr with the time that is left.
class Ping::One final : public SessionEvents {
 public:
  One(Loop& loop, net::Transport& transport, Clock& clock, Server server, std::int64_t timeout_ms,
      std::function<void()> done)
      : loop_(loop),
        transport_(transport),
        clock_(clock),
        timeout_ms_(timeout_ms),
        started_ns_(clock.monotonic().ns),
        done_(std::move(done)) {
    result.server = std::move(server);
    client_.emplace(
        loop, transport, result.server,
        SessionOptions{
            .connect_timeout_ms = timeout_ms, .session_timeout_ms = kSessionMs, .read_only_too = true},
        *this);
    ask("srvr", srvr_, timeout_ms, [this](Result<std::string> answer) { take_srvr(std::move(answer)); });
    deadline_ = loop.call_after(timeout_ms, [this] { time_is_up(); });
  }
  ~One() override { loop_.cancel(deadline_); }
  One(const One&) = delete;
  One& operator=(const One&) = delete;

  PingResult result;

 private:
  static constexpr std::int32_t kSessionMs = 10'000;

  void connected(const Session& session) override {
    accepted_ = true;
    read_only_ = session.read_only;
    const std::int64_t now_ns = clock_.monotonic().ns;
    result.session_ns = now_ns - started_ns_;
    client_->get_data("/", false, [this, now_ns](const Result<Reply>& reply) {
      if (!reply) return;  // ended() tells
      // An ACL that forbids it was looked up all the same.
      if (reply->code != ZkCode::kOk && reply->code != ZkCode::kNoAuth)
        problem_ = "a read of / failed: " + zk_code_text(reply->code);
      else
        result.read_ns = clock_.monotonic().ns - now_ns;
      client_->close();
    });
  }
  void watched(const WatchEvent&) override {}
  void ended(const std::optional<Error>& why) override {
    if (why && !result.read_ns && problem_.empty()) problem_ = why->message();
    accepted_ |= client_->reached();
    session_done_ = true;
    next();
  }

  void ask(std::string_view word, std::optional<FourLetters>& question, std::int64_t timeout_ms,
           FourLetters::Done done) {
    ++waiting_;
    question.emplace(loop_, transport_, result.server, word, timeout_ms,
                     [this, done = std::move(done)](Result<std::string> answer) {
                       done(std::move(answer));
                       --waiting_;
                       next();
                     });
  }
  bool refused(std::string_view word, std::string_view answer) {
    if (!is_not_whitelisted(answer)) return false;
    result.words_refused.emplace_back(word);
    return true;
  }
  void take_srvr(Result<std::string> answer) {
    if (!answer) return;
    accepted_ = true;
    if (refused("srvr", *answer)) return;
    read_srvr(*answer, result);
    if (!result.role && said_.empty()) said_ = answer->substr(0, std::min(answer->find('\n'), kSaidBytes));
  }

  void next() {
    if (!session_done_ || waiting_ != 0 || finished_) return;
    if (asked_all_ || !accepted_) return finish();
    asked_all_ = true;
    const std::int64_t left_ms = timeout_ms_ - (clock_.monotonic().ns - started_ns_) / 1'000'000;
    if (left_ms <= 0) return finish();
    ask("ruok", ruok_, left_ms, [this](const Result<std::string>& answer) {
      if (answer && !refused("ruok", *answer)) result.imok = answer->starts_with("imok");
    });
    if (result.role != "leader") return;
    ask("mntr", mntr_, left_ms, [this](const Result<std::string>& answer) {
      if (!answer || refused("mntr", *answer)) return;
      result.learners = number(*answer, "zk_learners\t");
      if (!result.learners) result.learners = number(*answer, "zk_followers\t");
      result.synced_followers = number(*answer, "zk_synced_followers\t");
      result.synced_observers = number(*answer, "zk_synced_observers\t");
    });
  }
  void time_is_up() {
    deadline_ = 0;
    accepted_ |= client_->reached();
    if (!session_done_ && !result.read_ns && problem_.empty())
      problem_ = accepted_ ? "no answer to a read in time" : "no answer in time";
    finish();
  }
  void finish() {
    if (std::exchange(finished_, true)) return;
    if (result.read_ns)
      result.state = read_only_ ? PingState::kReadOnly : PingState::kServing;
    else
      result.state = accepted_ ? PingState::kNotServing : PingState::kUnreachable;
    result.problem = !said_.empty() ? said_ : problem_;
    // Later: whoever called is one of the objects that go with this one.
    loop_.post([done = done_] { done(); });
  }

  static constexpr std::size_t kSaidBytes = 200;

  Loop& loop_;
  net::Transport& transport_;
  Clock& clock_;
  const std::int64_t timeout_ms_, started_ns_;
  const std::function<void()> done_;
  Loop::TimerId deadline_ = 0;
  std::optional<Client> client_;
  std::optional<FourLetters> srvr_, ruok_, mntr_;
  int waiting_ = 0;
  bool accepted_ = false, read_only_ = false, session_done_ = false, asked_all_ = false, finished_ = false;
  std::string problem_, said_;
};

Ping::Ping(Loop& loop, net::Transport& transport, Clock& clock, const std::vector<Server>& servers,
           const PingOptions& options, std::function<void(std::vector<PingResult>)> done)
    : left_(servers.size()), done_(std::move(done)), alive_(std::make_shared<bool>(true)) {
  for (const Server& server : servers)
    all_.push_back(std::make_unique<One>(loop, transport, clock, server, options.timeout_ms,
                                         [this, alive = std::weak_ptr<bool>(alive_)] {
                                           if (!alive.expired()) one_is_done();
                                         }));
}

Ping::~Ping() = default;

void Ping::one_is_done() {
  if (--left_ != 0) return;
  std::vector<PingResult> results;
  for (const auto& one : all_) results.push_back(std::move(one->result));
  const auto done = std::move(done_);
  done(std::move(results));
}

}  // namespace zkark::client
