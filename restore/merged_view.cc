#include "restore/merged_view.h"

#include <algorithm>

#include "formats/txn_log.h"

namespace zkark::restore {
namespace {

class PartedLog : public File {
 public:
  struct Piece {
    std::uint64_t start = 0;  // in what is shown
    File* file = nullptr;
    Extent extent;
  };
  PartedLog(std::string path, std::string header, std::vector<std::unique_ptr<File>> files,
            std::vector<Piece> pieces)
      : path_(std::move(path)),
        header_(std::move(header)),
        files_(std::move(files)),
        pieces_(std::move(pieces)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    std::size_t done = 0;
    if (offset < header_.size()) {
      done = std::min<std::size_t>(into.size(), header_.size() - static_cast<std::size_t>(offset));
      std::copy_n(as_bytes(header_).data() + offset, done, into.data());
    }
    // The piece with the first byte that is missing: the last one that begins at or before it.
    auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), offset + done,
                                  [](std::uint64_t at, const Piece& one) { return at < one.start; });
    if (piece != pieces_.begin()) --piece;
    for (; piece != pieces_.end() && done < into.size(); ++piece) {
      const std::uint64_t size = piece->extent.end - piece->extent.begin;
      const std::uint64_t skip = offset + done - piece->start;
      if (skip >= size) continue;
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(into.size() - done, size - skip));
      ZK_TRY(const std::size_t read, piece->file->read_at(piece->extent.begin + skip, into.subspan(done, n)));
      done += read;
      if (read < n) break;
    }
    return done;
  }
  Result<FileInfo> info() override {
    FileInfo info;
    if (!files_.empty()) {
      ZK_TRY(info, files_.front()->info());
    }
    info.size_bytes = pieces_.empty()
                          ? header_.size()
                          : pieces_.back().start + (pieces_.back().extent.end - pieces_.back().extent.begin);
    return info;
  }
  Status append(Bytes) override { return fail(ErrorId::kInternal, "a source is not written"); }
  Status sync() override { return fail(ErrorId::kInternal, "a source is not written"); }
  const std::string& path() const override { return path_; }

 private:
  const std::string path_, header_;
  std::vector<std::unique_ptr<File>> files_;
  std::vector<Piece> pieces_;
};

std::string new_header() {
  std::string header;
  append_log_header(header);
  return header;
}

}  // namespace

MergedView::MergedView(Source& source, const SourceListing& listing, std::vector<MergedLog> logs)
    : source_(source), listing_(listing) {
  listing_.logs.clear();
  for (MergedLog& log : logs) {
    if (!log.parts.empty()) {
      log.file.size_bytes = log.new_header ? kLogHeaderBytes : 0;
      for (const LogPart& part : log.parts) log.file.size_bytes += part.extent.end - part.extent.begin;
    }
    listing_.logs.push_back(log.file);
    if (!log.parts.empty()) logs_.push_back(std::move(log));
  }
}

const MergedLog* MergedView::merged(const std::string& path) const {
  for (const MergedLog& log : logs_)
    if (log.file.path == path) return &log;
  return nullptr;
}

Result<std::unique_ptr<File>> MergedView::open(const SourceFile& file) {
  const MergedLog* const log = merged(file.path);
  if (log == nullptr) return source_.open(file);
  std::vector<std::unique_ptr<File>> files;
  std::vector<std::pair<const Source*, std::string>> opened;
  std::vector<PartedLog::Piece> pieces;
  std::uint64_t start = log->new_header ? kLogHeaderBytes : 0;
  for (const LogPart& part : log->parts) {
    const std::pair<const Source*, std::string> key(part.source, part.file.path);
    auto known = std::find(opened.begin(), opened.end(), key);
    if (known == opened.end()) {
      ZK_TRY(std::unique_ptr<File> one, part.source->open(part.file));
      files.push_back(std::move(one));
      known = opened.insert(opened.end(), key);
    }
    File* const from = files[static_cast<std::size_t>(known - opened.begin())].get();
    pieces.push_back({start, from, part.extent});
    start += part.extent.end - part.extent.begin;
  }
  return std::unique_ptr<File>(std::make_unique<PartedLog>(
      file.path, log->new_header ? new_header() : std::string(), std::move(files), std::move(pieces)));
}

std::pair<std::string, std::uint64_t> MergedView::origin(const std::string& path,
                                                         std::uint64_t offset) const {
  const MergedLog* const log = merged(path);
  if (log == nullptr) return {path, offset};
  std::uint64_t start = log->new_header ? kLogHeaderBytes : 0;
  if (offset < start) return {path, 0};
  for (const LogPart& part : log->parts) {
    const std::uint64_t size = part.extent.end - part.extent.begin;
    if (offset < start + size) return {part.file.path, part.extent.begin + (offset - start)};
    start += size;
  }
  const LogPart& last = log->parts.back();
  return {last.file.path, last.extent.end};
}

}  // namespace zkark::restore
