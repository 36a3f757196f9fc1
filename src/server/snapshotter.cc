#include "src/server/snapshotter.h"

#include <fmt/format.h>

#include <algorithm>

namespace zkark::server {
namespace {

/// So much may wait for the disk before the walk pauses.
constexpr std::size_t kMaxWaitingBytes = 1 << 20;
/// The walk rests as long as the disk and the compression worked for it, this much at a time at least: the
/// log, which writes wait for, has half of the disk at any time.
constexpr std::int64_t kLeastRestMs = 1;

SnapCodec codec_of(const Settings& settings) {
  if (settings.snapshot_compression == "gz") return SnapCodec::kGzip;
  return settings.snapshot_compression == "snappy" ? SnapCodec::kSnappy : SnapCodec::kPlain;
}

}  // namespace

/// One snapshot. What is posted for it looks whether it is still the one that is being taken.
struct Snapshotter::Run final : ByteSink {
  Run(Snapshotter& the_owner, std::shared_ptr<SnapshotFile> the_file)
      : owner(the_owner), file(std::move(the_file)) {}

  /// The walk's output.
  Status write(Bytes bytes) override {
    auto part = std::make_shared<const std::string>(as_text(bytes));
    size_bytes += part->size();
    owner.hand_over([part](SnapshotFile& to) { return to.write(as_bytes(*part)); }, part->size());
    return {};
  }
  Status finish() override { return {}; }

