#pragma once
// The input of a fuzzer behind the seams that decoders read through.
#include <algorithm>
#include <string>

#include "formats/base/fs.h"
#include "formats/snap_stream.h"

namespace zkark::fuzz {

class InputFile : public File {
 public:
  explicit InputFile(Bytes content) : content_(content) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    if (offset >= content_.size()) return std::size_t{0};
    const std::size_t n = std::min<std::size_t>(into.size(), content_.size() - offset);
    if (n != 0) std::memcpy(into.data(), content_.data() + offset, n);
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
  std::string path_ = "input";
};

/// Gives at most `step` bytes a call.
class InputSource : public ByteSource {
 public:
  InputSource(Bytes content, std::size_t step) : content_(content), step_(step) {}
  Result<std::size_t> read(MutableBytes into) override {
    const std::size_t n = std::min({into.size(), step_, content_.size()});
    if (n != 0) std::memcpy(into.data(), content_.data(), n);
    content_ = content_.subspan(n);
    return n;
  }

 private:
  Bytes content_;
  std::size_t step_;
};

class StringSink : public ByteSink {
 public:
  Status write(Bytes bytes) override {
    content.append(as_text(bytes));
    return {};
  }
  Status finish() override { return {}; }
  std::string content;
};

}  // namespace zkark::fuzz
