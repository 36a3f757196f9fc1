#pragma once
// A repository in a local directory: one file per key, files 0600, directories 0700 whatever the umask.
#include <mutex>
#include <set>

#include "formats/base/fs.h"
#include "formats/base/random.h"
#include "formats/base/system.h"
#include "src/backup/backend/backend.h"

namespace zkark::backup {

/// With `system` and run by root, what is written gets the owner of `root`: a repository stays its owner's.
/// Borrows `fs`, `random` and `system`; they must outlive it and be thread-safe. Values are written to
/// tmp/<random>, synced and renamed; the directory of the new name is synced before a durable put returns.
class LocalBackend final : public Backend {
 public:
  /// `root` need not exist: the first put makes it.
  LocalBackend(Fs& fs, Random& random, std::string root, std::string url, System* system = nullptr);

  const std::string& url() const override { return url_; }
  Status put(const std::string& key, Bytes bytes, Durability durability) override;
  Result<std::unique_ptr<BackendWriter>> open_writer() override;
  Status confirm(const std::string& key) override;
  Result<std::size_t> get(const std::string& key, std::uint64_t offset, MutableBytes into) override;
  Result<BackendEntry> info(const std::string& key) override;
  Result<std::vector<BackendEntry>> list(const std::string& prefix) override;
  Status remove(std::span<const std::string> keys) override;
  Result<std::optional<std::uint64_t>> free_bytes() override;
  Result<std::vector<BackendEntry>> list_temporary() override;
  Status clean_temporary() override;

 private:
  friend class LocalWriter;
  std::string path_of(const std::string& key) const;
  /// The directory exists with mode 0700 and its name is durable. `mutex_` held.
  Status make_dir(const std::string& dir);
  Status make_parent(const std::string& path);
  /// Hands a new file or directory to the repository's owner. `mutex_` held.
  Status give_away(const std::string& path);
  Result<std::unique_ptr<File>> create_temporary();
  Status publish(const std::string& temporary, const std::string& key, Durability durability);
  Status list_dir(const std::string& key_prefix, const std::string& wanted, int depth,
                  std::vector<BackendEntry>& out);

  Fs& fs_;
  Random& random_;
  std::string root_;
  std::string url_;
  System* system_;
  std::mutex mutex_;
  std::set<std::string>
      durable_dirs_;  // their names are on disk: made, or seen and then synced, by this process
};

}  // namespace zkark::backup
