#pragma once
#include <cstdint>

namespace zkark {

/// What a decoder accepts. Two ways of reading the same bytes:
///
/// - the default is zkark's own: it reads every record a server could have written, whatever jute.maxbuffer
/// was
///   (a server can write a closeSession that its own default limit refuses to read back, reference F17), and
///   is stricter where Apache misreads (bytes left over, closeSession without a body, null paths, negative
///   counts);
/// - java() accepts and refuses exactly what Apache ZooKeeper 3.8.0 does with its default settings
///   (BinaryInputArchive.checkLength, SerializeUtils.deserializeTxn, FileTxnLog, FileSnap).
struct Limits {
  /// Largest buffer, string or txn payload in bytes. Java: jute.maxbuffer 0xfffff plus extrasize of the same.
  std::int64_t max_buffer_bytes = 256 << 20;
  bool java = false;

  static Limits java_3_8() { return {2 * 0xfffff, true}; }
};

}  // namespace zkark
