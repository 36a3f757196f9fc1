#pragma once
// A repository in a local directory: one file per key, files 0600, directories 0700 whatever the umask.
#include <set>
#include <mutex>

#include "formats/base/fs.h"
#include "formats/base/random.h"
#include "src/backup/backend/backend.h"

namespace zkark::backup {

/// Borrows `fs` and `random`; they must outlive it and be thread-safe. Values are written to tmp/<random>,
/// synced and renamed; the directory of the new name is synced before a durable put returns.
class LocalBackend final : public Backend {
 public:
  /// `root` need not exist: the first put makes it.
  LocalBackend(Fs& fs, Random& random, std::string root, std::string url);

  const std::string& url() const override { return url_; }
  Status put(const std::string& key, Bytes bytes, Durability durability) override;
  Result<bool> put_if_absent(const std::string& key, Bytes bytes) override;
  Result<std::unique_ptr<BackendWriter>> open_writer() override;
  Status confirm(const std::string& key) override;
  Result<std::size_t> get(const std::string& key, std::uint64_t offset, MutableBytes into) override;
  Result<BackendEntry> info(const std::string& key) override;
  Result<std::vector<BackendEntry>> list(const std::string& prefix) override;
  Status remove(const std::string& key) override;
  Result<std::optional<std::uint64_t>> free_bytes() override;
  Result<std::vector<BackendEntry>> list_temporary() override;
  Status clean_temporary() override;

 private:
  friend class LocalWriter;
  std::string path_of(const std::string& key) const;
  Status make_parents(const std::string& path);
  Status make_durable_dir(const std::string& dir);
  Result<std::string> temporary_path(std::string_view key);
  Status write_temporary(const std::string& path, Bytes bytes, Durability durability);
  Status list_dir(const std::string& dir, const std::string& key_prefix, const std::string& wanted,
                  std::vector<BackendEntry>& out);

  Fs& fs_;
  Random& random_;
  std::string root_;
  std::string url_;
  std::mutex dirs_mutex_;
  std::set<std::string> durable_dirs_;  // their names are on disk: made, or seen and then synced, by this process
};

}  // namespace zkark::backup
