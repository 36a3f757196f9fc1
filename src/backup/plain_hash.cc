#include "src/backup/codec.h"

// The library's own code: its header's, inlined here, cannot be compiled with -Og.
#define XXH_STATIC_LINKING_ONLY  // for the size of a state
#include <xxhash.h>

namespace zkark::backup {

struct PlainHasher::State {
  XXH3_state_t xxh;
  State() { XXH3_128bits_reset(&xxh); }
};

PlainHasher::PlainHasher() : state_(std::make_unique<State>()) {}
PlainHasher::~PlainHasher() = default;
PlainHasher::PlainHasher(PlainHasher&&) noexcept = default;
PlainHasher& PlainHasher::operator=(PlainHasher&&) noexcept = default;

void PlainHasher::add(Bytes bytes) { XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size()); }

PlainHash PlainHasher::finish() {
  XXH128_canonical_t canonical;  // big-endian: the digits that xxhsum prints
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->xxh));
  PlainHash hash;
  static_assert(sizeof canonical.digest == sizeof hash);
  std::memcpy(hash.data(), canonical.digest, hash.size());
  XXH3_128bits_reset(&state_->xxh);
  return hash;
}

std::string plain_hash_hex(Bytes bytes) {
  PlainHasher hasher;
  hasher.add(bytes);
  return to_hex(hasher.finish());
}

}  // namespace zkark::backup
