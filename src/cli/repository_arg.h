#pragma once
// The repository of -r (or of another option that names one), ready to be opened, and what verbs share about
// it.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/base/result.h"
#include "src/backup/repository.h"
#include "src/backup/writer.h"
#include "src/cli/context.h"

namespace zkark::cli {

/// Where a repository is, with the seams it works with. Borrows the Context's; must outlive what is opened
/// from it.
struct RepositoryPlace {
  std::string url;
  std::unique_ptr<backup::Backend> backend;
  backup::RepositoryEnvironment env;  // borrows *backend
};
/// The repository of -r, -C or the configuration. Touches nothing. kUsage when none was named, or for a URL
/// that this release cannot open.
Result<RepositoryPlace> repository_place(Context& context);
/// Another one, as an option names it: a URL or a name of [repo.NAME].
Result<RepositoryPlace> repository_place(Context& context, const std::string& named);

struct OpenedRepository {
  RepositoryPlace place;
  std::unique_ptr<backup::Repository> repository;

  backup::Repository* operator->() const { return repository.get(); }
  const backup::Repository& operator*() const { return *repository; }
};
/// Opens it for reading and says what was odd about it: an interrupted publication is a note, a rollback a
/// warning.
Result<OpenedRepository> open_repository(Context& context);
Result<OpenedRepository> open_repository(Context& context, RepositoryPlace place);
/// Takes the exclusive lock, waiting as long as --lock-wait says.
Result<std::unique_ptr<backup::RepositoryWriter>> begin_writing(Context& context,
                                                                const RepositoryPlace& place,
                                                                std::string_view purpose);

/// The cluster of -C, which must have backups here: kNotFound names the nearest. Empty without -C: every
/// cluster.
Result<std::string> chosen_cluster(const Context& context, const backup::Repository& repository);
/// One backup as a person names it: an id cut to 4 digits or more, latest, latest~2. With "did you mean".
Result<backup::HeadEntry> chosen_backup(const Context& context, const backup::Repository& repository,
                                        const std::string& spec);
/// Several, each once, in the order given.
Result<std::vector<backup::HeadEntry>> chosen_backups(const Context& context,
                                                      const backup::Repository& repository,
                                                      const std::vector<std::string>& specs);

/// "why=nightly": key of letters, digits, dot, dash and underscore; value any text without control
/// characters.
Result<std::pair<std::string, std::string>> parse_tag(std::string_view text);
/// "why=audit", or "why" for any value.
using TagFilter = std::pair<std::string, std::optional<std::string>>;
Result<TagFilter> parse_tag_filter(std::string_view text);

/// "1 backup", "12 backups".
std::string counted(std::uint64_t count, std::string_view one, std::string_view many);

}  // namespace zkark::cli
