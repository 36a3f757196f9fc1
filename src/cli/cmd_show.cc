// `show`: one backup in detail. JSON holds the manifest as it is stored.
#include <fmt/format.h>

#include "src/backup/catalogue.h"
#include "src/cli/context.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

using backup::Manifest;

struct Options {
  std::string id = "latest";
};

struct Shown {
  backup::HeadEntry entry;
  Manifest manifest;
  std::string body;                    // the manifest's JSON
  std::vector<std::string> needed_by;  // ids
};

/// On one line, and safe for a terminal: what JsonWriter would escape inside strings is escaped here too.
std::string one_line(std::string_view json) {
  std::string out;
  bool in_string = false;
  while (!json.empty()) {
    const CodePoint point = decode_utf8(json);
    const char c = json.front();
    if (!in_string && (c == '\n' || c == ' ')) {
      json.remove_prefix(1);
      continue;
    }
    if (in_string && c == '\\') {
      out.append(json.substr(0, 2));
      json.remove_prefix(std::min<std::size_t>(2, json.size()));
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (point.valid && is_unsafe_to_show(point.value))
      out += fmt::format("\\u{:04x}", point.value);
    else
      out.append(json.substr(0, point.length));
    json.remove_prefix(point.length);
  }
  return out;
}

std::string certificate_text(const backup::StoredCertificate& certificate, std::int64_t last_zxid) {
  if (!certificate.grade) return "not checked yet: zkark verify --replay";
  std::string text(backup::name_of(certificate.grade));
  std::string ranges;
  for (const restore::ZxidRange& range : certificate.proven)
    ranges += (ranges.empty() ? "" : ", ") + range_text(range.first, range.last);
  if (!ranges.empty()) text += " " + ranges;
  if (certificate.proven_to() && *certificate.proven_to() < last_zxid)
    text += fmt::format(" (of {})", zxid_text(last_zxid));
  if (certificate.failed_at) text += fmt::format(", failed at {}", zxid_text(*certificate.failed_at));
  return fmt::format("{} ({})", text,
                     counted(certificate.digests_compared, "digest compared", "digests compared"));
}

std::string timeline_text(const backup::Timeline& timeline) {
  std::string text = fmt::format("{} ({})", timeline.id, timeline.cause);
  if (!timeline.parent.empty())
    text += fmt::format(", branches off {} behind {}", timeline.parent,
                        timeline.fork_zxid ? zxid_text(*timeline.fork_zxid) : "an unknown point");
  return text;
}

std::vector<std::string> short_ids(const std::vector<std::string>& ids) {
  std::vector<std::string> cut;
  for (const std::string& id : ids) cut.emplace_back(backup::short_id(id));
  return cut;
}

void add_fields(Report& report, const Shown& shown) {
  const Manifest& m = shown.manifest;
  auto text = [&](std::string_view key, std::string_view title, std::string_view value) {
    report.field(key, title, Cell::string_or_null(value));
  };
  text("id", "backup", m.id);
  text("type", "type", backup::name_of(m.type));
  text("cluster", "cluster", m.cluster);
  report.field("taken", "taken", Cell::time(WallTime{m.taken_ms}));
  report.field("tags", "tags", Cell::map({m.tags.begin(), m.tags.end()}));
  text("timeline", "timeline", timeline_text(m.timeline));
  text("zxids", "stored",
       fmt::format("{}, {}", range_text(backup::first_zxid(m), m.last_zxid),
                   counted(m.records(), "transaction", "transactions")));
  std::string windows;
  for (const backup::Window& window : m.windows)
    if (window.first_time_ms == 0 && window.last_time_ms == 0)
      windows += fmt::format("{}{} (no record tells the time)", windows.empty() ? "" : "; ",
                             range_text(window.first_zxid, window.last_zxid));
    else
      windows += fmt::format(
          "{}{}, {} → {}", windows.empty() ? "" : "; ", range_text(window.first_zxid, window.last_zxid),
          human_time(WallTime{window.first_time_ms}), human_time(WallTime{window.last_time_ms}));
  text("recoverable", "recoverable", windows.empty() ? "nothing" : windows);
  if (m.unconfirmed_from)
    text("unconfirmed", "unconfirmed",
         range_text(*m.unconfirmed_from, m.last_zxid) + ": on one member's disk, perhaps never committed");
  text("certificate", "certificate", certificate_text(m.certificate, m.last_zxid));
  if (m.certificate.grade && !m.certificate.not_covered.empty())
    text("not_covered", "not covered", fmt::format("{}", fmt::join(m.certificate.not_covered, "; ")));
  for (const std::string& note : m.certificate.notes) text("certificate_note", "", note);
  report.field("znodes", "znodes", m.znodes ? Cell::count(*m.znodes) : Cell());
  report.field("sessions", "sessions", m.sessions ? Cell::count(*m.sessions) : Cell());
  text("source", "source", fmt::format("{} on {}", fmt::join(m.source.paths, ", "), m.host));
  if (m.source.server_id) report.field("server_id", "myid", Cell::integer(*m.source.server_id));
  if (m.source.current_epoch)
    report.field("current_epoch", "epoch", Cell::hex(static_cast<std::uint64_t>(*m.source.current_epoch)));
  text("sizes", "sizes",
       fmt::format("{} read, {} held, {} stored, {} of it new", human_size(m.source_bytes_read),
                   human_size(backup::plain_bytes(m)), human_size(m.stored_bytes),
                   human_size(m.new_stored_bytes)));
  report.field("needs", "needs", Cell::list(short_ids(shown.entry.needs)));
  report.field("needed_by", "needed by", Cell::list(short_ids(shown.needed_by)));
  if (m.copied_from) text("copied_from", "copied from", "repository " + m.copied_from->repository_id);
  text("manifest", "manifest", fmt::format("{}, by zkark {}", backup::manifest_key(m.id), m.zkark_version));
}

void add_tables(Report& report, const Manifest& m) {
  Table& bases = report.table("bases", {{"file", "SNAPSHOT"},
                                        {"kind", "KIND"},
                                        {"zxid", "ZXID"},
                                        {"fuzzy_end", "EXACT FROM"},
                                        {"znodes", "ZNODES"},
                                        {"sessions", "SESSIONS"},
                                        {"size", "SIZE"},
                                        {"stored", "STORED"}});
  for (const backup::StoredBase& base : m.bases)
    bases.row({Cell::string(base.file_name),
               Cell::string(base.kind == backup::StoredBase::Kind::kRaw ? "raw" : "exact"),
               Cell::zxid(base.zxid), Cell::zxid(base.fuzzy_end), Cell::count(base.znodes),
               Cell::count(base.sessions), Cell::size(base.data.plain_bytes()),
               Cell::size(base.data.stored_bytes())});
  Table& segments = report.table("segments", {{"file", "LOG"},
                                              {"zxids", "ZXID RANGE"},
                                              {"records", "TXNS"},
                                              {"first_time", "FROM"},
                                              {"last_time", "TO"},
                                              {"restorable", "RESTORABLE"},
                                              {"size", "SIZE"},
                                              {"stored", "STORED"}});
  for (const backup::StoredSegment& segment : m.segments)
    segments.row({Cell::string(segment.file_name),
                  Cell::string(range_text(segment.first_zxid, segment.last_zxid)),
                  Cell::count(segment.records), Cell::time(WallTime{segment.first_time_ms}),
                  Cell::time(WallTime{segment.last_time_ms}), Cell::boolean(segment.restorable),
                  Cell::size(segment.data.plain_bytes()), Cell::size(segment.data.stored_bytes())});
  Table& config = report.table("config", {{"role", "CONFIGURATION"}, {"path", "FROM"}, {"size", "SIZE"}});
  for (const backup::StoredConfig& file : m.config)
    config.row({Cell::string(file.role), Cell::string(file.path), Cell::size(file.data.plain_bytes())});
  Table& gaps =
      report.table("gaps", {{"after_zxid", "GAP AFTER"}, {"before_zxid", "BEFORE"}, {"reason", "REASON"}});
  for (const backup::Gap& gap : m.gaps)
    gaps.row({Cell::zxid(gap.after_zxid), Cell::zxid(gap.before_zxid), Cell::string(gap.reason)});
  Table& steps = report.table(
      "epoch_steps",
      {{"from_zxid", "EPOCH STEP FROM"}, {"to_zxid", "TO"}, {"proven", "PROVEN"}, {"how", "HOW"}});
  for (const backup::EpochStep& step : m.epoch_steps)
    steps.row({Cell::zxid(step.from_zxid), Cell::zxid(step.to_zxid), Cell::boolean(step.proven),
               Cell::string(step.how)});
  Table& findings = report.table(
      "findings", {{"severity", "FINDING"}, {"id", "ID"}, {"file", "FILE"}, {"message", "WHAT"}});
  for (const backup::StoredFinding& finding : m.findings)
    findings.row({Cell::string(restore::severity_name(finding.severity)), Cell::string(finding.id),
                  Cell::string_or_null(finding.file), Cell::string(finding.message)});
}

void print_json(Output& output, const Shown& shown) {
  const backup::StoredCertificate& certificate = shown.manifest.certificate;
  JsonWriter json(output.data());
  json.begin_document("zkark.show/1");
  json.key("id").string(shown.entry.id).key("cluster").string(shown.entry.cluster);
  json.key("type").string(backup::name_of(shown.entry.type));
  json.key("taken").time(WallTime{shown.entry.taken_ms});
  json.key("tags").begin_object();
  for (const auto& [key, value] : shown.entry.tags) json.key_text(key).string(value);
  json.end_object();
  json.key("certificate").begin_object();
  json.key("grade").string(backup::name_of(certificate.grade));
  json.key("proven").begin_array();
  for (const restore::ZxidRange& range : certificate.proven)
    json.begin_object().key("first").hex(range.first).key("last").hex(range.last).end_object();
  json.end_array();
  json.key("failed_at");
  if (certificate.failed_at)
    json.hex(*certificate.failed_at);
  else
    json.null();
  json.key("digests_compared").number(certificate.digests_compared);
  for (const auto& [key, values] :
       {std::pair("not_covered", &certificate.not_covered), std::pair("notes", &certificate.notes)}) {
    json.key(key).begin_array();
    for (const std::string& value : *values) json.string(value);
    json.end_array();
  }
  json.end_object();
  for (const auto& [key, values] :
       {std::pair("needs", &shown.entry.needs), std::pair("needed_by", &shown.needed_by)}) {
    json.key(key).begin_array();
    for (const std::string& value : *values) json.string(value);
    json.end_array();
  }
  json.key("manifest_file")
      .string(backup::manifest_key(shown.entry.id))
      .key("manifest_sha256")
      .string(shown.entry.sha256);
  json.key("manifest").raw(one_line(shown.body));
  json.end_object();
  json.end_line();
}

Status run(Context& context, const Options& options) {
  ZK_TRY(const OpenedRepository opened, open_repository(context));
  Shown shown;
  ZK_TRY(shown.entry, chosen_backup(context, *opened, options.id));
  ZK_TRY(shown.manifest, opened->load(shown.entry.id));
  ZK_TRY(const std::string file, opened->load_manifest_file(shown.entry));
  shown.body = file.substr(std::min(file.find('\n'), file.size() - 1) + 1);  // behind the sealed first line
  for (const backup::HeadEntry& other : opened->entries())
    if (std::find(other.needs.begin(), other.needs.end(), shown.entry.id) != other.needs.end())
      shown.needed_by.push_back(other.id);
  if (context.output.is_json()) {
    print_json(context.output, shown);
    return {};
  }
  Report report("show");
  add_fields(report, shown);
  if (context.output.is_table()) add_tables(report, shown.manifest);
  context.output.print(report);
  return {};
}

}  // namespace

Verb show_verb() {
  VerbBuilder<Options> verb({
      .name = "show",
      .group = Group::kRepository,
      .summary = "show one backup in detail",
      .description = "Everything known about a backup: what it holds and from where, what can be restored, "
                     "what is proven, gaps "
                     "and findings. --json prints the stored manifest too, object names included; tags and "
                     "certificate beside "
                     "it are as they are now.",
      .examples = {{"zkark show", "the newest backup"},
                   {"zkark show 5be0 --json | jq -r '.manifest.segments[].data.parts[].object'",
                    "the objects that hold its logs"}},
      .exit_codes = {5, 6, 9, 10},
      .uses = kUsesRepository | kUsesCache,
  });
  verb.argument("ID", &Options::id,
                "which backup: its id, cut to 4 digits or more; latest; latest~1 for the one before")
      .completes(Completes::kBackupId)
      .default_is("latest");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
