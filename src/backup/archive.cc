// The only file that includes libarchive.
#include "src/backup/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "formats/file_names.h"
#include "formats/snap_stream.h"
#include "formats/txn_log.h"

namespace zkark::backup {
namespace {

constexpr std::size_t kBlock = 1 << 18;
constexpr std::uint64_t kMaxSmallBytes = 1 << 20;  // of configuration and epoch files

struct ReadDeleter {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using ReadHandle = std::unique_ptr<archive, ReadDeleter>;

/// What libarchive reads from: a file behind the seam.
struct Input {
  File* file = nullptr;
  std::uint64_t offset = 0;
  std::vector<std::byte> block = std::vector<std::byte>(kBlock);
  std::optional<Error> failure;  // of the storage, which libarchive would only call an I/O error
};

la_ssize_t read_input(archive* handle, void* client, const void** buffer) {
  auto* input = static_cast<Input*>(client);
  Result<std::size_t> n = input->file->read_at(input->offset, input->block);
  if (!n) {
    archive_set_error(handle, EIO, "%s", n.error().message().c_str());
    input->failure = std::move(n).error();
    return ARCHIVE_FATAL;
  }
  input->offset += *n;
  *buffer = input->block.data();
  return static_cast<la_ssize_t>(*n);
}

enum class EntryKind : std::uint8_t { kLog, kSnapshot, kEpoch, kConfig, kOther };

EntryKind kind_of(std::string_view name) {
  const DataFileKind kind = parse_data_file_name(name).kind;
  if (kind == DataFileKind::kLog) return EntryKind::kLog;
  if (kind == DataFileKind::kSnapshot) return EntryKind::kSnapshot;
  if (name == "currentEpoch" || name == "acceptedEpoch") return EntryKind::kEpoch;
  if (name == "myid" || name == "zkark-lineage.json" || name == "zoo.cfg" ||
      name.starts_with("zoo.cfg.dynamic"))
    return EntryKind::kConfig;
  return EntryKind::kOther;
}

/// Where the readable part of a log ends.
Result<std::uint64_t> readable_end(Fs& fs, const std::string& path) {
  ZK_TRY(const auto file, fs.open(path));
  TxnLogReader reader(*file);
  for (;;) {
    Result<std::optional<TxnEntry>> entry = reader.next();
    if (!entry && exit_code(entry.error().id()) != 6) return fail(std::move(entry).error());
    if (!entry || !*entry) return reader.offset();
  }
}

Result<bool> same_bytes(Fs& fs, const std::string& one, const std::string& other, std::uint64_t bytes) {
  ZK_TRY(const auto a, fs.open(one));
  ZK_TRY(const auto b, fs.open(other));
  std::vector<std::byte> left(kBlock), right(kBlock);
  for (std::uint64_t offset = 0; offset < bytes; offset += kBlock) {
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, bytes - offset));
    ZK_TRY(const std::size_t n, a->read_at(offset, MutableBytes(left).first(want)));
    ZK_TRY(const std::size_t m, b->read_at(offset, MutableBytes(right).first(want)));
    if (n != want || m != want || std::memcmp(left.data(), right.data(), want) != 0) return false;
  }
  return true;
}

void support_filters(archive* handle) {
  archive_read_support_filter_gzip(handle);
  archive_read_support_filter_zstd(handle);
  archive_read_support_filter_xz(handle);
  archive_read_support_filter_bzip2(handle);
}

class Unpacker {
 public:
  Unpacker(Fs& fs, const std::string& dir, const UnpackOptions& options, Job& job)
      : fs_(fs), dir_(dir), options_(options), job_(job) {}
  Status begin();
  Status unpack(const std::string& path);
  Result<Unpacked> finish();

