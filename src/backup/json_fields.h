#pragma once
// One list of fields per record, used for writing and for reading (internal to this folder). A record has
//   template <class F> void fields(F& f, Record& r) { f("key", r.member); f.zxid("key", r.zxid); … }
// and write_record / read_record walk it. Reading is strict: a missing key or a wrong type is an error that
// names the path ("segments[3].first_zxid"); a key nobody asked for is noted.
#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/base/result.h"
#include "formats/base/text.h"

namespace zkark::backup {

/// "0x10000000b".
std::string hex_text(std::uint64_t value);
std::optional<std::uint64_t> parse_hex(std::string_view text);
/// RFC 3339 in UTC with milliseconds; times outside the years 1970 to 9999 stay numbers.
boost::json::value time_value(std::int64_t ms);
std::optional<std::int64_t> parse_time(const boost::json::value& value);
/// Two blanks per level; a small object or array stays on one line. Ends with a newline.
std::string pretty(const boost::json::value& value);

template <class E>
using NameTable = std::span<const std::pair<E, std::string_view>>;

class JsonWriter {
 public:
  explicit JsonWriter(boost::json::object& to) : to_(to) {}

  void operator()(const char* key, const std::string& v) { to_[key] = text_of_bytes(v); }
  void operator()(const char* key, bool v) { to_[key] = v; }
  void operator()(const char* key, std::uint64_t v) { to_[key] = v; }
  void operator()(const char* key, std::int64_t v) { to_[key] = v; }
  void operator()(const char* key, std::int32_t v) { to_[key] = v; }
  void zxid(const char* key, std::int64_t v) { to_[key] = hex_text(static_cast<std::uint64_t>(v)); }
  void hex(const char* key, std::uint64_t v) { to_[key] = hex_text(v); }
  void time(const char* key, std::int64_t ms) { to_[key] = time_value(ms); }
  template <class E>
  void name(const char* key, E v, NameTable<E> table) {
    for (const auto& [value, text] : table)
      if (value == v) to_[key] = text;
  }
  void maybe_zxid(const char* key, const std::optional<std::int64_t>& v) {
    if (v) zxid(key, *v);
  }
  void maybe_hex(const char* key, const std::optional<std::uint64_t>& v) {
    if (v) hex(key, *v);
  }
  template <class T>
  void maybe(const char* key, std::optional<T>& v) {
    if (!v) return;
    if constexpr (std::is_class_v<T>)
      record(key, *v);
    else
      (*this)(key, *v);
  }
  void strings(const char* key, const std::vector<std::string>& v) {
    boost::json::array items;
    for (const std::string& text : v) items.emplace_back(text_of_bytes(text));
    to_[key] = std::move(items);
  }
  void map(const char* key, const std::map<std::string, std::string>& v) {
    boost::json::object items;
    for (const auto& [name, text] : v) items[text_of_bytes(name)] = text_of_bytes(text);
    to_[key] = std::move(items);
  }
  template <class T>
  void record(const char* key, T& v) {
    boost::json::object inner;
    JsonWriter writer(inner);
    fields(writer, v);
    to_[key] = std::move(inner);
  }
  template <class T>
  void list(const char* key, std::vector<T>& v) {
    boost::json::array items;
    for (T& item : v) {
      boost::json::object inner;
      JsonWriter writer(inner);
      fields(writer, item);
      items.emplace_back(std::move(inner));
    }
    to_[key] = std::move(items);
  }

 private:
  boost::json::object& to_;
};

/// The first problem sticks; what follows it reads as defaults.
struct JsonProblems {
  std::string first;
  std::vector<std::string> unknown_keys;
};

class JsonReader {
 public:
  JsonReader(const boost::json::object& from, std::string path, JsonProblems& problems)
      : from_(from), path_(std::move(path)), problems_(problems) {}

  void operator()(const char* key, std::string& v);
  void operator()(const char* key, bool& v);
  void operator()(const char* key, std::uint64_t& v);
  void operator()(const char* key, std::int64_t& v);
  void operator()(const char* key, std::int32_t& v);
  void zxid(const char* key, std::int64_t& v);
  void hex(const char* key, std::uint64_t& v);
  void time(const char* key, std::int64_t& ms);
  void maybe_zxid(const char* key, std::optional<std::int64_t>& v) {
    if (from_.contains(key)) zxid(key, v.emplace());
  }
  void maybe_hex(const char* key, std::optional<std::uint64_t>& v) {
    if (from_.contains(key)) hex(key, v.emplace());
  }
  void strings(const char* key, std::vector<std::string>& v);
  void map(const char* key, std::map<std::string, std::string>& v);
  template <class E>
  void name(const char* key, E& v, NameTable<E> table) {
    std::string text;
    (*this)(key, text);
    for (const auto& [value, known] : table)
      if (known == text) {
        v = value;
        return;
      }
    complain(key, "has an unknown value");
  }
  template <class T>
  void maybe(const char* key, std::optional<T>& v) {
    if (!from_.contains(key)) return;
    if constexpr (std::is_class_v<T>)
      record(key, v.emplace());
    else
      (*this)(key, v.emplace());
  }
  template <class T>
  void record(const char* key, T& v) {
    const boost::json::value* value = take(key);
    if (value == nullptr) return;
    if (!value->is_object()) return complain(key, "is not an object");
    read_into(value->get_object(), path_of(key), v);
  }
  template <class T>
  void list(const char* key, std::vector<T>& v) {
    const boost::json::value* value = take(key);
    if (value == nullptr) return;
    if (!value->is_array()) return complain(key, "is not an array");
    std::size_t index = 0;
    for (const boost::json::value& item : value->get_array()) {
      const std::string path = path_of(key) + "[" + std::to_string(index++) + "]";
      if (!item.is_object()) return complain_at(path, "is not an object");
      read_into(item.get_object(), path, v.emplace_back());
    }
  }
  /// Notes the keys nobody asked for.
  void finish();

 private:
  template <class T>
  void read_into(const boost::json::object& object, std::string path, T& v) {
    JsonReader reader(object, std::move(path), problems_);
    fields(reader, v);
    reader.finish();
  }
  const boost::json::value* take(const char* key);
  std::string path_of(std::string_view key) const;
  void complain(std::string_view key, std::string_view what) { complain_at(path_of(key), what); }
  void complain_at(const std::string& path, std::string_view what);

  const boost::json::object& from_;
  std::string path_;
  JsonProblems& problems_;
  std::vector<std::string_view> taken_;
};

template <class T>
std::string write_record(T record) {
  boost::json::object object;
  JsonWriter writer(object);
  fields(writer, record);
  return pretty(object);
}

Result<boost::json::object> parse_object(std::string_view text);

/// kDamaged with the path of what is wrong. `unknown_keys` may be null.
template <class T>
Result<T> read_record(std::string_view text, std::vector<std::string>* unknown_keys) {
  ZK_TRY(boost::json::object object, parse_object(text));
  JsonProblems problems;
  T record;
  JsonReader reader(object, {}, problems);
  fields(reader, record);
  reader.finish();
  if (!problems.first.empty()) return fail(ErrorId::kDamaged, problems.first);
  if (unknown_keys != nullptr) *unknown_keys = std::move(problems.unknown_keys);
  return record;
}

}  // namespace zkark::backup
