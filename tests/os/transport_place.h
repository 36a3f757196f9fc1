#pragma once
// What the contract tests of loop and transport need: a place to run them in, and one end of a connection.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/loop.h"
#include "src/net/transport.h"
#include "src/os/event_loop.h"

namespace zkark::test {

class Place {
 public:
  virtual ~Place() = default;
  virtual Loop& loop() = 0;
  virtual net::Transport& transport() = 0;
  virtual Clock& clock() = 0;
  virtual std::unique_ptr<Worker> make_worker() = 0;
  /// Lets things happen until `done`; false when they stop happening, or not before ten seconds.
  virtual bool run_until(const std::function<bool()>& done) = 0;
  /// More than the buffers on the way hold, and still more, so that sending it at once keeps some.
  virtual std::size_t large_bytes() const = 0;
  virtual std::size_t too_much_bytes() const = 0;
};
using MakePlace = std::unique_ptr<Place> (*)();
/// With a name each.
std::vector<std::pair<const char*, MakePlace>> all_places();

/// Lets the real loop run until `done`, looking every millisecond, at most ten seconds.
bool run_until(os::EventLoop& loop, const std::function<bool()>& done);

/// One end: keeps what comes and counts the calls. The functions may destroy the link.
struct Peer final : net::LinkEvents {
  explicit Peer(std::unique_ptr<net::Link> the_link) : link(std::move(the_link)) {}
  void start() { link->start(*this); }
  void received(Bytes bytes) override {
    got.append(as_text(bytes));
    if (on_received) on_received(bytes);
  }
  void drained() override {
    ++drained_calls;
    if (on_drained) on_drained();
  }
  void closed(const std::optional<Error>& reason) override {
    ++closed_calls;
    if (reason) why = reason->clone();
    if (on_closed) on_closed();
  }

  std::string got;
  std::optional<Error> why;
  std::function<void(Bytes)> on_received;
  std::function<void()> on_drained, on_closed;
  int drained_calls = 0, closed_calls = 0;
  std::unique_ptr<net::Link> link;
};

/// Bytes of which no two places look the same.
inline std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t x = 1;
  for (char& c : text) {
    x = x * 1664525 + 1013904223;
    c = static_cast<char>(x >> 24);
  }
  return text;
}

}  // namespace zkark::test
