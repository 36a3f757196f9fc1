// What zkark accepts under Limits::java_3_8(), one line for each case of a bundle: the counterpart of
// oracle/Accepts.java, whose lines must be the same. accepts_test.py says what a bundle is.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "formats/adler32.h"
#include "formats/properties.h"
#include "formats/snapshot.h"
#include "formats/txn_log.h"

namespace zkark {
namespace {

class CaseFile : public File {
 public:
  explicit CaseFile(Bytes content) : content_(content) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= content_.size()) return std::size_t{0};
    const std::size_t n = std::min<std::size_t>(into.size(), content_.size() - offset);
    std::memcpy(into.data(), content_.data() + offset, n);
    return n;
  }
  Result<FileInfo> info() override {
    FileInfo info;
    info.size_bytes = content_.size();
    return info;
  }
  Status append(Bytes) override { return fail(ErrorId::kStorage, "read-only"); }
  Status sync() override { return fail(ErrorId::kStorage, "read-only"); }
  const std::string& path() const override { return path_; }

 private:
  Bytes content_;
  std::string path_ = "case";
};

std::string log_verdict(Bytes content) {
  CaseFile file(content);
  TxnLogReader reader(file, Limits::java_3_8());
  std::size_t records = 0;
  std::uint32_t seen = 0;
  for (;;) {
    Result<std::optional<TxnEntry>> entry = reader.next();
    if (!entry) return "refused";
    if (!*entry) return fmt::format("end {} {:x}", records, seen);
    const Txn& txn = (*entry)->txn;
    std::string fields;
    JuteWriter out(fields);
    txn.header.write(out);
    const auto* close = std::get_if<CloseSessionTxn>(&txn.body);
    out.u8(close == nullptr || close->has_body ? 1 : 0);
    out.u8(txn.digest ? 1 : 0);
    if (txn.digest) {
      out.i32(txn.digest->version);
      out.i64(txn.digest->digest);
    }
    seen = crc32(as_bytes(fields), seen);
    ++records;
  }
}

/// Loads as FileSnap does. The one check that is the tree's: a node's parent came before it.
Status load(SnapshotReader& reader, std::set<std::int64_t>& sessions) {
  for (;;) {
    ZK_TRY(auto session, reader.next_session());
    if (!session) break;
    sessions.insert(session->id);
  }
  std::set<std::string, std::less<>> paths;
  for (;;) {
    ZK_TRY(auto node, reader.next_node());
    if (!node) break;
    const std::size_t slash = node->path.rfind('/');
    if (slash != std::string_view::npos && !paths.contains(node->path.substr(0, slash)))
      return fail(ErrorId::kBadSnapshot, "no parent");
    paths.emplace(node->path);
  }
  ZK_TRY_STATUS(reader.read_tail());
  return {};
}

std::string snapshot_verdict(const std::string& name, Bytes content) {
  const SnapCodec codec = parse_data_file_name(name).codec;
  CaseFile file(content);
  Result<bool> cheap = passes_cheap_test(file, codec);
  if (!cheap || !*cheap) return "refused";
  FileSource raw(file);
  auto source = unwrap(raw, codec, Limits::java_3_8());
  SnapshotReader reader(*source, name, Limits::java_3_8());
  std::set<std::int64_t> sessions;
  if (!load(reader, sessions)) return "refused";
  return fmt::format("loaded {}", sessions.size());
}

std::string properties_verdict(Bytes content) {
  Result<std::vector<Property>> properties = parse_properties(as_text(content), "case");
  if (!properties) return "refused";
  std::map<std::string, std::string> sorted;
  for (const Property& property : *properties)
    sorted[to_hex(as_bytes(property.key))] = to_hex(as_bytes(property.value));
  std::string out = "read {";
  for (const auto& [key, value] : sorted)
    out += fmt::format("{}{}={}", out.size() > 6 ? ", " : "", key, value);
  return out + "}";
}

std::string epoch_verdict(Bytes content) {
  Result<std::int64_t> epoch = parse_epoch_file(as_text(content));
  return epoch ? fmt::format("read {}", *epoch) : "refused";
}

std::string name_verdict(Bytes content) {
  const DataFileName name = parse_data_file_name(as_text(content));
  switch (name.kind) {
    case DataFileKind::kLog:
    case DataFileKind::kAccidentalLog:
      return fmt::format("log {}", name.zxid);
    case DataFileKind::kSnapshot:
    case DataFileKind::kAccidentalSnapshot:
      return fmt::format("snapshot {} {}", name.zxid,
                         name.codec == SnapCodec::kGzip     ? "gz"
                         : name.codec == SnapCodec::kSnappy ? "snappy"
                                                            : "");
    case DataFileKind::kOther:
      break;
  }
  return "other";
}

std::string verdict(const std::string& kind, Bytes content) {
  if (kind == "log.1") return log_verdict(content);
  if (kind == "properties") return properties_verdict(content);
  if (kind == "epoch") return epoch_verdict(content);
  if (kind == "name") return name_verdict(content);
  return snapshot_verdict(kind, content);
}

int run(const char* bundle_path, const char* out_path) {
  std::ifstream in(bundle_path, std::ios::binary);
  std::ofstream out(out_path, std::ios::binary);
  const std::string bundle{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  Bytes rest = as_bytes(bundle);
  const auto take = [&rest](std::size_t n) {
    ZK_CHECK(rest.size() >= n);
    const Bytes taken = rest.first(n);
    rest = rest.subspan(n);
    return taken;
  };
  while (!rest.empty()) {
    const Bytes length = take(2);
    const std::string kind(as_text(
        take(std::to_integer<std::size_t>(length[0]) << 8 | std::to_integer<std::size_t>(length[1]))));
    const std::size_t size = load_u32(take(4).data());
    out << verdict(kind, take(size)) << '\n';
  }
  return out.flush() ? 0 : 1;
}

}  // namespace
}  // namespace zkark

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: compat_accepts BUNDLE VERDICTS\n", stderr);
    return 2;
  }
  return zkark::run(argv[1], argv[2]);
}
