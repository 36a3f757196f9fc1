#pragma once
// The heaviest keys of a stream in bounded memory (the algorithm of Misra and Gries, in the form that
// DataSketches uses): a table of counters; when it is full, the median is taken off all of them, and those
// that have nothing left go. Exact as long as no more keys came than the table holds; after that a weight is
// at most error_bound() too small, which is at most total / (capacity / 2).
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace zkark::forensics {

template <class Extra>
class FrequentKeys {
 public:
  struct Counter {
    std::uint64_t weight = 0;
    Extra extra{};  // of the time since the key is in the table
  };
  explicit FrequentKeys(std::size_t capacity) : capacity_(capacity) {}

  /// The counter, for its extra; valid until the next call.
  Counter& add(std::string_view key, std::uint64_t weight) {
    auto at = counters_.find(key);
    if (at == counters_.end()) {
      if (counters_.size() >= capacity_) make_room();
      at = counters_.emplace(std::string(key), Counter()).first;
    }
    at->second.weight += weight;
    return at->second;
  }
  std::uint64_t error_bound() const { return error_bound_; }
  std::size_t size() const { return counters_.size(); }

  /// The `limit` heaviest, by weight and then by key.
  std::vector<std::pair<std::string_view, const Counter*>> top(std::size_t limit) const {
    std::vector<std::pair<std::string_view, const Counter*>> all;
    all.reserve(counters_.size());
    for (const auto& [key, counter] : counters_) all.emplace_back(key, &counter);
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(limit, all.size()));
    std::partial_sort(all.begin(), end, all.end(), [](const auto& a, const auto& b) {
      return a.second->weight != b.second->weight ? a.second->weight > b.second->weight : a.first < b.first;
    });
    all.erase(end, all.end());
    return all;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };

  void make_room() {
    std::vector<std::uint64_t> weights;
    weights.reserve(counters_.size());
    for (const auto& [key, counter] : counters_) weights.push_back(counter.weight);
    const auto middle = weights.begin() + static_cast<std::ptrdiff_t>(weights.size() / 2);
    std::nth_element(weights.begin(), middle, weights.end());
    const std::uint64_t median = *middle;
    error_bound_ += median;
    for (auto at = counters_.begin(); at != counters_.end();) {
      if (at->second.weight <= median) {
        at = counters_.erase(at);
      } else {
        at->second.weight -= median;
        ++at;
      }
    }
  }

  std::size_t capacity_;
  std::uint64_t error_bound_ = 0;
  std::unordered_map<std::string, Counter, Hash, std::equal_to<>> counters_;
};

}  // namespace zkark::forensics
