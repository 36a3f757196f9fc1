#include "src/cli/source_arg.h"

#include <fmt/format.h>

#include "restore/data_dir.h"

namespace zkark::cli {
namespace {

Result<OpenedSource> open_directory(Context& context, const std::string& dir, const SourceRequest& request) {
  restore::DataDirOptions options;
  options.dir = dir;
  options.log_dir = request.log_dir;
  if (!request.zoo_cfg.empty()) options.config_files = {request.zoo_cfg};
  OpenedSource opened;
  opened.data_dir = dir;
  opened.log_dir = request.log_dir.empty() ? dir : request.log_dir;
  opened.source = std::make_unique<restore::DataDir>(context.fs, std::move(options));
  return opened;
}

Result<OpenedSource> open_files(Context& context, const SourceRequest& request) {
  restore::DataDirOptions options;
  options.files = request.sources;
  if (!request.zoo_cfg.empty()) options.config_files = {request.zoo_cfg};
  OpenedSource opened;
  opened.kind = SourceKind::kFiles;
  opened.source = std::make_unique<restore::DataDir>(context.fs, std::move(options));
  return opened;
}

}  // namespace

TemporaryDir::~TemporaryDir() { static_cast<void>(remove_tree(*fs_, path_)); }

Result<OpenedSource> open_source(Context& context, const SourceRequest& request) {
  if (request.sources.empty())
    return fail(Error(ErrorId::kUsage, "no source was given")
                    .with_hint("give a data directory, or a repository with -r"));
  const std::string& first = request.sources.front();
  ZK_TRY(const FileInfo info, context.fs.info(first));
  if (info.type == FileType::kDirectory) {
    if (request.sources.size() > 1)
      return fail(Error(ErrorId::kUsage, "a directory cannot stand beside other sources")
                      .at(first)
                      .with_hint("give it alone"));
    return open_directory(context, first, request);
  }
  return open_files(context, request);
}

}  // namespace zkark::cli
