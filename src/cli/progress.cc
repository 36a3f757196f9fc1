#include "src/cli/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/text.h"

namespace zkark::cli {
namespace {
constexpr std::int64_t kEventEveryNs = 10'000'000'000;
constexpr unsigned kBarColumns = 24;
}  // namespace

ProgressView::ProgressView(Job& job, Clock& clock, Output& output, bool shown)
    : job_(job),
      clock_(clock),
      output_(output),
      shown_(shown),
      phase_start_(clock.monotonic()),
      last_event_(phase_start_) {}

ProgressView::Seen ProgressView::look() {
  Seen seen{};
  const char* const phase = job_.progress.phase.load();
  seen.phase = phase == nullptr ? "waiting" : phase;
  seen.done = job_.progress.done.load(std::memory_order_relaxed);
  seen.total = job_.progress.total.load(std::memory_order_relaxed);
  const MonotonicTime now = clock_.monotonic();
  if (seen.phase != phase_) {
    phase_ = seen.phase;
    phase_start_ = now;
  }
  seen.seconds = static_cast<double>(now.ns - phase_start_.ns) / 1e9;
  seen.rate = seen.seconds > 0.5 ? std::min(1e18, static_cast<double>(seen.done) / seen.seconds) : 0;
  return seen;
}

std::string ProgressView::text(const Seen& seen, unsigned columns) const {
  std::string line;
  const double part =
      seen.total == 0 ? 0 : std::min(1.0, static_cast<double>(seen.done) / static_cast<double>(seen.total));
  if (seen.total > 0 && columns >= 60) {
    const auto filled = static_cast<std::size_t>(part * kBarColumns);
    line = fmt::format("[{}{}] ", std::string(filled, '#'), std::string(kBarColumns - filled, ' '));
  }
  line += seen.phase.empty() ? "working" : seen.phase;
  if (seen.total > 0)
    line += fmt::format("  {}%  {}/{}", static_cast<int>(part * 100), human_size(seen.done),
                        human_size(seen.total));
  else if (seen.done > 0)
    line += fmt::format("  {}", human_size(seen.done));
  if (seen.rate > 0) line += fmt::format("  {}/s", human_size(static_cast<std::uint64_t>(seen.rate)));
  if (seen.rate > 0 && seen.total > seen.done) {
    const auto left = static_cast<std::uint64_t>(static_cast<double>(seen.total - seen.done) / seen.rate);
    line += fmt::format("  ETA {}:{:02}", left / 60, left % 60);
  }
  return columns > 1 ? cut_to_width(line, columns - 1) : line;
}

void ProgressView::event(const Seen& seen) {
  TextBuffer buffer;
  JsonWriter json(buffer);
  json.begin_object().key("phase").string(seen.phase).key("done_bytes").number(seen.done);
  json.key("total_bytes").number(seen.total).key("seconds").number(seen.seconds);
  json.key("bytes_per_second").number(static_cast<std::uint64_t>(seen.rate)).end_object();
  output_.progress_event(text(seen, 0), buffer.view().substr(1, buffer.size() - 2));
}

void ProgressView::tick() {
  if (!shown_) return;
  if (job_.progress.phase.load() == nullptr) {
    output_.hide_progress_line();
    last_event_ = clock_.monotonic();
    return;
  }
  const Seen seen = look();
  const MonotonicTime now = clock_.monotonic();
  Console& console = output_.console();
  if (console.err_is_terminal() && !output_.log_is_json()) {
    if (now.ns - last_event_.ns < 200'000'000 && seen.done == 0) return;  // quick work draws nothing
    const unsigned columns = console.columns();
    output_.show_progress_line(text(seen, columns == 0 ? 80 : columns));
    return;
  }
  if (now.ns - last_event_.ns < kEventEveryNs) return;
  last_event_ = now;
  event(seen);
}

void ProgressView::status() { event(look()); }

}  // namespace zkark::cli
