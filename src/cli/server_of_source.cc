#include "src/cli/server_of_source.h"

#include <algorithm>
#include <vector>

#include "formats/base/system.h"
#include "formats/file_names.h"
#include "restore/config_files.h"
#include "src/cli/live_members.h"

namespace zkark::cli {
namespace {

bool same_directory(Context& context, const std::string& a, const std::string& b) {
  const Result<FileInfo> one = context.fs.info(a), other = context.fs.info(b);
  return one && other && one->device == other->device && one->inode == other->inode;
}

/// Whether a process other than this one has a log there open.
bool is_written(Context& context, const std::string& log_dir) {
  const Result<OpenFiles> open = context.system.open_files_under(log_dir);
  return open && std::any_of(open->files.begin(), open->files.end(),
                             [](const std::string& file) { return base_name(file).starts_with("log."); });
}

/// The plain client port, from zoo.cfg or from the member's own line among the servers.
std::optional<ClientAddress> client_address(const restore::CapturedConfig& config,
                                            std::optional<std::int64_t> myid) {
  std::optional<ClientAddress> address;
  if (const auto plain = config.cfg->client_address(); plain) address = *plain;
  const ServerLine* own = myid ? config.ensemble.find(*myid) : nullptr;
  if (!address && own != nullptr) address = own->client;
  if (address && (address->host.empty() || address->host == "0.0.0.0" || address->host == "::"))
    address->host = "127.0.0.1";
  return address;
}

}  // namespace

std::optional<std::int64_t> last_applied_by_server(Context& context, const OpenedSource& opened) {
  if (opened.kind != SourceKind::kDataDir) return {};
  const Result<restore::SourceListing> listing = opened.source->list();
  if (!listing) return {};
  const Result<restore::CapturedConfig> config = restore::captured_config(*listing);
  if (!config || !config->cfg || !same_directory(context, config->data_dir, opened.data_dir)) return {};
  const std::optional<ClientAddress> address = client_address(*config, listing->myid);
  if (!address || !is_written(context, opened.log_dir)) return {};
  const Result<LiveMembers> asked = ask_hosts(context, {*address});
  return asked && !asked->live.empty() ? asked->live.front().zxid : std::nullopt;
}

}  // namespace zkark::cli
