#pragma once
// The contract of a storage backend, the same for a local directory, S3 or SFTP. One suite of tests
// (tests/backup/backend_contract.h) runs against every implementation.
//
// Keys are relative paths of 1 to 3 parts, each of [A-Za-z0-9._-] and not starting with a dot. A key holds
// bytes; there are no directories to make. Reads after a completed put or remove see it, from every process.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/bytes.h"
#include "formats/base/result.h"

namespace zkark::backup {

struct BackendEntry {
  std::string key;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ms = 0;  // wall clock of the storage; labels and grace times only
};

enum class Durability : std::uint8_t {
  kDurable,   // on disk, under its name, when the call returns ok
  kVolatile,  // visible to every process at once; after a power cut it may be gone, but is not damaged: lock
              // files
};

/// One put whose size is not known beforehand. Dropping it without commit() leaves nothing visible.
class BackendWriter {
 public:
  virtual ~BackendWriter() = default;
  virtual Status append(Bytes bytes) = 0;
  /// Makes everything appended visible as `key`, atomically and durably, replacing what was there. Once only.
  virtual Status commit(const std::string& key) = 0;
};

/// All methods are thread-safe. Errors: kNoFile for an absent key, kPermission, kDiskFull, kStorage. A failed
/// put may be repeated; whether the failed one happened is unknown until then, but never half of it.
class Backend {
 public:
  virtual ~Backend() = default;
  /// How the user wrote it; errors name keys as url + "/" + key.
  virtual const std::string& url() const = 0;

  /// Atomic: readers see the old bytes or the new ones. Replaces.
  virtual Status put(const std::string& key, Bytes bytes, Durability durability) = 0;
  virtual Result<std::unique_ptr<BackendWriter>> open_writer() = 0;
  /// Makes an existing key durable under its name: whoever put it may have died before that was certain.
  virtual Status confirm(const std::string& key) = 0;

  /// Bytes from `offset` on, up to into.size(); fewer only at the end of the value.
  virtual Result<std::size_t> get(const std::string& key, std::uint64_t offset, MutableBytes into) = 0;
  virtual Result<BackendEntry> info(const std::string& key) = 0;
  /// All keys that start with `prefix`, in byte order; not the temporary ones. What strangers put there is
  /// listed too, valid key or not.
  virtual Result<std::vector<BackendEntry>> list(const std::string& prefix) = 0;
  /// Durable, all of them, when it returns ok; in any order. Absent is ok.
  virtual Status remove(std::span<const std::string> keys) = 0;

  /// Bytes that can still be stored; nothing when the storage has no such limit.
  virtual Result<std::optional<std::uint64_t>> free_bytes() = 0;
  /// Temporary leftovers of interrupted puts: what they are called and how many bytes they hold.
  virtual Result<std::vector<BackendEntry>> list_temporary() = 0;
  /// Removes them. Only for the holder of the exclusive lock: a put of another process at this moment (only a
  /// lock file can be) loses its temporary file, fails with kNoFile, and is repeated by its caller.
  virtual Status clean_temporary() = 0;
};

/// The whole value. kBadLength when it is larger than max_bytes; memory grows with what is there, not with
/// what somebody claims.
Result<std::string> get_all(Backend& backend, const std::string& key, std::uint64_t max_bytes);
/// True when the key exists; fails on anything but kNoFile.
Result<bool> exists(Backend& backend, const std::string& key);
/// The key as errors name it.
std::string display_name(const Backend& backend, std::string_view key);
bool valid_key(std::string_view key);

}  // namespace zkark::backup
