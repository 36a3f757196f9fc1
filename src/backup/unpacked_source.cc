#include "src/backup/unpacked_source.h"

#include <utility>

#include "formats/base/text.h"

namespace zkark::backup {
namespace {

/// An open file under another name.
class RenamedFile : public File {
 public:
  RenamedFile(std::unique_ptr<File> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    return file_->read_at(offset, into);
  }
  Result<FileInfo> info() override { return file_->info(); }
  Status append(Bytes bytes) override { return file_->append(bytes); }
  Status sync() override { return file_->sync(); }
  const std::string& path() const override { return path_; }

 private:
  std::unique_ptr<File> file_;
  std::string path_;
};

std::string_view without_dot(std::string_view member) {
  while (member.starts_with("./")) member.remove_prefix(2);
  return member;
}

}  // namespace

UnpackedSource::UnpackedSource(std::unique_ptr<restore::Source> unpacked,
                               const std::vector<UnpackedFile>& files)
    : unpacked_(std::move(unpacked)) {
  for (const UnpackedFile& file : files) {
    const std::string member = join_path(file.archive, without_dot(file.entry));
    shown_.emplace(file.path, member);
    where_.emplace(member, file.path);
  }
}

std::string UnpackedSource::shown(const std::string& path) const {
  const auto at = shown_.find(path);
  return at == shown_.end() ? path : at->second;
}

Result<restore::SourceListing> UnpackedSource::list() {
  ZK_TRY(restore::SourceListing listing, unpacked_->list());
  for (auto* files : {&listing.snapshots, &listing.logs})
    for (restore::SourceFile& file : *files) file.path = shown(file.path);
  for (auto& extra : listing.extras) extra.path = shown(extra.path);
  for (restore::Finding& finding : listing.findings) finding.file = shown(finding.file);
  return listing;
}

Result<std::unique_ptr<File>> UnpackedSource::open(const restore::SourceFile& file) {
  const auto at = where_.find(file.path);
  restore::SourceFile real = file;
  if (at != where_.end()) real.path = at->second;
  ZK_TRY(auto opened, unpacked_->open(real));
  return std::unique_ptr<File>(std::make_unique<RenamedFile>(std::move(opened), file.path));
}

}  // namespace zkark::backup
