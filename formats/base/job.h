#pragma once
// Job: handed (last) to anything that may take 100 ms. Counters are polled by the screen at its own pace.
#include <atomic>
#include <cstdint>
#include <stop_token>

#include "formats/base/result.h"

namespace zkark {

struct Progress {
  /// Static strings only: "reading", "compressing", "proving", …; null: it waits, and there is none to show.
  std::atomic<const char*> phase{""};
  std::atomic<std::uint64_t> done{0};  // in bytes
  std::atomic<std::uint64_t> total{0};
};

struct Job {
  Progress progress;
  std::stop_source stop;

  bool stopped() const { return stop.stop_requested(); }
  /// kCancelled once a stop was asked for; looked at between batches, never inside a decoder.
  Status check() const {
    if (stopped()) return fail(ErrorId::kCancelled, "interrupted");
    return {};
  }
};

}  // namespace zkark
