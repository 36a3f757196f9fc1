#include "src/cli/zoo_cfg_arg.h"

#include <utility>

namespace zkark::cli {
namespace {

constexpr std::uint64_t kMaxBytes = 1 << 20;

}  // namespace

Result<ZooCfg> read_zoo_cfg(Context& context, const std::string& path) {
  ZK_TRY(std::string text, read_file(context.fs, path, kMaxBytes));
  Result<ZooCfg> cfg = ZooCfg::parse(std::move(text), path);
  if (!cfg) return fail(as_configuration(std::move(cfg).error()));
  return cfg;
}

Error as_configuration(Error error) {
  if (error.id() != ErrorId::kBadZooCfg) return error;
  Error made(ErrorId::kBadConfig, std::string(error.message()));
  if (error.offset())
    made = std::move(made).at(std::string(error.file()), *error.offset());
  else if (!error.file().empty())
    made = std::move(made).at(std::string(error.file()));
  if (!error.hint().empty()) made = std::move(made).with_hint(std::string(error.hint()));
  return made;
}

}  // namespace zkark::cli
