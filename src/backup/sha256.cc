#include <openssl/evp.h>

#include <algorithm>

#include "formats/base/check.h"
#include "src/backup/codec.h"

namespace zkark::backup {
namespace {

// Looking the algorithm up by name takes longer than hashing a small object.
const EVP_MD* algorithm() {
  static EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  ZK_CHECK(md != nullptr);
  return md;
}

}  // namespace

struct Sha256Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() {
    ZK_CHECK(context != nullptr);
    restart();
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  void restart() { ZK_CHECK(EVP_DigestInit_ex2(context, algorithm(), nullptr) == 1); }
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

void Sha256Hasher::add(Bytes bytes) {
  ZK_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Sha256 Sha256Hasher::finish() {
  Sha256 hash;
  ZK_CHECK(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(hash.data()), nullptr) == 1);
  state_->restart();
  return hash;
}

Sha256 sha256(Bytes bytes) {
  Sha256Hasher hasher;
  hasher.add(bytes);
  return hasher.finish();
}

std::string sha256_hex(Bytes bytes) { return to_hex(sha256(bytes)); }

bool is_hex_name(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace zkark::backup
