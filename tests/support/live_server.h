#pragma once
// A server that writes its log, as files on a SimFs: zeros laid out beforehand, records into them, a new file
// after a roll.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::test {

class LiveServer {
 public:
  explicit LiveServer(SimFs& fs, std::string dir = "/data/version-2") : fs_(fs), dir_(std::move(dir)) {}

  /// A new file, named after the record that will be the first in it.
  LiveServer& roll(std::int64_t zxid) {
    path_ = dir_ + "/" + log_file_name(zxid);
    bytes_.clear();
    append_log_header(bytes_);
    fs_.put(path_, bytes_ + std::string(kPadding, '\0'));
    return *this;
  }
  LiveServer& write(const Txn& txn) {
    const std::size_t at = bytes_.size();
    append_txn(txn, bytes_);
    place(at, bytes_.size());
    return *this;
  }
  /// A create of /n<hex zxid>, a millisecond later for each zxid.
  LiveServer& create(std::int64_t zxid) {
    const std::string path = "/n" + zxid_hex(zxid);
    return write(create_txn(zxid, 1795239042000 + zxid, path));
  }
  /// The first bytes of the record alone; the rest with finish().
  LiveServer& begin(std::int64_t zxid, std::size_t bytes) {
    const std::string path = "/n" + zxid_hex(zxid);
    const std::size_t at = bytes_.size();
    append_txn(create_txn(zxid, 1795239042000 + zxid, path), bytes_);
    place(at, at + bytes);
    return *this;
  }
  LiveServer& finish() {
    place(0, bytes_.size());
    return *this;
  }
  /// What a follower does whose leader knows nothing behind the first `records` of this file: TRUNC.
  LiveServer& cut(std::size_t records) {
    std::size_t end = kLogHeaderBytes;
    for (std::size_t i = 0; i < records; ++i)
      end += kRecordPrefixBytes + load_u32(as_bytes(bytes_).data() + end + 8) + 1;
    bytes_.resize(end);
    fs_.truncate(path_, end);
    return *this;
  }
  /// Where record number `index` begins.
  std::uint64_t offset(std::size_t index) const {
    std::size_t at = kLogHeaderBytes;
    for (std::size_t i = 0; i < index; ++i)
      at += kRecordPrefixBytes + load_u32(as_bytes(bytes_).data() + at + 8) + 1;
    return at;
  }
  const std::string& path() const { return path_; }

 private:
  static constexpr std::size_t kPadding = 8192;
  void place(std::size_t from, std::size_t to) {
    fs_.overwrite(path_, from, as_bytes(bytes_).subspan(from, to - from));
    fs_.put_mtime(path_, mtime_ns_ += 1'000'000);
  }

  SimFs& fs_;
  std::string dir_, path_, bytes_;
  std::int64_t mtime_ns_ = 1'795'239'042'000'000'000;
};

}  // namespace zkark::test
