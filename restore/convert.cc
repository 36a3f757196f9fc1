#include "restore/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>

#include "formats/adler32.h"
#include "formats/snap_stream.h"
#include "formats/txn_log.h"
#include "restore/lineage.h"
#include "restore/state.h"

namespace zkark::restore {
namespace {

constexpr std::size_t kWriteBytes = 256 << 10;
constexpr std::uint64_t kBetweenChecks = 4096;

/// Sums up what goes on to `out`; without it the bytes go nowhere.
class CountingSink : public ByteSink {
 public:
  explicit CountingSink(ByteSink* out) : out_(out) {}
  Status write(Bytes bytes) override {
    crc_ = crc32(bytes, crc_);
    bytes_ += bytes.size();
    return out_ != nullptr ? out_->write(bytes) : ok();
  }
  Status finish() override { return out_ != nullptr ? out_->finish() : ok(); }
  std::uint32_t crc() const { return crc_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  ByteSink* out_;
  std::uint32_t crc_ = 0;
  std::uint64_t bytes_ = 0;
};

class TextSink : public ByteSink {
 public:
  Status write(Bytes bytes) override { return text += as_text(bytes), ok(); }
  Status finish() override { return {}; }
  std::string text;
};

class TextSource : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : text_(text) {}
  Result<std::size_t> read(MutableBytes into) override {
    const std::size_t n = std::min(into.size(), text_.size());
    std::copy_n(as_bytes(text_).begin(), n, into.begin());
    text_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view text_;
};

Error damaged(const Error& error, const std::string& path) {
  Error told = Error(error.id(), error.message());
  if (error.offset())
    told = std::move(told).at(path, *error.offset());
  else
    told = std::move(told).at(path);
  if (error.zxid()) told = std::move(told).at_zxid(*error.zxid());
  if (exit_code(error.id()) != 6) return std::move(told).with_hint(error.hint());
  return std::move(told).with_hint(
      "only what is intact is carried over: `zkark repair` writes a corrected copy");
}

/// What one file came to.
struct Passed {
  std::uint64_t records = 0, changed = 0, largest = 0;
};

/// Every record of a log, in the form of the release.
Result<Passed> pass_log(File& file, const std::string& path, RecordConverter& records, ByteSink& out,
                        Job& job) {
  Passed passed;
  TxnLogReader reader(file);
  if (Status header = reader.read_header(); !header) return fail(damaged(header.error(), path));
  std::string pending;
  JuteWriter writer(pending);
  writer.i32(static_cast<std::int32_t>(kLogMagic));
  writer.i32(reader.header_version());
  writer.i64(reader.header_dbid());
  std::string payload;
  TxnEntry entry;
  for (;;) {
    const Result<bool> more = reader.next_into(entry);
    if (!more) return fail(damaged(more.error(), path));
    if (!*more) break;
    passed.largest = std::max<std::uint64_t>(passed.largest, entry.record.size() - kRecordPrefixBytes - 1);
    if (records.txn(entry.txn, payload)) {
      append_record(as_bytes(payload), pending);
      ++passed.changed;
    } else {
      pending += as_text(entry.record);
    }
    if (pending.size() >= kWriteBytes) {
      ZK_TRY_STATUS(out.write(as_bytes(pending)));
      pending.clear();
    }
    if (++passed.records % kBetweenChecks == 0) ZK_TRY_STATUS(job.check());
  }
  ZK_TRY_STATUS(out.write(as_bytes(pending)));
  ZK_TRY_STATUS(out.finish());
  return passed;
}

/// Every section of a snapshot likewise. Sessions and ACL lists are held for a while: their count comes
/// first.
Result<Passed> pass_snapshot(ByteSource& plain, const std::string& path, RecordConverter& records,
                             ByteSink& out, Job& job) {
  Passed passed;
  SnapshotReader reader(plain, path);
  SnapshotWriter writer(out);
  ZK_TRY(const SnapshotHeader header, reader.read_header());
  std::vector<SnapSession> sessions;
  for (;;) {
    ZK_TRY(const auto session, reader.next_session());
    if (!session) break;
    sessions.push_back(*session);
    records.session(*session);
  }
  ZK_TRY_STATUS(writer.begin(header, sessions.size()));
  for (const SnapSession& session : sessions) ZK_TRY_STATUS(writer.session(session));
  std::vector<std::pair<std::int64_t, std::string>> acls;
  for (;;) {
    ZK_TRY(const auto acl, reader.next_acl());
    if (!acl) break;
    acls.emplace_back(acl->id, as_text(acl->acl.encoded()));
  }
  ZK_TRY_STATUS(writer.begin_acls(acls.size()));
  for (const auto& [id, list] : acls) ZK_TRY_STATUS(writer.acl({id, AclList(as_bytes(list))}));
  for (;;) {
    ZK_TRY(auto node, reader.next_node());
    if (!node) break;
    if (node->data) passed.largest = std::max<std::uint64_t>(passed.largest, node->data->size());
    if (records.node(*node)) ++passed.changed;
    ZK_TRY_STATUS(writer.node(*node));
    if (++passed.records % kBetweenChecks == 0) ZK_TRY_STATUS(job.check());
  }
  ZK_TRY(SnapshotTail tail, reader.read_tail());
  if (records.tail(tail)) ++passed.changed;
  ZK_TRY_STATUS(writer.end(tail.digest, tail.last_processed_zxid));
  return passed;
}

class Converting {
 public:
  Converting(Source& source, const SourceListing& listing, const ConvertOptions& options, TargetDir* target,
             Job& job)
      : source_(source),
        listing_(listing),
        options_(options),
        target_(target),
        job_(job),
        records_(options.release) {}
  Result<Conversion> run();

