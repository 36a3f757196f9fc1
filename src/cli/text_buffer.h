#pragma once
// A growing buffer of characters, drained to a sink when it is full. Everything zkark prints as data goes
// through one; 10^6 lines cost no allocation and one write per quarter of a megabyte.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string_view>

#include "formats/base/check.h"

namespace zkark::cli {

class TextBuffer {
 public:
  /// Without a drain the buffer just grows, for work that is put together later (one per thread, say).
  TextBuffer() = default;
  /// `drain` is handed the whole content when it has reached `threshold` at the end of a line, and by
  /// flush().
  explicit TextBuffer(std::function<void(std::string_view)> drain, std::size_t threshold = 256 * 1024)
      : drain_(std::move(drain)), threshold_(threshold) {}
  TextBuffer(const TextBuffer&) = delete;
  TextBuffer& operator=(const TextBuffer&) = delete;
  ~TextBuffer() { std::free(data_); }

  /// A place for at least `count` more bytes; write there, then advance() by what was used.
  char* reserve(std::size_t count) {
    if (capacity_ - size_ < count) grow(count);
    return data_ + size_;
  }
  void advance(std::size_t count) { size_ += count; }

  void put(char c) {
    *reserve(1) = c;
    ++size_;
  }
  void append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(reserve(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  /// Ends a line, and drains when enough has come together.
  void end_line() {
    put('\n');
    if (size_ >= threshold_ && drain_) flush();
  }
  void flush() {
    if (size_ == 0 || !drain_) return;
    drain_(view());
    size_ = 0;
  }
  /// Forgets the content, keeps the memory.
  void clear() { size_ = 0; }

  std::string_view view() const { return {data_, size_}; }
  std::size_t size() const { return size_; }

 private:
  void grow(std::size_t count) {
    std::size_t wanted = capacity_ < 4096 ? 4096 : capacity_ * 2;
    while (wanted - size_ < count) wanted *= 2;
    void* moved = std::realloc(data_, wanted);
    ZK_CHECK(moved != nullptr);
    data_ = static_cast<char*>(moved);
    capacity_ = wanted;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
  std::function<void(std::string_view)> drain_;
  std::size_t threshold_ = 0;
};

}  // namespace zkark::cli
