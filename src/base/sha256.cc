#include "base/sha256.h"

#include <sha2.h>

#include <array>

#include "base/error.h"

namespace metaplastic {

struct Sha256::Context {
  SHA2_CTX sha;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) { SHA256Init(&context_->sha); }
Sha256::~Sha256() = default;

Sha256& Sha256::update(std::span<const std::byte> bytes) {
  SHA256Update(&context_->sha, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return *this;
}

Sha256& Sha256::update(std::string_view text) {
  return update(std::as_bytes(std::span(text.data(), text.size())));
}

std::string Sha256::hex_digest() {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256Final(digest.data(), &context_->sha);
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  return Sha256().update(bytes).hex_digest();
}

std::string sha256_hex(std::string_view text) { return Sha256().update(text).hex_digest(); }

}  // namespace metaplastic
