#include "src/cli/empty_target.h"

#include "formats/base/system.h"

namespace zkark::cli {

Result<restore::TargetDir> examine_empty_target(Context& context, const std::string& dir, bool flat,
                                                const std::optional<std::string>& owner) {
  restore::TargetDirOptions options;
  options.dir = dir;
  options.flat = flat;
  if (owner) {
    ZK_TRY(options.owner, context.system.lookup_owner(*owner));
  }
  Result<restore::TargetDir> examined =
      restore::TargetDir::examine(context.fs, context.system, std::move(options));
  if (!examined && examined.error().id() == ErrorId::kTargetNotEmpty)
    return fail(Error(ErrorId::kTargetNotEmpty, examined.error().message())
                    .at(dir)
                    .with_hint("choose a new or an empty directory"));
  return examined;
}

}  // namespace zkark::cli
