#include "src/cli/server_at_work.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/system.h"

namespace zkark::cli {
namespace {

constexpr std::int64_t kPortPatienceMs = 500;

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

bool same_inode(Context& context, const std::string& a, const std::string& b) {
  const Result<FileInfo> one = context.fs.info(a), other = context.fs.info(b);
  return one && other && one->device == other->device && one->inode == other->inode;
}

/// By any name. Where nothing is yet, by that of the directory it would be in.
bool same_place(Context& context, std::string a, std::string b) {
  if (a.empty() || b.empty()) return false;
  a = without_slashes(std::move(a));
  b = without_slashes(std::move(b));
  return a == b || same_inode(context, a, b) ||
         (base_name(a) == base_name(b) && same_inode(context, parent_path(a), parent_path(b)));
}

bool takes_data_of(Context& context, const Replacement& replacement, const ServerPlace& place) {
  return same_place(context, replacement.dir, place.data_dir);
}

bool takes_place_of(Context& context, const Replacement& replacement, const ServerPlace& place) {
  for (const std::string& target : {replacement.dir, replacement.log_dir})
    for (const std::string& there : {place.data_dir, place.log_dir})
      if (same_place(context, target, there)) return true;
  return false;
}

/// A server with a dataLogDir of its own has no file of its dataDir open.
Status refuse_open_logs(Context& context, const ServerPlace& place, const std::string& dir) {
  if (place.log_dir.empty()) return {};
  Result<OpenFiles> open = context.system.open_files_under(place.log_dir);
  if (!open && open.error().id() == ErrorId::kNoFile) return {};
  if (!open) return fail(std::move(open).error());
  if (open->files.empty()) return {};
  return fail(Error(ErrorId::kTargetInUse,
                    fmt::format("its log directory {} is in use by {}", place.log_dir, open->files.front()))
                  .at(dir)
                  .with_hint("stop that server first, or restore into another directory"));
}

}  // namespace

Status refuse_server_at_work(Context& context, const Replacement& replacement) {
  bool in_its_place = replacement.occupied;
  for (const ServerPlace& place : replacement.places) {
    if (!takes_place_of(context, replacement, place)) continue;
    in_its_place = true;
    ZK_TRY_STATUS(refuse_open_logs(context, place, replacement.dir));
  }
  // One that has written nothing since its start has no file open at all.
  for (const ClientAddress& client : replacement.clients) {
    const bool any = client.host.empty() || client.host == "0.0.0.0" || client.host == "::";
    const std::string here = any ? "127.0.0.1" : client.host;
    const Result<bool> answers = context.system.port_answers(here, client.port, kPortPatienceMs);
    if (!answers || !*answers) continue;
    if (in_its_place)
      return fail(Error(ErrorId::kTargetInUse,
                        fmt::format("the configured client port, {}:{}, answers", here, client.port))
                      .at(replacement.dir)
                      .with_hint("stop that server first"));
    context.output.note(fmt::format(
        "{}:{} answers: the restored server cannot listen there while that one runs", here, client.port));
  }
  return {};
}

Status refuse_logs_above(Context& context, const Replacement& replacement,
                         const std::string& configured_log_dir, std::int64_t zxid) {
  if (!replacement.log_dir.empty()) return {};
  std::vector<std::string> dirs;
  if (!configured_log_dir.empty()) dirs.push_back(configured_log_dir);
  for (const ServerPlace& place : replacement.places)
    if (!place.log_dir.empty() && takes_data_of(context, replacement, place)) dirs.push_back(place.log_dir);
  for (const std::string& dir : dirs) {
    ZK_TRY(const bool above, restore::has_records_above(context.fs, dir, zxid));
    if (!above) continue;
    return fail(
        Error(ErrorId::kRefused,
              fmt::format("{} holds transactions above {}: a server would replay them",
                          dir == configured_log_dir ? "the configured dataLogDir"
                                                    : "the log directory of the server that was there",
                          zxid_text(zxid)))
            .at(dir)
            .with_hint(
                "--to-log-dir DIR gives the restored server a log directory of its own; or restore with "
                "--bump-epoch"));
  }
  return {};
}

}  // namespace zkark::cli
