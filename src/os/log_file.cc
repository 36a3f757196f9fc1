// spdlog's rotating sink was looked at first (1.10): it sleeps while a rename fails and then truncates the
// file it could not rename, and what stands in its stdio buffer when a disk is full is lost without a count.
#include "src/os/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <system_error>
#include <utility>

#include "formats/base/system_error.h"
#include "formats/base/utf8.h"
#include "src/os/descriptor.h"

namespace zkark::os {
namespace {

constexpr std::size_t kLongestLine = 16 << 10;
constexpr std::size_t kPipeWrite = 4096;  // PIPE_BUF: does not block after POLLOUT

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    const std::string_view bytes = text.substr(0, point.length);
    const bool control = point.value < 0x20 || (point.value >= 0x7f && point.value < 0xa0);
    if (point.valid && !control) {
      out += bytes;
    } else if (bytes == "\n" || bytes == "\r" || bytes == "\t") {
      out += bytes == "\n" ? "\\n" : bytes == "\r" ? "\\r" : "\\t";
    } else {
      for (char c : bytes) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    text.remove_prefix(point.length);
  }
}

std::string thread_name() {
  char name[16] = {};
  return pthread_getname_np(pthread_self(), name, sizeof name) == 0 && name[0] != '\0' ? name : "thread";
}

}  // namespace

/// Where the lines go. For one thread; stop() for any.
class LogFile::Sink {
 public:
  explicit Sink(const LogFileOptions& options) : options_(options) {}

  Status open() {
    if (options_.path.empty()) return ok();
    file_ = open_file();
    if (!file_) return fail(system_error(errno, "open the log", options_.path));
    close_torn_line();
    return ok();
  }

  /// Whole lines. Returns how many could not be written; `problem` is the errno.
  std::uint64_t write(std::string_view lines, int& problem) {
    while (!lines.empty()) {
      const std::size_t size = options_.path.empty() ? lines.size() : room_for(lines);
      const std::size_t written = write_lines(lines.substr(0, size), problem);
      if (written < size)
        return static_cast<std::uint64_t>(std::count(lines.begin() + written, lines.end(), '\n'));
      lines.remove_prefix(size);
    }
    return 0;
  }

  void stop() { stopping_ = true; }

 private:
  int fd() const { return file_ ? file_.get() : STDERR_FILENO; }

