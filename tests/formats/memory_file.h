#pragma once
// Bytes in memory behind the seams that decoders read through, and the fixtures of the repository as such
// bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/fs.h"
#include "formats/snap_stream.h"

namespace zkark::test {

/// A file whose content may be changed between reads; counts what was asked of it.
class MemoryFile : public File {
 public:
  explicit MemoryFile(std::string content = {}, std::string path = "memory")
      : content(std::move(content)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    ++reads;
    if (fail_reads_after != 0 && reads > fail_reads_after)
      return fail(Error(ErrorId::kStorage, "input/output error").at(path_));
    if (offset >= content.size()) return std::size_t{0};
    const std::size_t n = std::min<std::size_t>(into.size(), content.size() - offset);
    std::memcpy(into.data(), content.data() + offset, n);
    bytes_read += n;
    return n;
  }
  Result<FileInfo> info() override {
    FileInfo info;
    info.size_bytes = content.size();
    return info;
  }
  Status append(Bytes bytes) override {
    content.append(as_text(bytes));
    return {};
  }
  Status sync() override {
    ++syncs;
    return {};
  }
  const std::string& path() const override { return path_; }

  std::string content;
  std::uint64_t reads = 0, bytes_read = 0, syncs = 0;
  std::uint64_t fail_reads_after = 0;  // 0: never

 private:
  std::string path_;
};

/// A stream that gives at most `step` bytes a call.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view content, std::size_t step = SIZE_MAX)
      : content_(content), step_(step) {}
  Result<std::size_t> read(MutableBytes into) override {
    const std::size_t n = std::min({into.size(), step_, content_.size()});
    std::memcpy(into.data(), content_.data(), n);
    content_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view content_;
  std::size_t step_;
};

class MemorySink : public ByteSink {
 public:
  Status write(Bytes bytes) override {
    content.append(as_text(bytes));
    return {};
  }
  Status finish() override {
    ++finished;
    return {};
  }
  std::string content;
  int finished = 0;
};

/// The bytes that a hex text stands for; blanks and '|' are ignored, "text" in quotes stands for itself.
inline std::string from_hex(std::string_view hex) {
  std::string bytes;
  int high = -1;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const char c = hex[i];
    if (c == '"') {
      const std::size_t end = hex.find('"', i + 1);
      bytes.append(hex.substr(i + 1, end - i - 1));
      i = end;
      continue;
    }
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<char>(high << 4 | digit));
      high = -1;
    }
  }
  return bytes;
}

inline std::string hex(std::string_view bytes) { return to_hex(as_bytes(bytes)); }

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// All files in fixtures/zk-*/**/version-2/ whose names begin with `prefix`, sorted by path.
inline std::vector<std::filesystem::path> fixture_files(std::string_view prefix) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ZKARK_SOURCE_DIR "/fixtures")) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && name.starts_with(prefix) &&
        entry.path().parent_path().filename() == "version-2")
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// "zk-3.8.0-gz/version-2/log.1", for messages.
inline std::string fixture_name(const std::filesystem::path& path) {
  return std::filesystem::relative(path, ZKARK_SOURCE_DIR "/fixtures").string();
}

inline std::string plain_snapshot(const std::filesystem::path& path) {
  const std::string wrapped = slurp(path);
  MemorySource source(wrapped);
  auto plain = unwrap(source, parse_data_file_name(path.filename().string()).codec);
  std::string content;
  for (;;) {
    std::byte block[4096];
    Result<std::size_t> n = plain->read(block);
    if (!n) {
      ADD_FAILURE() << path << ": " << n.error().to_string();
      return content;
    }
    if (*n == 0) return content;
    content.append(as_text(Bytes(block, *n)));
  }
}

}  // namespace zkark::test