 private:
  Result<bool> is_complete(const SourceFile& file);
  Status snapshot(const SourceFile& file, bool newest);
  Status log(const SourceFile& file, std::optional<std::int64_t> newest_snapshot);
  Status initial_snapshot();
  Status pass(ConvertedFile made, const std::function<Result<Passed>(ByteSink&)>& how);
  Result<std::string> name_of(const SourceFile& file, bool is_log, SnapCodec codec) const;
  Status extras();
  void tell();
  void note(ErrorId id, std::string message, std::string hint);

  Source& source_;
  const SourceListing& listing_;
  const ConvertOptions& options_;
  TargetDir* target_;
  Job& job_;
  RecordConverter records_;
  std::set<std::string> names_;
  std::optional<std::int64_t> first_zxid_;  // of the oldest log
  Conversion result_;
};

void Converting::note(ErrorId id, std::string message, std::string hint) {
  Finding finding;
  finding.id = id;
  finding.message = std::move(message);
  finding.hint = std::move(hint);
  result_.notes.push_back(std::move(finding));
}

/// The zxid is in the name alone.
Result<std::string> Converting::name_of(const SourceFile& file, bool is_log, SnapCodec codec) const {
  if (parse_data_file_name(base_name(file.path)).kind == DataFileKind::kOther)
    return fail(Error(ErrorId::kBadFileName, "the name does not say a zxid")
                    .at(file.path)
                    .with_hint(is_log ? "a copy named log.<zxid of its first record> can be converted"
                                      : "a copy named snapshot.<zxid> can be converted"));
  return is_log ? log_file_name(file.zxid) : snapshot_file_name(file.zxid, codec);
}

Status Converting::pass(ConvertedFile made, const std::function<Result<Passed>(ByteSink&)>& how) {
  if (!names_.insert(made.name).second)
    return fail(Error(ErrorId::kRefused, fmt::format("two files would be {} in the copy", made.name))
                    .at(made.file.path)
                    .with_hint("they are the same point; give the files of one of them"));
  std::unique_ptr<File> file;
  std::unique_ptr<FileSink> disk;
  if (target_ != nullptr) {
    ZK_TRY(file, target_->create("version-2/" + made.name));
    disk = std::make_unique<FileSink>(*file);
  }
  CountingSink counted(disk.get());
  const std::unique_ptr<ByteSink> wrapped = wrap(counted, made.codec);
  ZK_TRY(const Passed passed, how(*wrapped));
  made.records = passed.records;
  made.changed = passed.changed;
  made.size_bytes = counted.bytes();
  made.crc = counted.crc();
  result_.largest_bytes = std::max(result_.largest_bytes, passed.largest);
  job_.progress.done += made.file.size_bytes;
  result_.files.push_back(std::move(made));
  return {};
}

/// Without a seal a server died over it, or is at it; servers pass over it.
Result<bool> Converting::is_complete(const SourceFile& file) {
  ZK_TRY(const auto open, source_.open(file));
  ZK_TRY(const bool sealed, passes_cheap_test(*open, file.codec));
  if (sealed) return true;
  Finding left;
  left.id = ErrorId::kTruncated;
  left.message = "left out: the snapshot does not end with a seal; servers pass over it, too";
  left.file = file.path;
  result_.notes.push_back(std::move(left));
  return false;
}

Status Converting::snapshot(const SourceFile& file, bool newest) {
  SnapCodec codec = options_.codec.value_or(file.codec);
  if (options_.release && !abilities_of(*options_.release).compressed_snapshots) codec = SnapCodec::kPlain;
  ZK_TRY(std::string name, name_of(file, false, codec));
  ConvertedFile made;
  made.file = file;
  made.name = std::move(name);
  made.codec = codec;
  records_.begin_snapshot(file.path, file.zxid, newest);
  return pass(std::move(made), [&](ByteSink& out) -> Result<Passed> {
    ZK_TRY(const auto plain, open_snapshot(source_, file));
    Result<Passed> passed = pass_snapshot(*plain, file.path, records_, out, job_);
    if (!passed) return fail(damaged(passed.error(), file.path));
    return passed;
  });
}

Status Converting::log(const SourceFile& file, std::optional<std::int64_t> newest_snapshot) {
  ZK_TRY(std::string name, name_of(file, true, SnapCodec::kPlain));
  ConvertedFile made;
  made.file = file;
  made.name = std::move(name);
  made.is_log = true;
  records_.begin_log(file.path, newest_snapshot);
  return pass(std::move(made), [&](ByteSink& out) -> Result<Passed> {
    ZK_TRY(const auto open, source_.open(file));
    return pass_log(*open, file.path, records_, out, job_);
  });
}

Status Converting::initial_snapshot() {
  TextSink text;
  ZK_TRY_STATUS(write_snapshot(initial_state(), text, {}, job_));
  ConvertedFile made;
  made.codec = options_.codec.value_or(SnapCodec::kPlain);
  made.name = snapshot_file_name(0, made.codec);
  records_.begin_snapshot(made.name, 0, false);
  note(ErrorId::kNoData,
       fmt::format("{} added: the tree that every server begins with. There is no snapshot, and {} does not "
                   "start without one",
                   made.name, options_.release->text),
       "");
  return pass(std::move(made), [&](ByteSink& out) -> Result<Passed> {
    TextSource plain(text.text);
    RecordConverter own(options_.release);  // what this release does not read of it is no news
    own.begin_snapshot("snapshot.0", 0, false);
    return pass_snapshot(plain, "snapshot.0", own, out, job_);
  });
}

Status Converting::extras() {
  if (target_ == nullptr) return {};
  for (const auto& [name, place] :
       {std::pair("currentEpoch", "version-2/currentEpoch"),
        std::pair("acceptedEpoch", "version-2/acceptedEpoch"), std::pair("myid", "myid"),
        std::pair(kLineageFile.data(), kLineageFile.data())})
    if (const ExtraFile* extra = listing_.extra(name)) ZK_TRY_STATUS(target_->write(place, extra->content));
  return {};
}

/// What a server of the release has to be told.
void Converting::tell() {
  if (!options_.release) return;
  const Abilities can = abilities_of(*options_.release);
  const std::string& release = options_.release->text;
  if (records_.unclear_owners() != 0)
    note(ErrorId::kBadSnapshot,
         fmt::format(
             "{} in snapshots have an owner that is a TTL as 3.5.3 wrote it, or a session of a server "
             "with an id from 128 on: they stay as they are",
             records_.unclear_owners() == 1 ? "1 node" : fmt::format("{} nodes", records_.unclear_owners())),
         "if they are TTL nodes: -Dzookeeper.emulate353TTLNodes=true");
  if (records_.hard_quotas() && !can.hard_quotas)
    note(ErrorId::kBadConfig,
         fmt::format("there are quotas that refuse writes: {} keeps them and only writes warnings", release),
         "");
  if (result_.largest_bytes > static_cast<std::uint64_t>(can.largest_buffer))
    note(ErrorId::kBadLength,
         fmt::format("the largest record has {} bytes, more than a server of {} reads by default",
                     result_.largest_bytes, release),
         fmt::format("-Djute.maxbuffer={}", result_.largest_bytes));
}

Result<Conversion> Converting::run() {
  job_.progress.phase = target_ != nullptr ? "converting" : "looking";
  job_.progress.done = job_.progress.total = 0;
  for (const auto* files : {&listing_.snapshots, &listing_.logs})
    for (const SourceFile& file : *files) job_.progress.total += file.size_bytes;
  if (target_ != nullptr) ZK_TRY_STATUS(target_->make_dir("version-2"));
  std::vector<const SourceFile*> snapshots;
  for (const SourceFile& file : listing_.snapshots) {
    ZK_TRY(const bool complete, is_complete(file));
    if (complete) snapshots.push_back(&file);
  }
  const SourceFile* newest = snapshots.empty() ? nullptr : snapshots.back();
  const bool missing = snapshots.empty() && options_.release && options_.add_initial_snapshot &&
                       !abilities_of(*options_.release).starts_without_snapshot;
  if (missing && !listing_.logs.empty() && listing_.logs.front().zxid == 1) {
    ZK_TRY_STATUS(initial_snapshot());
  } else if (missing) {
    note(ErrorId::kNoData,
         fmt::format("there is no snapshot, and {} does not start without one", options_.release->text),
         "-Dzookeeper.snapshot.trust.empty=true, if the logs hold everything from the beginning on");
  }
  for (const SourceFile* file : snapshots) ZK_TRY_STATUS(snapshot(*file, file == newest));
  for (const SourceFile& file : listing_.logs)
    ZK_TRY_STATUS(log(file, newest != nullptr ? std::optional(newest->zxid) : std::nullopt));
  ZK_TRY_STATUS(extras());
  if (target_ != nullptr) ZK_TRY_STATUS(target_->sync("version-2"));
  result_.changes = records_.changes();
  result_.losses = records_.losses();
  result_.ttl_nodes = records_.ttl_nodes();
  tell();
  return std::move(result_);
}

Failure not_as_written(const std::string& path, std::string what) {
  return fail(Error(ErrorId::kDigestMismatch, std::move(what))
                  .at(path)
                  .with_hint("look at the disk; nothing was put into place"));
}

}  // namespace

Result<Conversion> convert(Source& source, const SourceListing& listing, const ConvertOptions& options,
                           TargetDir* target, Job& job) {
  return Converting(source, listing, options, target, job).run();
}

Status check_conversion(Fs& fs, const std::string& directory, const Conversion& conversion,
                        const ConvertOptions& options, Job& job) {
  job.progress.phase = "reading back";
  job.progress.done = job.progress.total = 0;
  for (const ConvertedFile& file : conversion.files) job.progress.total += file.size_bytes;
  for (const ConvertedFile& file : conversion.files) {
    const std::string path = join_path(join_path(directory, "version-2"), file.name);
    ZK_TRY(const auto open, fs.open(path));
    RecordConverter again(options.release);
    CountingSink plain(nullptr);
    Result<Passed> passed = [&]() -> Result<Passed> {
      if (file.is_log) {
        again.begin_log(path, std::nullopt);
        return pass_log(*open, path, again, plain, job);
      }
      again.begin_snapshot(path, file.file.zxid, false);
      FileSource raw(*open);
      const std::unique_ptr<ByteSource> content = unwrap(raw, file.codec);
      return pass_snapshot(*content, path, again, plain, job);
    }();
    if (!passed) return not_as_written(path, "the copy cannot be read: " + passed.error().message());
    if (passed->records != file.records || passed->changed != 0)
      return not_as_written(path,
                            fmt::format("the copy has {} records, not {}, and {} of them are not for the "
                                        "release",
                                        passed->records, file.records, passed->changed));
    std::uint32_t crc = 0;
    std::uint64_t bytes = 0;
    std::vector<std::byte> window(kWriteBytes);
    for (;;) {
      ZK_TRY(const std::size_t n, open->read_at(bytes, window));
      if (n == 0) break;
      crc = crc32(Bytes(window).first(n), crc);
      bytes += n;
    }
    if (crc != file.crc || bytes != file.size_bytes)
      return not_as_written(path, "what was read back is not what was written");
    job.progress.done += file.size_bytes;
  }
  return {};
}

}  // namespace zkark::restore
