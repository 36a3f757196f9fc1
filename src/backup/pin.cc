#include "src/backup/pin.h"

#include "src/backup/json_fields.h"
#include "src/backup/sealed.h"

namespace zkark::backup {
namespace {

constexpr std::uint32_t kFormat = 1;
constexpr std::uint64_t kFileMax = 64u << 10;

template <class F>
void fields(F& f, Pin& pin) {
  f("repository", pin.repository_id);
  f("url", pin.url);
  f("sequence", pin.sequence);
  f("head_sha256", pin.head_sha256);
}

struct PinFile {
  Pin pin;
};
template <class F>
void fields(F& f, PinFile& file) {
  fields(f, file.pin);
}

}  // namespace

std::string pin_path(const std::string& cache_dir, const std::string& repository_id) {
  return join_path(cache_dir, repository_id + ".pin");
}

std::optional<Pin> load_pin(Fs& fs, const std::string& cache_dir, const std::string& repository_id,
                            std::string* problem) {
  const std::string path = pin_path(cache_dir, repository_id);
  Result<std::string> file = read_file(fs, path, kFileMax);
  if (!file) {
    if (file.error().id() != ErrorId::kNoFile) *problem = file.error().to_string();
    return std::nullopt;
  }
  Result<std::string_view> body = unseal(*file, "pin", kFormat);
  Result<PinFile> read = body ? read_record<PinFile>(*body, nullptr) : fail(std::move(body).error());
  if (!read || read->pin.repository_id != repository_id) {
    *problem = "the pin file is damaged: " + path;
    return std::nullopt;
  }
  return std::move(read->pin);
}

Status save_pin(Fs& fs, const std::string& cache_dir, const Pin& pin) {
  ZK_TRY_STATUS(make_dirs(fs, cache_dir, 0700));
  return write_file_atomic(fs, pin_path(cache_dir, pin.repository_id),
                           as_bytes(seal("pin", kFormat, write_record(PinFile{pin}))), CreateOptions{});
}

}  // namespace zkark::backup
