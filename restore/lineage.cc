#include "restore/lineage.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "formats/base/text.h"
#include "formats/file_names.h"

namespace zkark::restore {
namespace {

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string(text_of_bytes(text)));
}

Failure bad(std::string_view what) {
  return fail(
      Error(ErrorId::kBadRecord, fmt::format("the lineage file is malformed: {}", what)).at(kLineageFile));
}

std::string text_of(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  // What is no text of ours stands for itself: files of before had none.
  const std::string_view text(value->get_string().data(), value->get_string().size());
  return bytes_of_text(text).value_or(std::string(text));
}

std::optional<std::int64_t> zxid_of(const boost::json::object& object, std::string_view key) {
  return parse_hex64(text_of(object, key));
}

}  // namespace

std::string encode_lineage(const Lineage& lineage) {
  std::string text = "{\n  \"schema\": \"zkark.lineage/1\",\n";
  const auto add = [&](std::string_view key, const std::string& value) {
    text += fmt::format("  \"{}\": {},\n", key, value);
  };
  add("repository", quoted(lineage.repository));
  add("cluster", quoted(lineage.cluster));
  add("timeline", quoted(lineage.timeline));
  add("backup", quoted(lineage.backup));
  add("source", quoted(lineage.source));
  add("fork_zxid", quoted(zxid_text(lineage.fork_zxid)));
  add("snapshot_zxid", quoted(zxid_text(lineage.snapshot_zxid)));
  add("epoch", lineage.epoch ? std::to_string(*lineage.epoch) : "null");
  add("sessions_kept", lineage.sessions_kept ? "true" : "false");
  add("path", quoted(lineage.path));
  text += fmt::format("  \"restored_ms\": {}\n}}\n", lineage.restored_ms);
  return text;
}

Result<Lineage> parse_lineage(std::string_view json) {
  boost::json::error_code problem;
  const boost::json::value root = boost::json::parse(json, problem);
  if (problem) return bad(problem.message());
  const boost::json::object* object = root.if_object();
  if (object == nullptr || !text_of(*object, "schema").starts_with("zkark.lineage/"))
    return bad("no zkark.lineage schema");
  Lineage lineage;
  lineage.repository = text_of(*object, "repository");
  lineage.cluster = text_of(*object, "cluster");
  lineage.timeline = text_of(*object, "timeline");
  lineage.backup = text_of(*object, "backup");
  lineage.source = text_of(*object, "source");
  lineage.path = text_of(*object, "path");
  const auto fork = zxid_of(*object, "fork_zxid"), snapshot = zxid_of(*object, "snapshot_zxid");
  if (!fork || !snapshot) return bad("fork_zxid or snapshot_zxid is missing");
  lineage.fork_zxid = *fork;
  lineage.snapshot_zxid = *snapshot;
  if (const auto* epoch = object->if_contains("epoch"); epoch != nullptr && epoch->is_int64())
    lineage.epoch = epoch->get_int64();
  if (const auto* kept = object->if_contains("sessions_kept"); kept != nullptr && kept->is_bool())
    lineage.sessions_kept = kept->get_bool();
  if (const auto* ms = object->if_contains("restored_ms"); ms != nullptr && ms->is_int64())
    lineage.restored_ms = ms->get_int64();
  return lineage;
}

}  // namespace zkark::restore