  Descriptor open_file() const {
    // Appending: somebody may truncate the file meanwhile (logrotate's copytruncate).
    return Descriptor(retry([&] {
      return ::open(options_.path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    }));
  }

  std::uint64_t size() const {
    struct stat info = {};
    return ::fstat(file_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  }

  /// An earlier run may have ended within a line.
  void close_torn_line() {
    const std::uint64_t end = size();
    char last = '\n';
    torn_ = end > 0 && ::pread(file_.get(), &last, 1, static_cast<off_t>(end) - 1) == 1 && last != '\n';
  }

  /// How many bytes of whole lines go into the file, which is rotated first when not one line fits.
  std::size_t room_for(std::string_view lines) {
    const std::size_t first = lines.find('\n') + 1;
    std::uint64_t used = size();
    if (used > 0 && used + first > options_.max_bytes && used >= next_try_) {
      rotate();
      used = size();
    }
    // After a rotation that failed, the file may grow beyond its limit.
    if (used + first > options_.max_bytes) return first;
    const std::size_t fits =
        static_cast<std::size_t>(std::min<std::uint64_t>(options_.max_bytes - used, lines.size()));
    return lines.rfind('\n', fits - 1) + 1;
  }

  std::string old_name(unsigned number) const { return fmt::format("{}.{}", options_.path, number); }

  void rotate() {
    next_try_ = 0;
    if (options_.keep == 0) {
      if (::ftruncate(file_.get(), 0) != 0) next_try_ = size() + options_.max_bytes;
      return;
    }
    // Missing ones in between are nothing to stop at.
    for (unsigned number = options_.keep; number > 1; --number)
      ::rename(old_name(number - 1).c_str(), old_name(number).c_str());
    if (::rename(options_.path.c_str(), old_name(1).c_str()) == 0) {
      if (Descriptor fresh = open_file()) {
        file_ = std::move(fresh);
        torn_ = false;
        return;
      }
      ::rename(old_name(1).c_str(), options_.path.c_str());
    }
    next_try_ = size() + options_.max_bytes;
  }

  /// Bytes of whole lines written. Half a line is taken back.
  std::size_t write_lines(std::string_view lines, int& problem) {
    std::size_t done = 0;
    if (torn_) {
      if (!put("\n", problem)) return 0;
      torn_ = false;
    }
    while (done < lines.size()) {
      const std::size_t put_now = put(lines.substr(done), problem);
      if (put_now == 0) break;
      done += put_now;
    }
    if (done == lines.size()) return done;
    const std::size_t whole = done == 0 ? 0 : lines.rfind('\n', done - 1) + 1;
    if (whole < done) {
      const std::uint64_t end = file_ ? size() : 0;
      torn_ = !file_ || ::ftruncate(file_.get(), static_cast<off_t>(end - (done - whole))) != 0;
    }
    return whole;
  }

  /// One system call; 0 with `problem` when nothing could be written.
  std::size_t put(std::string_view bytes, int& problem) {
    if (!file_) {
      if (!reader_is_there()) {
        problem = EAGAIN;
        return 0;
      }
      bytes = bytes.substr(0, kPipeWrite);
    }
    const ssize_t count = retry([&] { return ::write(fd(), bytes.data(), bytes.size()); });
    if (count > 0) return static_cast<std::size_t>(count);
    problem = count < 0 ? errno : EIO;
    return 0;
  }

  /// Waits for a pipe to take more, until the log is to end.
  bool reader_is_there() {
    for (;;) {
      struct pollfd ready = {STDERR_FILENO, POLLOUT, 0};
      const int count = ::poll(&ready, 1, 100);
      if (count > 0 || (count < 0 && errno != EINTR)) return true;
      if (stopping_) return false;
    }
  }

  const LogFileOptions& options_;
  Descriptor file_;
  bool torn_ = false;           // the last line has no end
  std::uint64_t next_try_ = 0;  // size at which a rotation that failed is tried again
  std::atomic<bool> stopping_ = false;
};

Result<std::unique_ptr<LogFile>> LogFile::open(LogFileOptions options, Clock& clock) {
  std::unique_ptr<LogFile> log(new LogFile(std::move(options), clock));
  ZK_TRY_STATUS(log->sink_->open());
  try {
    log->thread_ = std::thread([self = log.get()] { self->run(); });
  } catch (const std::system_error& refused) {
    return fail(system_error(refused.code().value(), "start the thread of the log", log->options_.path));
  }
  return log;
}

LogFile::LogFile(LogFileOptions options, Clock& clock)
    : options_(std::move(options)), clock_(clock), sink_(std::make_unique<Sink>(options_)) {}

LogFile::~LogFile() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  sink_->stop();
  work_.notify_one();
  thread_.join();
}

std::string LogFile::format(LogLevel level, std::string_view line) const {
  const std::int64_t ms = clock_.wall().ms;
  const time_t seconds = static_cast<time_t>(ms / 1000);
  struct tm local = {};
  ::localtime_r(&seconds, &local);
  std::string text =
      fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03} [myid:{}] - {:<5} [{}] - ", local.tm_year + 1900,
                  local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, ms % 1000,
                  options_.my_id, level_name(level), thread_name());
  append_escaped(text, line.substr(0, kLongestLine));
  if (line.size() > kLongestLine) text += fmt::format("… ({} bytes more)", line.size() - kLongestLine);
  text += '\n';
  return text;
}

void LogFile::write(LogLevel level, std::string_view line) {
  if (!wants(level)) return;
  const std::string text = format(level, line);
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() + text.size() > options_.queue_bytes) {
      ++overflow_;
      return;
    }
    queue_ += text;
  }
  work_.notify_one();
}

void LogFile::flush() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return queue_.empty() && overflow_ == 0 && !busy_; });
}

void LogFile::run() {
  pthread_setname_np(pthread_self(), "log");
  // Signals are for other threads, and a reader of stderr that went away is an EPIPE.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stop_ || !queue_.empty() || overflow_ != 0; });
    const bool last = queue_.empty() && overflow_ == 0;
    std::string lines;
    lines.swap(queue_);
    const std::uint64_t overflow = std::exchange(overflow_, 0);
    busy_ = true;
    lock.unlock();
    tell_lost();
    write_or_lose(lines);
    if (overflow > 0) {  // these came after what was queued
      if (lost_ == 0) why_ = "they came too fast";
      lost_ += overflow;
      tell_lost();
    }
    lock.lock();
    busy_ = false;
    idle_.notify_all();
    if (last) return;
  }
}

void LogFile::write_or_lose(const std::string& lines) {
  int problem = 0;
  const std::uint64_t count = sink_->write(lines, problem);
  if (count == 0) return;
  lost_ += count;
  why_ = std::strerror(problem);
}

/// Said again and again until it is in the file.
void LogFile::tell_lost() {
  if (lost_ == 0) return;
  int problem = 0;
  const std::string notice =
      format(LogLevel::kWarn, fmt::format("{} lines of this log were lost: {}", lost_, why_));
  if (sink_->write(notice, problem) == 0) lost_ = 0;
}

}  // namespace zkark::os
