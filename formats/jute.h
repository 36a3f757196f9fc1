#pragma once
// Jute primitives (reference/on-disk-formats section 1; org.apache.jute.BinaryInputArchive): big-endian
// integers, length-prefixed buffers and strings, counted vectors; -1 is null and stays apart from empty.
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "formats/base/bytes.h"
#include "formats/base/result.h"
#include "formats/limits.h"

namespace zkark {

template <class T>
class JuteVector;

/// Reads fields from a window of bytes. A failure sticks: after the first one every read gives zero, null or
/// empty, so a record is decoded straight through and asked once, at its end. Views point into the window.
class JuteReader {
 public:
  explicit JuteReader(Bytes window, Limits limits = {}) : window_(window), limits_(limits) {}

  std::uint8_t u8() {
    if (!need(1)) return 0;
    return std::to_integer<std::uint8_t>(window_[offset_++]);
  }
  std::int32_t i32() {
    if (!need(4)) return 0;
    const std::int32_t value = load_i32(window_.data() + offset_);
    offset_ += 4;
    return value;
  }
  std::int64_t i64() {
    if (!need(8)) return 0;
    const std::int64_t value = load_i64(window_.data() + offset_);
    offset_ += 8;
    return value;
  }
  /// A buffer; nullopt is the null buffer (length -1).
  std::optional<Bytes> buffer() {
    const std::int32_t length = i32();
    if (length == -1 || failed_) return std::nullopt;
    if (length < 0 || length > limits_.max_buffer_bytes) return set_failed(ErrorId::kBadLength), std::nullopt;
    if (!need(static_cast<std::size_t>(length))) return std::nullopt;
    Bytes bytes = window_.subspan(offset_, static_cast<std::size_t>(length));
    offset_ += bytes.size();
    return bytes;
  }
  /// A string as raw bytes: never normalised, never validated (Java writes CESU-8 and reads UTF-8).
  std::optional<std::string_view> ustring() {
    std::optional<Bytes> bytes = buffer();
    if (!bytes) return std::nullopt;
    return as_text(*bytes);
  }
  /// A string that must not be null: a path. Limits::java reads a null one as empty: Apache decodes it, and
  /// stumbles over it only when it is used.
  std::string_view path() {
    std::optional<std::string_view> text = ustring();
    if (!text && !limits_.java) set_failed(ErrorId::kBadRecord);
    return text.value_or(std::string_view());
  }
  /// A counted vector; its elements are checked here and decoded when walked.
  template <class T>
  JuteVector<T> vector();

  bool ok() const { return !failed_; }
  /// True when the failure is "the bytes ran out": Java's EOFException, on which some fallbacks hang.
  bool ran_out() const { return failed_ && failure_ == ErrorId::kTruncated; }
  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return window_.size() - offset_; }
  Bytes window() const { return window_; }
  const Limits& limits() const { return limits_; }

  /// Makes the reader fail here, unless it has failed already.
  void set_failed(ErrorId id) {
    if (failed_) return;
    failed_ = true;
    failure_ = id;
    failed_at_ = offset_;
  }
  /// The failure as an Error with its offset relative to the window's start plus `base`. Only after !ok().
  Error error(std::uint64_t base = 0) const;

 private:
  bool need(std::size_t bytes) {
    if (failed_) return false;
    if (window_.size() - offset_ >= bytes) return true;
    set_failed(ErrorId::kTruncated);
    return false;
  }

  Bytes window_;
  std::size_t offset_ = 0;
  Limits limits_;
  bool failed_ = false;
  ErrorId failure_ = ErrorId::kInternal;
  std::size_t failed_at_ = 0;
};

/// A vector<T> as a view of its encoded bytes, checked when it was read: walking it cannot fail and allocates
/// nothing. Two lists are equal exactly when their bytes are. T gives `static T read(JuteReader&)`.
template <class T>
class JuteVector {
 public:
  /// The null vector.
  JuteVector() = default;
  /// `encoded` is the count and exactly the elements; borrowed.
  explicit JuteVector(Bytes encoded) : encoded_(encoded) {}

  bool is_null() const { return encoded_.empty() || load_i32(encoded_.data()) == -1; }
  std::size_t size() const {
    if (encoded_.empty()) return 0;
    const std::int32_t count = load_i32(encoded_.data());
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  bool empty() const { return size() == 0; }
  /// Count and elements as on disk; four bytes ff for the null vector.
  Bytes encoded() const {
    static constexpr std::byte kNull[4] = {std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                                           std::byte{0xff}};
    return encoded_.empty() ? Bytes(kNull) : encoded_;
  }
  friend bool operator==(const JuteVector& a, const JuteVector& b) {
    return as_text(a.encoded()) == as_text(b.encoded());
  }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;
    Iterator(Bytes rest, std::size_t left) : reader_(rest, Limits{INT64_MAX, true}), left_(left) { load(); }
    const T& operator*() const { return value_; }
    const T* operator->() const { return &value_; }
    Iterator& operator++() {
      --left_;
      load();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    void load() {
      if (left_ != 0) value_ = T::read(reader_);
    }
    JuteReader
        reader_;  // the elements were checked when the vector was read: whatever passed then passes now
    std::size_t left_;
    T value_{};
  };
  Iterator begin() const { return Iterator(encoded_.empty() ? Bytes() : encoded_.subspan(4), size()); }
  Iterator end() const { return Iterator(Bytes(), 0); }

 private:
  Bytes encoded_;
};

template <class T>
JuteVector<T> JuteReader::vector() {
  const std::size_t start = offset_;
  const std::int32_t count = i32();
  if (count < -1 && !limits_.java) set_failed(ErrorId::kBadLength);
  for (std::int32_t i = 0; i < count && ok(); ++i) T::read(*this);
  if (!ok()) return {};
  return JuteVector<T>(window_.subspan(start, offset_ - start));
}

/// Appends fields to a string used as a byte buffer.
class JuteWriter {
 public:
  explicit JuteWriter(std::string& out) : out_(out) {}
  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void i32(std::int32_t value) {
    std::byte b[4];
    store_u32(b, static_cast<std::uint32_t>(value));
    raw(b);
  }
  void i64(std::int64_t value) {
    std::byte b[8];
    store_u64(b, static_cast<std::uint64_t>(value));
    raw(b);
  }
  void raw(Bytes bytes) { out_.append(as_text(bytes)); }
  void buffer(std::optional<Bytes> bytes) {
    if (!bytes) return i32(-1);
    i32(static_cast<std::int32_t>(bytes->size()));
    raw(*bytes);
  }
  void ustring(std::optional<std::string_view> text) {
    if (!text) return i32(-1);
    buffer(as_bytes(*text));
  }
  template <class T>
  void vector(const JuteVector<T>& list) {
    raw(list.encoded());
  }

 private:
  std::string& out_;
};

}  // namespace zkark
