#pragma once
// Transaction logs of a few records, made in a test.
#include <string>

#include "formats/file_names.h"
#include "formats/txn_log.h"

namespace zkark::test {

inline Txn create_txn(std::int64_t zxid, std::int64_t time_ms, std::string_view path) {
  Txn txn;
  txn.header.client_id = 0x1000;
  txn.header.zxid = zxid;
  txn.header.time_ms = time_ms;
  txn.header.type = TxnType::kCreate;
  CreateTxn create;
  create.path = path;
  create.data = Bytes();
  txn.body = create;
  return txn;
}

/// One log file; records in the order given.
class LogBuilder {
 public:
  LogBuilder() { append_log_header(bytes_); }
  /// A create of "/n<hex zxid>".
  LogBuilder& record(std::int64_t zxid, std::int64_t time_ms) {
    const std::string path = "/n" + zxid_hex(zxid);
    return txn(create_txn(zxid, time_ms, path));
  }
  LogBuilder& txn(const Txn& txn) {
    last_ = bytes_.size();
    append_txn(txn, bytes_);
    return *this;
  }
  /// One bit of the last record's payload changes.
  LogBuilder& damaged() {
    bytes_[last_ + kRecordPrefixBytes + 8] ^= 1;
    return *this;
  }
  /// The last record loses its end.
  LogBuilder& torn(std::size_t bytes) {
    bytes_.resize(bytes_.size() - bytes);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::size_t last_ = 0;
};

}  // namespace zkark::test