 private:
  Status take_directory(const std::string& path);
  Status take_file(EntryKind kind, const std::string& from, const std::string& directory,
                   const std::string& name);
  Status entry(archive* handle, archive_entry* entry, const std::string& archive_path);
  Result<bool> write(archive* handle, const std::string& path, std::uint64_t limit,
                     const std::string& archive_path, const std::string& name);
  Status place(EntryKind kind, const std::string& incoming, UnpackedFile file);
  Result<bool> replaces(EntryKind kind, const std::string& incoming, const UnpackedFile& there,
                        const UnpackedFile& now);
  Status check_rest(File& file, int filter);
  Status check_rest_raw(File& file);
  void note(restore::Severity severity, ErrorId id, const std::string& archive_path, std::string message);

  Fs& fs_;
  const std::string& dir_;
  const UnpackOptions& options_;
  Job& job_;
  std::uint64_t budget_ = 0, entries_ = 0;
  Unpacked result_;
  std::map<std::string, UnpackedFile> placed_;  // by path
};

void Unpacker::note(restore::Severity severity, ErrorId id, const std::string& archive_path,
                    std::string message) {
  restore::Finding finding;
  finding.severity = severity;
  finding.id = id;
  finding.file = archive_path;
  finding.message = std::move(message);
  result_.findings.push_back(std::move(finding));
}

Status Unpacker::begin() {
  ZK_TRY(const std::uint64_t room, fs_.free_bytes(dir_));
  budget_ = std::min(options_.max_bytes, room - room / 20);
  return fs_.make_dir(join_path(dir_, "version-2"), 0700);
}

/// One entry's bytes into a new file. False: it ends early, or is longer than `limit`, or the archive is
/// damaged in it.
Result<bool> Unpacker::write(archive* handle, const std::string& path, std::uint64_t limit,
                             const std::string& archive_path, const std::string& name) {
  ZK_TRY(const auto file, fs_.create(path, {0600}));
  std::uint64_t written = 0;
  static constexpr std::array<std::byte, 65536> kZeros{};
  for (;;) {
    ZK_TRY_STATUS(job_.check());
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int outcome = archive_read_data_block(handle, &data, &size, &offset);
    if (outcome == ARCHIVE_EOF) return true;
    if (outcome < ARCHIVE_WARN || offset < 0) {
      note(restore::Severity::kDamage, ErrorId::kBadCompression, archive_path,
           fmt::format("{} is cut short: {}", name,
                       archive_error_string(handle) ? archive_error_string(handle) : "the archive ends"));
      return false;
    }
    const std::uint64_t end = static_cast<std::uint64_t>(offset) + size;
    if (end > limit) {
      note(restore::Severity::kDamage, ErrorId::kBadLength, archive_path,
           fmt::format("{} is too large to be such a file", name));
      return false;
    }
    if (end < written || end - written > budget_)
      return fail(Error(ErrorId::kRefused,
                        fmt::format("unpacked, the archive is larger than the room there is ({} more bytes)",
                                    budget_))
                      .at(archive_path)
                      .with_hint("set TMPDIR to a place with more room, or unpack it by hand"));
    budget_ -= end - written;
    while (written < static_cast<std::uint64_t>(offset)) {  // a hole of a sparse file
      const std::size_t part = static_cast<std::size_t>(
          std::min<std::uint64_t>(kZeros.size(), static_cast<std::uint64_t>(offset) - written));
      ZK_TRY_STATUS(file->append(Bytes(kZeros).first(part)));
      written += part;
    }
    ZK_TRY_STATUS(file->append(Bytes(static_cast<const std::byte*>(data), size)));
    written = end;
    job_.progress.done.store(job_.progress.done.load(std::memory_order_relaxed) + size,
                             std::memory_order_relaxed);
  }
}

/// A name came again: whether the new copy is the one to keep.
Result<bool> Unpacker::replaces(EntryKind kind, const std::string& incoming, const UnpackedFile& there,
                                const UnpackedFile& now) {
  if (kind == EntryKind::kLog) {
    ZK_TRY(const std::uint64_t old_end, readable_end(fs_, there.path));
    ZK_TRY(const std::uint64_t new_end, readable_end(fs_, incoming));
    ZK_TRY(const bool one_history, same_bytes(fs_, there.path, incoming, std::min(old_end, new_end)));
    if (one_history) return new_end > old_end || (new_end == old_end && now.size_bytes > there.size_bytes);
    note(restore::Severity::kDamage, ErrorId::kWrongCluster, now.archive,
         fmt::format("{} contradicts the copy in {}, which is the one that is read", now.entry,
                     there.archive));
    result_.findings.back().hint = "the archives are of different servers or histories; give them one by one";
    return false;
  }
  if (kind == EntryKind::kSnapshot) {
    ZK_TRY(const auto file, fs_.open(incoming));
    return passes_cheap_test(*file, parse_data_file_name(base_name(now.path)).codec);
  }
  return true;
}

Status Unpacker::place(EntryKind kind, const std::string& incoming, UnpackedFile file) {
  if (const auto there = placed_.find(file.path); there != placed_.end()) {
    ZK_TRY(const bool better, replaces(kind, incoming, there->second, file));
    if (!better) return fs_.remove_file(incoming);
  }
  ZK_TRY_STATUS(fs_.rename(incoming, file.path));
  placed_[file.path] = std::move(file);
  return {};
}

Status Unpacker::entry(archive* handle, archive_entry* entry, const std::string& archive_path) {
  const char* stored = archive_entry_pathname(entry);
  const std::string name = stored == nullptr ? std::string() : stored;
  if (archive_entry_filetype(entry) == AE_IFDIR) return {};
  std::string base(name.substr(name.rfind('/') + 1));
  const EntryKind kind = kind_of(base);
  if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) {
    if (kind != EntryKind::kOther)
      note(kind == EntryKind::kLog || kind == EntryKind::kSnapshot ? restore::Severity::kDamage
                                                                   : restore::Severity::kNote,
           ErrorId::kUnknownFile, archive_path, fmt::format("not read: {} is no regular file", name));
    return {};
  }
  if (kind == EntryKind::kOther) {
    if (const DataFileKind data = parse_data_file_name(base).kind;
        data == DataFileKind::kAccidentalLog || data == DataFileKind::kAccidentalSnapshot)
      note(restore::Severity::kNote, ErrorId::kBadFileName, archive_path,
           fmt::format("not read: no server writes a file named {}", name));
    return {};
  }
  const bool data = kind == EntryKind::kLog || kind == EntryKind::kSnapshot;
  const std::string incoming = join_path(dir_, "incoming");
  ZK_TRY(const bool whole, write(handle, incoming, data ? UINT64_MAX : kMaxSmallBytes, archive_path, name));
  if (!whole && !data) return fs_.remove_file(incoming);
  ZK_TRY(const FileInfo info, fs_.info(incoming));
  const std::string home = kind == EntryKind::kConfig ? dir_ : join_path(dir_, "version-2");
  return place(kind, incoming, {join_path(home, base), archive_path, name, info.size_bytes});
}

