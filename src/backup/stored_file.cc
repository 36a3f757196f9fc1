#include "src/backup/stored_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/backup/head.h"

namespace zkark::backup {
namespace {

class StoredFile final : public File {
 public:
  StoredFile(Backend& backend, const StoredData& data, std::string display_name)
      : backend_(backend), parts_(data.parts), path_(std::move(display_name)) {
    for (const ObjectRef& part : parts_) {
      starts_.push_back(size_);
      size_ += part.plain_bytes;
    }
  }

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    std::size_t done = 0;
    while (done < into.size() && offset + done < size_) {
      Result<std::size_t> got = read_part(offset + done, into.subspan(done));
      if (!got) return fail(std::move(got).error().context(path_));
      done += *got;
    }
    return done;
  }

  Result<FileInfo> info() override {
    FileInfo info;
    info.size_bytes = size_;
    info.mode = 0400;
    return info;
  }
  Status append(Bytes) override { return read_only(); }
  Status sync() override { return read_only(); }
  const std::string& path() const override { return path_; }

 private:
  Status read_only() const {
    return fail(Error(ErrorId::kInternal, "stored data cannot be written").at(path_));
  }

  Result<std::size_t> read_part(std::uint64_t offset, MutableBytes into) {
    const std::size_t part =
        static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), offset) - starts_.begin()) -
        1;
    if (reader_ == nullptr || part != open_part_) {
      reader_.reset();  // before the next one takes memory
      ZK_TRY(reader_, open_object(backend_, parts_[part], ObjectReader::Checks::kStored));
      open_part_ = part;
    }
    Status sought = reader_->seek(offset - starts_[part]);
    Result<std::size_t> got = sought ? reader_->read(into) : fail(std::move(sought).error());
    if (!got) {
      // What is half read must not be read on.
      reader_.reset();
      return fail(std::move(got).error().at(display_name(backend_, object_key(parts_[part].name))));
    }
    return got;
  }

  Backend& backend_;
  std::vector<ObjectRef> parts_;
  std::vector<std::uint64_t> starts_;  // of each part, in the data
  std::uint64_t size_ = 0;
  std::string path_;
  std::unique_ptr<ObjectReader> reader_;
  std::size_t open_part_ = 0;
};

}  // namespace

Result<std::string> fetch_object(Backend& backend, const ObjectRef& ref) {
  const std::string key = object_key(ref.name);
  Result<std::string> stored = get_all(backend, key, std::min(ref.stored_bytes, kObjectStoredMax));
  if (stored) {
    if (stored->size() == ref.stored_bytes) return stored;
    return fail(
        Error(ErrorId::kObjectDamaged, fmt::format("{} bytes long, not {}", stored->size(), ref.stored_bytes))
            .at(display_name(backend, key), stored->size()));
  }
  switch (stored.error().id()) {
    case ErrorId::kNoFile:
      return fail(
          Error(ErrorId::kMissingObject, "a stored object is missing").at(display_name(backend, key)));
    case ErrorId::kBadLength:
      return fail(Error(ErrorId::kObjectDamaged, fmt::format("longer than its {} bytes", ref.stored_bytes))
                      .at(display_name(backend, key)));
    default:
      return stored;
  }
}

Result<std::unique_ptr<ObjectReader>> open_object(Backend& backend, const ObjectRef& ref,
                                                  ObjectReader::Checks checks) {
  ZK_TRY(std::string stored, fetch_object(backend, ref));
  Result<std::unique_ptr<ObjectReader>> reader = ObjectReader::open(std::move(stored), ref, checks);
  if (!reader) return fail(std::move(reader).error().at(display_name(backend, object_key(ref.name))));
  return reader;
}

std::unique_ptr<File> make_stored_file(Backend& backend, const StoredData& data, std::string display_name) {
  return std::make_unique<StoredFile>(backend, data, std::move(display_name));
}

}  // namespace zkark::backup