  Snapshotter& owner;
  std::shared_ptr<SnapshotFile> file;  // the worker's
  std::unique_ptr<SnapshotWalk> walk;
  std::size_t waiting_bytes = 0;  // handed over and not written yet
  std::uint64_t size_bytes = 0;   // of the plain stream
  std::int64_t start_ns = 0;
  std::int64_t owed_ns = 0;  // of rest
  bool scheduled = false, resting = false;
};

Snapshotter::Snapshotter(SnapshotterSeams seams, const Settings& settings, restore::State& state,
                         DataPlaces places, std::function<void()> roll,
                         std::function<void(std::int64_t)> taken)
    : seams_(seams),
      settings_(settings),
      state_(state),
      places_(std::move(places)),
      roll_(std::move(roll)),
      taken_(std::move(taken)),
      alive_(std::make_shared<bool>(true)) {
  count_anew();
}

Snapshotter::~Snapshotter() { stop(); }

void Snapshotter::start() {
  seams_.worker.run([&fs = seams_.fs, &log = seams_.log, dir = places_.snapshots] {
    const auto removed = remove_unfinished_snapshots(fs, dir);
    if (!removed) return log.warn("unfinished snapshots are left: " + removed.error().to_string());
    for (const std::string& name : *removed)
      log.info(fmt::format("removed {}, a snapshot that an earlier run did not finish", name));
  });
  take_now();
  if (settings_.purge_interval_ms > 0) purge_later(0);
}

// ---- when

/// A number in [0, bound); 0 where there is none.
std::int64_t Snapshotter::below(std::int64_t bound) {
  if (bound <= 1) return 0;
  std::byte bytes[8];
  seams_.random.fill(bytes);
  return static_cast<std::int64_t>(load_u64(bytes) % static_cast<std::uint64_t>(bound));
}

/// The members of an ensemble apply the same txns: chance keeps them from taking their snapshots together.
void Snapshotter::count_anew() {
  txns_ = bytes_ = 0;
  const std::int64_t txns = settings_.snap_count / 2, bytes = settings_.snap_size_limit_bytes / 2;
  txns_wanted_ = txns + below(txns);
  bytes_wanted_ = bytes + below(bytes);
}

bool Snapshotter::due() const {
  return txns_ > txns_wanted_ || (settings_.snap_size_limit_bytes > 0 && bytes_ > bytes_wanted_);
}

void Snapshotter::applied(std::size_t txns, std::size_t bytes) {
  if (stopped_) return;
  txns_ += static_cast<std::int64_t>(txns);
  bytes_ += static_cast<std::int64_t>(bytes);
  if (!due()) return;
  if (!busy()) return begin();
  // As Apache does it: logs stay short, and a disk that is too slow is not kept busy for ever.
  count_anew();
  roll_();
  ++stats_.skipped;
  seams_.log.warn(fmt::format("snapshot {} is still being written: the one that is due at {} is left out",
                              run_->file->name(), zxid_text(state_.last_zxid)));
}

bool Snapshotter::take_now() {
  if (stopped_ || busy()) return false;
  begin();
  return true;
}

// ---- taking one

/// The log rolls, so that a log begins behind (nearly) each snapshot, and old ones can go.
void Snapshotter::begin() {
  count_anew();
  roll_();
  run_ = std::make_shared<Run>(*this, std::make_shared<SnapshotFile>(seams_.fs, places_.snapshots,
                                                                     state_.last_zxid, codec_of(settings_)));
  run_->start_ns = seams_.clock.monotonic().ns;
  hand_over([](SnapshotFile& file) { return file.create(); }, 0);
  auto walk =
      SnapshotWalk::begin(state_, *run_, {settings_.digest_enabled, settings_.last_processed_zxid_section});
  if (!walk) return failed(walk.error());
  run_->walk = std::move(walk).value();
  schedule();
}

void Snapshotter::schedule() {
  if (run_->scheduled || run_->resting || run_->waiting_bytes > kMaxWaitingBytes) return;
  if (const std::int64_t rest_ms = run_->owed_ns / 1'000'000; rest_ms >= kLeastRestMs) {
    run_->owed_ns -= rest_ms * 1'000'000;
    run_->resting = true;
    seams_.loop.call_after(rest_ms, [this, weak = std::weak_ptr(run_)] {
      const std::shared_ptr<Run> run = weak.lock();
      if (run == nullptr) return;
      run->resting = false;
      schedule();
    });
    return;
  }
  run_->scheduled = true;
  seams_.loop.post([this, run = std::weak_ptr(run_)] {
    if (!run.expired()) slice();
  });
}

void Snapshotter::slice() {
  run_->scheduled = false;
  const Result<bool> done = run_->walk->advance(slice_);
  if (!done) return failed(done.error());
  if (!*done) return schedule();
  run_->walk.reset();
  publish();
}

void Snapshotter::hand_over(std::function<Status(SnapshotFile&)> work, std::size_t bytes) {
  run_->waiting_bytes += bytes;
  seams_.worker.run([this, &loop = seams_.loop, &clock = seams_.clock, run = std::weak_ptr(run_),
                     file = run_->file, work = std::move(work), bytes] {
    const std::int64_t start_ns = clock.monotonic().ns;
    auto status = std::make_shared<Status>(work(*file));
    const std::int64_t took_ns = clock.monotonic().ns - start_ns;
    loop.post([this, run, bytes, took_ns, status] {
      if (!run.expired()) handed(bytes, took_ns, std::move(*status));
    });
  });
}

void Snapshotter::handed(std::size_t bytes, std::int64_t took_ns, Status status) {
  if (!status) return failed(status.error());
  run_->waiting_bytes -= bytes;
  run_->owed_ns += took_ns;
  if (run_->walk != nullptr) schedule();
}

void Snapshotter::publish() {
  seams_.worker.run([this, &loop = seams_.loop, run = std::weak_ptr(run_), file = run_->file] {
    auto status = std::make_shared<Status>(file->publish());
    loop.post([this, run, status] {
      if (!run.expired()) published(std::move(*status));
    });
  });
}

void Snapshotter::published(Status status) {
  if (!status) return failed(status.error());
  ++stats_.taken;
  stats_.last_took_ms = (seams_.clock.monotonic().ns - run_->start_ns) / 1'000'000;
  if (taken_) taken_(stats_.last_took_ms);
  const DataFileName name = parse_data_file_name(run_->file->name());
  stats_.last_zxid = name.zxid;
  seams_.log.info(fmt::format("wrote {}: {} bytes before compression, in {} ms", run_->file->name(),
                              run_->size_bytes, stats_.last_took_ms));
  run_.reset();
}

/// On the worker, behind what is still on its way there.
void Snapshotter::give_up() {
  seams_.worker.run([file = run_->file] { file->discard(); });
  run_.reset();
}

void Snapshotter::failed(const Error& error) {
  ++stats_.failed;
  seams_.log.error(
      fmt::format("cannot write {}: {}; the server goes on, and tries again after the next {} or "
                  "more transactions",
                  run_->file->name(), error.to_string(), settings_.snap_count / 2));
  give_up();
}

void Snapshotter::stop() {
  stopped_ = true;
  if (purge_timer_ != 0) seams_.loop.cancel(purge_timer_);
  purge_timer_ = 0;
  if (busy()) give_up();
}

// ---- old ones

void Snapshotter::purge_later(std::int64_t ms) {
  purge_timer_ = seams_.loop.call_after(ms, [this] {
    purge_timer_ = 0;
    purge_now();
  });
}

/// On the worker too: between two parts of a snapshot, never beside its publication.
void Snapshotter::purge_now() {
  seams_.worker.run([this, &fs = seams_.fs, &loop = seams_.loop, &log = seams_.log, places = places_,
                     retain = static_cast<std::size_t>(std::max<std::int64_t>(settings_.purge_retain, 1)),
                     alive = std::weak_ptr(alive_)] {
    const Status status =
        purge(fs, places, retain, [&log](const std::string& path) { log.info("purged " + path); });
    if (!status) log.warn("cannot purge old snapshots and logs: " + status.error().to_string());
    loop.post([this, alive] {
      if (!alive.expired() && !stopped_) purge_later(settings_.purge_interval_ms);
    });
  });
}

}  // namespace zkark::server
