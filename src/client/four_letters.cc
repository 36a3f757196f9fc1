#include "src/client/four_letters.h"

#include <fmt/format.h>

#include <utility>

namespace zkark::client {
namespace {

constexpr std::size_t kMaxAnswerBytes = 1 << 20;

}  // namespace

class FourLetters::Core final : public net::LinkEvents, public std::enable_shared_from_this<Core> {
 public:
  Core(Loop& loop, const Server& server, std::string_view word, Done done)
      : loop_(loop), name_(to_string(server)), word_(word), done_(std::move(done)) {}

  void ask(net::Transport& transport, const Server& server, std::int64_t timeout_ms) {
    timer_ = loop_.call_after(timeout_ms, [weak = weak_from_this(), timeout_ms] {
      if (const auto self = weak.lock())
        self->finish(self->failure(fmt::format("no answer to {} within {} ms", self->word_, timeout_ms)));
    });
    transport.connect(server.host, server.port, timeout_ms,
                      [weak = weak_from_this()](Result<std::unique_ptr<net::Link>> link) {
                        const auto self = weak.lock();
                        if (!self || !self->done_) return;
                        if (!link) return self->finish(fail(std::move(link).error()));
                        self->link_ = *std::move(link);
                        self->link_->start(*self);
                        self->link_->send(as_bytes(self->word_));
                      });
  }
  void abandon() {
    loop_.cancel(std::exchange(timer_, 0));
    link_.reset();
    const Done dropped = std::exchange(done_, nullptr);
  }

  void received(Bytes bytes) override {
    answer_.append(as_text(bytes));
    if (answer_.size() > kMaxAnswerBytes)
      finish(failure(fmt::format("more than {} bytes in answer to {}", kMaxAnswerBytes, word_)));
  }
  void drained() override {}
  void closed(const std::optional<Error>& why) override {
    if (why) return finish(fail(why->clone().context(name_)));
    if (answer_.empty()) return finish(failure(fmt::format("closed without an answer to {}", word_)));
    finish(std::move(answer_));
  }

 private:
  Failure failure(std::string_view message) const {
    return fail(ErrorId::kUnreachable, fmt::format("{}: {}", name_, message));
  }
  void finish(Result<std::string> answer) {
    const auto self = shared_from_this();
    const Done done = std::exchange(done_, nullptr);
    abandon();
    if (done) done(std::move(answer));
  }

  Loop& loop_;
  const std::string name_, word_;
  Done done_;
  Loop::TimerId timer_ = 0;
  std::unique_ptr<net::Link> link_;
  std::string answer_;
};

FourLetters::FourLetters(Loop& loop, net::Transport& transport, const Server& server, std::string_view word,
                         std::int64_t timeout_ms, Done done)
    : core_(std::make_shared<Core>(loop, server, word, std::move(done))) {
  core_->ask(transport, server, timeout_ms);
}

FourLetters::~FourLetters() { core_->abandon(); }

std::optional<std::string> answer_field(std::string_view answer, std::string_view name) {
  for (std::size_t at = 0; at < answer.size();) {
    const std::size_t end = std::min(answer.find('\n', at), answer.size());
    const std::string_view line = answer.substr(at, end - at);
    if (line.starts_with(name)) return std::string(line.substr(name.size()));
    at = end + 1;
  }
  return {};
}

bool is_not_whitelisted(std::string_view answer) {
  return answer.find("is not executed because it is not in the whitelist") != answer.npos;
}

}  // namespace zkark::client
