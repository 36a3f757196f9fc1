#include "formats/data.h"

namespace zkark {

std::string encode_acls(std::span<const Acl> acls) {
  std::string bytes;
  JuteWriter out(bytes);
  out.i32(static_cast<std::int32_t>(acls.size()));
  for (const Acl& acl : acls) {
    out.i32(acl.perms);
    out.ustring(acl.scheme);
    out.ustring(acl.id);
  }
  return bytes;
}

AclList open_acl_unsafe() {
  static const std::string kEncoded = [] {
    const Acl world{Perms::kAll, "world", "anyone"};
    return encode_acls(std::span(&world, 1));
  }();
  return AclList(as_bytes(kEncoded));
}

std::string encode_paths(std::span<const std::string_view> paths) {
  std::string bytes;
  JuteWriter out(bytes);
  out.i32(static_cast<std::int32_t>(paths.size()));
  for (std::string_view path : paths) out.ustring(path);
  return bytes;
}

StatPersisted StatPersisted::read(JuteReader& in) {
  StatPersisted s;
  s.czxid = in.i64();
  s.mzxid = in.i64();
  s.ctime = in.i64();
  s.mtime = in.i64();
  s.version = in.i32();
  s.cversion = in.i32();
  s.aversion = in.i32();
  s.ephemeral_owner = in.i64();
  s.pzxid = in.i64();
  return s;
}

void StatPersisted::write(JuteWriter& out) const {
  out.i64(czxid);
  out.i64(mzxid);
  out.i64(ctime);
  out.i64(mtime);
  out.i32(version);
  out.i32(cversion);
  out.i32(aversion);
  out.i64(ephemeral_owner);
  out.i64(pzxid);
}

}  // namespace zkark