/// A copy; of a live server's file, as far as it went when it was read.
Status Unpacker::take_file(EntryKind kind, const std::string& from, const std::string& directory,
                           const std::string& name) {
  const bool data = kind == EntryKind::kLog || kind == EntryKind::kSnapshot;
  const std::string incoming = join_path(dir_, "incoming");
  std::uint64_t written = 0;
  {
    ZK_TRY(const auto source, fs_.open(from));
    ZK_TRY(const auto target, fs_.create(incoming, {0600}));
    std::vector<std::byte> block(kBlock);
    for (;;) {
      ZK_TRY_STATUS(job_.check());
      ZK_TRY(const std::size_t n, source->read_at(written, block));
      if (n == 0) break;
      if (n > budget_)
        return fail(Error(ErrorId::kRefused, "the files together are larger than the room there is")
                        .at(from)
                        .with_hint("set TMPDIR to a place with more room"));
      if (!data && written + n > kMaxSmallBytes) {
        note(restore::Severity::kDamage, ErrorId::kBadLength, directory,
             fmt::format("{} is too large to be such a file", name));
        return fs_.remove_file(incoming);
      }
      budget_ -= n;
      ZK_TRY_STATUS(target->append(Bytes(block).first(n)));
      written += n;
      job_.progress.done.store(job_.progress.done.load(std::memory_order_relaxed) + n,
                               std::memory_order_relaxed);
    }
  }
  const std::string home = kind == EntryKind::kConfig ? dir_ : join_path(dir_, "version-2");
  return place(kind, incoming, {join_path(home, base_name(name)), directory, name, written});
}

