#include "src/cli/repository_arg.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "src/backup/backend/open.h"
#include "src/cli/places.h"
#include "src/cli/show_findings.h"
#include "src/cli/text.h"
#include "src/cli/values.h"
#include "src/cli/version.h"

namespace zkark::cli {
namespace {

constexpr std::size_t kTagKeyMax = 64, kTagValueMax = 1024;

Result<RepositoryPlace> place_at(Context& context, std::string url) {
  if (const Result<FileInfo> info = context.fs.info(directory_of_url(url));
      info && info->type != FileType::kDirectory)
    return fail(
        Error(ErrorId::kNoRepository, "this is a file, not a repository")
            .at(url)
            .with_hint("a repository is a directory; `zkark init -r DIR` makes one in a new directory"));
  ZK_TRY(std::unique_ptr<backup::Backend> backend,
         backup::open_backend(url, context.fs, context.random, &context.system));
  backup::RepositoryEnvironment env{*backend,       context.clock,         context.random, context.executor,
                                    context.system, std::string(kVersion), nullptr,        {}};
  if (Result<std::string> cache = context.cache_directory()) {
    env.cache_fs = &context.fs;
    env.cache_dir = *std::move(cache);
  } else {
    context.output.detail(
        fmt::format("{}: a rollback of the repository would not be noticed", cache.error().message()));
  }
  return RepositoryPlace{std::move(url), std::move(backend), std::move(env)};
}

bool is_tag_key(std::string_view key) {
  return !key.empty() && key.size() <= kTagKeyMax && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

Status check_tag_value(std::string_view value) {
  if (value.size() > kTagValueMax)
    return fail(ErrorId::kUsage, fmt::format("a tag's value has at most {} bytes", kTagValueMax));
  if (!is_utf8(value)) return fail(ErrorId::kUsage, "a tag's value must be UTF-8");
  for (std::string_view rest = value; !rest.empty();) {
    const CodePoint point = decode_utf8(rest);
    if (is_unsafe_to_show(point.value))
      return fail(ErrorId::kUsage, "a tag's value must not hold control characters");
    rest.remove_prefix(point.length);
  }
  return {};
}

Failure bad_tag_key(std::string_view text) {
  return fail(Error(ErrorId::kUsage, fmt::format("'{}' does not begin with the name of a tag", text))
                  .with_hint("letters, digits, dot, dash and underscore, such as why=nightly"));
}

}  // namespace

Result<RepositoryPlace> repository_place(Context& context) {
  ZK_TRY(std::string url, context.repository());
  return place_at(context, std::move(url));
}

Result<RepositoryPlace> repository_place(Context& context, const std::string& named) {
  Globals globals = context.globals;
  globals.repository = named;
  const Context other{context.fs,        context.clock,  context.random,    context.executor, context.system,
                      context.job,       context.output, globals,           context.config,   context.verbs,
                      context.variables, context.line,   context.make_loop, context.make_log};
  ZK_TRY(std::string url, other.repository());
  return place_at(context, std::move(url));
}

Result<OpenedRepository> open_repository(Context& context) {
  ZK_TRY(RepositoryPlace place, repository_place(context));
  return open_repository(context, std::move(place));
}

Result<OpenedRepository> open_repository(Context& context, RepositoryPlace place) {
  ZK_TRY(std::unique_ptr<backup::Repository> repository, backup::Repository::open(place.env, {}));
  for (const restore::Finding& finding : repository->notes()) {
    if (finding.severity == restore::Severity::kNote) {
      show_finding(context.output, finding, Stance::kReading);
      continue;
    }
    const Error error = error_of(finding);
    context.output.warn(fmt::format("{}: {}{}{}", error_code(error.id()), error.to_string(),
                                    error.hint().empty() ? "" : "; ", error.hint()));
  }
  return OpenedRepository{std::move(place), std::move(repository)};
}

Result<std::unique_ptr<backup::RepositoryWriter>> begin_writing(Context& context,
                                                                const RepositoryPlace& place,
                                                                std::string_view purpose) {
  backup::LockRequest request;
  request.purpose = purpose;
  request.wait_ms = context.globals.lock_wait_ms;
  return backup::RepositoryWriter::begin(place.env, request, context.job);
}

Result<std::string> chosen_cluster(const Context& context, const backup::Repository& repository) {
  if (!context.globals.cluster) return std::string();
  const std::string& wanted = *context.globals.cluster;
  const std::vector<std::string> names = repository.clusters();
  if (std::find(names.begin(), names.end(), wanted) != names.end()) return wanted;
  const std::string near = nearest(wanted, names);
  std::string hint = names.empty()  ? "the repository has no backups yet: zkark backup SRC makes the first"
                     : near.empty() ? fmt::format("there are: {}", fmt::join(names, ", "))
                                    : fmt::format("did you mean '{}'?", near);
  return fail(Error(ErrorId::kNotFound, fmt::format("no backup of a cluster named '{}'", wanted))
                  .at(repository.env().backend.url())
                  .with_hint(std::move(hint)));
}

Result<backup::HeadEntry> chosen_backup(const Context& context, const backup::Repository& repository,
                                        const std::string& spec) {
  ZK_TRY(const std::string cluster, chosen_cluster(context, repository));
  Result<backup::HeadEntry> found = repository.resolve(cluster, spec);
  if (found || found.error().id() != ErrorId::kNotFound) return found;
  // Ids are compared as far as they were typed.
  std::vector<std::string> ids{"latest"};
  for (const backup::HeadEntry& entry : repository.entries()) ids.push_back(entry.id.substr(0, spec.size()));
  const std::string near = nearest(spec, ids);
  if (near.empty() || near == spec || repository.entries().empty()) return found;
  const Error& error = found.error();
  Error better(error.id(), error.message());
  return fail(std::move(better).at(error.file()).with_hint(fmt::format("did you mean '{}'?", near)));
}

Result<std::vector<backup::HeadEntry>> chosen_backups(const Context& context,
                                                      const backup::Repository& repository,
                                                      const std::vector<std::string>& specs) {
  std::vector<backup::HeadEntry> chosen;
  std::set<std::string> seen;
  for (const std::string& spec : specs) {
    ZK_TRY(backup::HeadEntry entry, chosen_backup(context, repository, spec));
    if (seen.insert(entry.id).second) chosen.push_back(std::move(entry));
  }
  return chosen;
}

Result<std::pair<std::string, std::string>> parse_tag(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no tag", text))
                    .with_hint("KEY=VALUE, such as why=nightly"));
  if (!is_tag_key(text.substr(0, equals))) return bad_tag_key(text);
  ZK_TRY_STATUS(check_tag_value(text.substr(equals + 1)));
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

Result<TagFilter> parse_tag_filter(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (!is_tag_key(text.substr(0, equals))) return bad_tag_key(text);
  TagFilter filter{std::string(text.substr(0, equals)), std::nullopt};
  if (equals != std::string_view::npos) filter.second = std::string(text.substr(equals + 1));
  return filter;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", human_count(count), count == 1 ? one : many);
}

}  // namespace zkark::cli
