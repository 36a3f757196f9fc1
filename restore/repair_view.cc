#include "restore/repair_view.h"

#include <algorithm>

#include "formats/txn_log.h"

namespace zkark::restore {
namespace {

class PiecedLog : public File {
 public:
  PiecedLog(std::unique_ptr<File> file, std::string header, std::vector<Extent> extents)
      : file_(std::move(file)), header_(std::move(header)), extents_(std::move(extents)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    std::size_t done = 0;
    if (offset < header_.size()) {
      done = std::min<std::size_t>(into.size(), header_.size() - static_cast<std::size_t>(offset));
      std::copy_n(as_bytes(header_).data() + offset, done, into.data());
    }
    std::uint64_t start = header_.size();  // of the extent, in what is shown
    for (const Extent& extent : extents_) {
      if (done == into.size()) break;
      const std::uint64_t size = extent.end - extent.begin, at = offset + done;
      if (at < start + size) {
        const std::uint64_t skip = at - start;
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(into.size() - done, size - skip));
        ZK_TRY(const std::size_t read, file_->read_at(extent.begin + skip, into.subspan(done, n)));
        done += read;
        if (read < n) break;
      }
      start += size;
    }
    return done;
  }
  Result<FileInfo> info() override {
    ZK_TRY(FileInfo info, file_->info());
    info.size_bytes = header_.size();
    for (const Extent& extent : extents_) info.size_bytes += extent.end - extent.begin;
    return info;
  }
  Status append(Bytes) override { return fail(ErrorId::kInternal, "a source is not written"); }
  Status sync() override { return fail(ErrorId::kInternal, "a source is not written"); }
  const std::string& path() const override { return file_->path(); }

 private:
  std::unique_ptr<File> file_;
  std::string header_;
  std::vector<Extent> extents_;
};

}  // namespace

Result<std::string> sound_log_header(File& file) {
  std::string header(kLogHeaderBytes, '\0');
  const MutableBytes bytes = std::as_writable_bytes(std::span(header));
  ZK_TRY(const std::size_t n, file.read_at(0, bytes));
  if (n == kLogHeaderBytes && load_u32(bytes.data()) == kLogMagic) return header;
  header.clear();
  append_log_header(header);
  return header;
}

RepairView::RepairView(Source& source, const SourceListing& listing, const std::vector<LogPiece>& pieces,
                       std::optional<std::size_t> run)
    : source_(source), listing_(listing) {
  listing_.logs.clear();
  std::vector<std::size_t> first(listing.logs.size(), pieces.size());
  for (std::size_t i = pieces.size(); i-- > 0;) first[pieces[i].log] = i;
  for (const LogPiece& piece : pieces) {
    if (piece.run != run) continue;
    const SourceFile& log = listing.logs[piece.log];
    std::vector<Extent>& extents = extents_[log.path];
    if (extents.empty()) {
      listing_.logs.push_back(log);
      if (&piece != &pieces[first[piece.log]]) listing_.logs.back().zxid = piece.first_zxid;
    }
    if (!extents.empty() && extents.back().end == piece.begin)
      extents.back().end = piece.end;
    else
      extents.push_back({piece.begin, piece.end});
  }
  std::stable_sort(listing_.logs.begin(), listing_.logs.end(),
                   [](const SourceFile& a, const SourceFile& b) { return a.zxid < b.zxid; });
}

Result<std::unique_ptr<File>> RepairView::open(const SourceFile& file) {
  ZK_TRY(std::unique_ptr<File> opened, source_.open(file));
  const auto extents = extents_.find(file.path);
  if (extents == extents_.end()) return opened;
  ZK_TRY(std::string header, sound_log_header(*opened));
  return std::unique_ptr<File>(
      std::make_unique<PiecedLog>(std::move(opened), std::move(header), extents->second));
}

std::uint64_t RepairView::source_offset(const std::string& path, std::uint64_t offset) const {
  const auto extents = extents_.find(path);
  if (extents == extents_.end() || offset < kLogHeaderBytes) return offset;
  std::uint64_t left = offset - kLogHeaderBytes;
  for (const Extent& extent : extents->second) {
    const std::uint64_t size = extent.end - extent.begin;
    if (left < size) return extent.begin + left;
    left -= size;
  }
  return extents->second.back().end;
}

}  // namespace zkark::restore