Status Unpacker::take_directory(const std::string& path) {
  bool any = false;
  for (const std::string& inner : {std::string(), std::string("version-2/")}) {
    const std::string place = inner.empty() ? path : join_path(path, "version-2");
    ZK_TRY(const bool there, exists(fs_, place));
    if (!there) continue;
    ZK_TRY(const std::vector<DirEntry> entries, fs_.list(place));
    for (const DirEntry& entry : entries) {
      const EntryKind kind = kind_of(entry.name);
      if (entry.type != FileType::kFile || kind == EntryKind::kOther) continue;
      any = any || kind == EntryKind::kLog || kind == EntryKind::kSnapshot;
      ZK_TRY_STATUS(take_file(kind, join_path(place, entry.name), path, inner + entry.name));
    }
  }
  if (any) return {};
  return fail(Error(ErrorId::kNoData, "neither a snapshot nor a log is in this directory")
                  .at(path)
                  .with_hint("give the directories that hold them, flat or with version-2/"));
}

/// libarchive stops at tar's end and never compares gzip's checksum: a flipped bit that still decodes, or a
/// stream cut behind the last member, shows only here.
Status Unpacker::check_rest(File& file, int filter) {
  if (filter == ARCHIVE_FILTER_NONE) return {};
  if (filter != ARCHIVE_FILTER_GZIP) return check_rest_raw(file);
  FileSource raw(file);
  const auto plain = unwrap(raw, SnapCodec::kGzip);
  std::vector<std::byte> block(kBlock);
  for (;;) {
    ZK_TRY_STATUS(job_.check());
    Result<std::size_t> got = plain->read(block);
    if (!got && exit_code(got.error().id()) != 6) return fail(std::move(got).error());
    if (!got) {
      note(restore::Severity::kDamage, ErrorId::kBadCompression, file.path(),
           "the archive is damaged; what could be read of it may be wrong or incomplete: " +
               got.error().message());
      return {};
    }
    if (*got == 0) return {};
  }
}

/// The same for the other codecs, which compare their checksums themselves once all of it is read.
Status Unpacker::check_rest_raw(File& file) {
  Input input;
  input.file = &file;
  const ReadHandle handle(archive_read_new());
  if (!handle) return fail(ErrorId::kOutOfMemory, "no memory for reading an archive");
  support_filters(handle.get());
  archive_read_support_format_raw(handle.get());
  archive_entry* whole = nullptr;
  int outcome = archive_read_open(handle.get(), &input, nullptr, read_input, nullptr);
  if (outcome == ARCHIVE_OK) outcome = archive_read_next_header(handle.get(), &whole);
  while (outcome >= ARCHIVE_WARN && outcome != ARCHIVE_EOF) {
    ZK_TRY_STATUS(job_.check());
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    outcome = archive_read_data_block(handle.get(), &data, &size, &offset);
  }
  if (input.failure) return fail(std::move(*input.failure));
  if (outcome == ARCHIVE_EOF) return {};
  const char* text = archive_error_string(handle.get());
  note(restore::Severity::kDamage, ErrorId::kBadCompression, file.path(),
       fmt::format("the archive is damaged; what could be read of it may be wrong or incomplete: {}",
                   text != nullptr ? text : "it ends early"));
  return {};
}

Status Unpacker::unpack(const std::string& path) {
  ZK_TRY(const FileInfo info, fs_.info(path));
  if (info.type == FileType::kDirectory) return take_directory(path);
  ZK_TRY(const auto file, fs_.open(path));
  Input input;
  input.file = file.get();
  const ReadHandle handle(archive_read_new());
  if (!handle) return fail(ErrorId::kOutOfMemory, "no memory for reading an archive");
  archive_read_support_format_tar(handle.get());
  support_filters(handle.get());
  const auto problem = [&](std::string_view what) -> Status {
    if (input.failure) return fail(std::move(*input.failure));
    const char* text = archive_error_string(handle.get());
    note(restore::Severity::kDamage, ErrorId::kBadCompression, path,
         fmt::format("{}: {}", what, text != nullptr ? text : "it ends early"));
    return {};
  };
  if (archive_read_open(handle.get(), &input, nullptr, read_input, nullptr) != ARCHIVE_OK) {
    if (input.failure) return fail(std::move(*input.failure));
    return fail(Error(ErrorId::kBadMagic, "not a tar file").at(path));
  }
  const std::size_t told = result_.findings.size();
  bool damaged_header = false;
  la_int64_t members_end = 0;  // in the tar stream
  for (std::uint64_t n = 0;; ++n) {
    ZK_TRY_STATUS(job_.check());
    archive_entry* header = nullptr;
    const int outcome = archive_read_next_header(handle.get(), &header);
    if (outcome == ARCHIVE_EOF) {
      const bool known =
          std::any_of(result_.findings.begin() + static_cast<std::ptrdiff_t>(told), result_.findings.end(),
                      [](const restore::Finding& finding) { return finding.id == ErrorId::kBadCompression; });
      if (known) return {};
      if (archive_filter_bytes(handle.get(), 0) <= members_end)
        note(restore::Severity::kDamage, ErrorId::kBadCompression, path,
             "the archive has no end mark: it was cut behind a member, and others may be missing");
      return check_rest(*file, archive_filter_code(handle.get(), 0));
    }
    if (outcome == ARCHIVE_RETRY) {  // no header where one must be; libarchive looks for the next
      if (!damaged_header) ZK_TRY_STATUS(problem("the archive is damaged; a member of it is lost"));
      damaged_header = true;
      continue;
    }
    if (outcome < ARCHIVE_WARN) {
      if (n == 0 && !input.failure) return fail(Error(ErrorId::kBadMagic, "not a tar file").at(path));
      return problem("the archive is damaged; what comes before is read");
    }
    if (++entries_ > options_.max_entries)
      return fail(
          Error(ErrorId::kRefused, fmt::format("the archive has more than {} entries", options_.max_entries))
              .at(path));
    ZK_TRY_STATUS(entry(handle.get(), header, path));
    if (input.failure) return fail(std::move(*input.failure));
    archive_read_data_skip(handle.get());  // what goes wrong here, the next header tells
    members_end = archive_filter_bytes(handle.get(), 0);
  }
}

Result<Unpacked> Unpacker::finish() {
  for (auto& [path, file] : placed_) {
    const std::string_view name = base_name(path);
    if (name.starts_with("zoo.cfg")) result_.config_files.push_back(path);
    result_.files.push_back(std::move(file));
  }
  return std::move(result_);
}

}  // namespace

bool looks_like_archive(Bytes first) {
  const auto starts = [&](std::initializer_list<unsigned> magic) {
    std::size_t i = 0;
    for (unsigned byte : magic)
      if (i >= first.size() || std::to_integer<unsigned>(first[i++]) != byte) return false;
    return true;
  };
  if (starts({0x1f, 0x8b}) || starts({0x28, 0xb5, 0x2f, 0xfd}) || starts({0xfd, '7', 'z', 'X', 'Z'}) ||
      starts({'B', 'Z', 'h'}))
    return true;
  return first.size() >= 262 && as_text(first.subspan(257, 5)) == "ustar";
}

Result<Unpacked> unpack_archives(Fs& fs, const std::vector<std::string>& archives, const std::string& dir,
                                 const UnpackOptions& options, Job& job) {
  job.progress.phase = "unpacking";
  job.progress.done = 0;
  Unpacker unpacker(fs, dir, options, job);
  ZK_TRY_STATUS(unpacker.begin());
  for (const std::string& path : archives) ZK_TRY_STATUS(unpacker.unpack(path));
  return unpacker.finish();
}

}  // namespace zkark::backup
