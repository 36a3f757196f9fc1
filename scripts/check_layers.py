#!/usr/bin/env python3
"""Checks that the layers hold: who includes whom, and who calls the kernel.

  scripts/check_layers.py [--source DIR] [--build DIR]

Without --build only the includes are checked. With it, `nm -uC` of every libzkark_*.a found there tells which
library needs a file, a socket, a clock, a thread or a random device behind the back of the seams.
Exit code 0 when all is well, 1 with one line per breach, 2 for wrong use.
"""
import argparse
import pathlib
import re
import subprocess
import sys

# ---- includes ----------------------------------------------------------------------------------------------
# Folder -> the folders it may include besides itself. The longest matching folder counts.
FORENSICS = BACKUP = ["formats", "restore", "src/client", "src/net"]
SERVER = ["formats", "restore", "src/quorum", "src/net"]
LAYERS = {
    "formats/base": [],
    "formats": [],
    "restore": ["formats"],
    "src/os": ["formats", "src/net"],
    "src/net": ["formats"],
    "src/client": ["formats", "src/net"],
    "src/quorum": ["formats"],
    "src/backup": BACKUP,
    "src/forensics": FORENSICS,
    "src/server": SERVER,
    "src/web": ["formats", "src/net", "src/server", "src/backup", "src/forensics"],
    "src/cli": ["formats", "restore", "src/net", "src/client", "src/backup", "src/forensics", "src/quorum",
                "src/server", "src/web"],
    "tests/support": ["formats", "src/net"],
    "tests/formats": ["formats", "tests/support"],
    "tests/restore": ["formats", "restore", "tests/support"],
    "tests/os": ["formats", "src/os", "src/net", "tests/support"],
    "tests/net": ["formats", "src/net", "tests/support"],
    "tests/client": ["src/client", "formats", "src/net", "tests/support"],
    "tests/quorum": ["formats", "src/quorum", "tests/support"],
    "tests/backup": ["src/backup", "tests/support"] + BACKUP,
    "tests/forensics": ["src/forensics", "tests/support"] + FORENSICS,
    "tests/server": ["src/server", "tests/support"] + SERVER,
    "tests": ["formats", "restore", "src"],  # cli, compat, sim, fuzz, bench: the whole program
}
# Files that may include more than their folder.
EXCEPTIONS = {
    "src/cli/main.cc": ["src/os"],  # builds the real seams
}
# Headers of the system that only src/os (and tests) may include: files, processes, sockets, time, threads.
KERNEL_HEADERS = re.compile(
    r"(sys|linux|netinet|arpa|net|asm)/.*|(unistd|fcntl|dirent|poll|signal|pthread|sched|netdb|pwd|grp|termios|"
    r"time|ftw|glob|spawn|aio|semaphore|syslog)\.h|ctime|thread|filesystem|fstream|random|"
    r"condition_variable|future|semaphore|latch|barrier|syncstream")
# Headers of libraries that throw, do their own I/O or cost seconds to compile, and where they may stand.
HEADER_HOMES = [
    (r"boost/iostreams/.*", ["formats/snap_stream", "src/backup/codec"]),
    (r"boost/asio.*", ["src/os/event_loop"]),
    (r"boost/beast/.*", ["src/net/http"]),
    (r"CLI/.*", ["src/cli/"]),
    (r"toml\+\+/.*", ["src/cli/config"]),
    (r"archive(_entry)?\.h", ["src/backup/archive"]),
    (r"curl/.*", ["src/net/", "src/backup/backend/"]),
    (r"re2/.*", ["src/forensics/value_pattern"]),
    (r"sqlite3\.h", ["src/forensics/", "src/cli/"]),
    (r"histedit\.h|editline/.*", ["src/client/shell", "src/os/"]),
]
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')

# ---- symbols -----------------------------------------------------------------------------------------------
FORBIDDEN = re.compile(r"""
    # files
    (open|openat|creat)(64)?(_2)?|f?open(64)?|fdopen|freopen(64)?|f?close|(p?read|p?write)v?(64)?|__p?read(64)?_chk|
    f(data)?sync|sync(fs)?|renameat2?|rename|unlink(at)?|remove|rmdir|mkdir(at)?|mkd?[so]?temp(s|64)?|tmpfile(64)?|
    (f|l)?stat(64)?|fstatat(64)?|statx|f?statvfs(64)?|access|faccessat|f?chmod(at)?|[fl]?chown(at)?|symlink(at)?|
    link(at)?|readlink(at)?|realpath|f?truncate(64)?|posix_f(advise|allocate)(64)?|fallocate(64)?|f?utimes?|
    utimensat|futimens|f?d?opendir|readdir(64)?|scandir(64)?|nftw(64)?|glob(64)?|mmap(64)?|flock|lockf(64)?|fcntl(64)?|
    getcwd|f?chdir|chroot|f?mount|umount2?|
    gzopen(64)?|gzdopen|archive_(read|write)_open_(filename|filenames|file|fd|FILE)|archive_write_disk_\w+|
    archive_read_disk_\w+|sqlite3_open(_v2|16)?|BIO_new_file|BIO_new_fd|
    # processes, signals, terminals, the machine
    fork|vfork|execv\w*|execl\w*|posix_spawnp?|system|popen|wait(pid|id)?|kill|raise|signal|sigaction|sigprocmask|
    pipe2?|dup[23]?|ioctl|isatty|ttyname(_r)?|tc[gs]etattr|getpid|getp?pid|gete?[ug]id|set(res|re|e)?[ug]id|umask|
    getpw\w+|getgr\w+|uname|gethostname|sysconf|getrlimit(64)?|setrlimit(64)?|sched_getaffinity|syscall|
    getenv|secure_getenv|setenv|putenv|
    # sockets
    socket(pair)?|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|setsockopt|getsockopt|shutdown|
    getaddrinfo|gethostby\w+|getnameinfo|p?poll|p?select|epoll_\w+|eventfd|timerfd_\w+|inotify_\w+|
    curl_easy_perform|curl_multi_\w+|
    # time
    clock_gettime|clock_nanosleep|clock|gettimeofday|time|ftime|u?sleep|nanosleep|localtime(_r)?|alarm|setitimer|
    std::chrono::.*::now\(.*|std::chrono::.*(locate_zone|current_zone|get_tzdb).*|date::.*(locate_zone|current_zone).*|
    # threads
    pthread_create|pthread_join|pthread_detach|thrd_create|std::thread::.*|std::this_thread::.*|
    std::condition_variable.*|std::__future_base.*|sem_(init|wait|post|timedwait)|
    # randomness
    getrandom|getentropy|s?rand(_r|om)?|[dlm]rand48|arc4random\w*|std::random_device.*|RAND_(priv_)?bytes|
    randombytes_\w+|
    # C++ streams over files
    std::basic_(i|o|)fstream.*|std::basic_filebuf.*|std::filesystem::(?!__cxx11::path|path).*
    """, re.VERBOSE)
# (library, object, symbols, why this is no breach). A row that matches nothing in a library that was built is an
# error itself, so that the list cannot outlive its reasons.
ALLOWED = [
    ("zkark_cli_frame", "command_line.cc.o", r"std::basic_(ifstream|filebuf).*|std::filesystem::status.*",
     "CLI11 brings its own config files and path validators along; neither is switched on"),
    ("zkark_cli_frame", "point_in_time.cc.o", r"date::(locate|current)_zone.*",
     "the time zones of the system, which the date library reads itself; used for points in local time only"),
    ("zkark_cli_frame", "*", r"getenv|secure_getenv", "the environment is part of the command line contract"),
    ("*", "*", r"syscall|sched_yield", "std::atomic::wait and std::stop_source wait on a futex, inlined from libstdc++"),
]
UNCHECKED_LIBRARIES = {"zkark_os", "zkark_test_support", "zkark_alloc_fault"}


def folder_of(path):
    for folder in sorted(LAYERS, key=len, reverse=True):
        if path.startswith(folder + "/"):
            return folder
    return None


def allowed_folders(path):
    folder = folder_of(path)
    own = [folder]
    if folder == "tests":  # may use any folder of tests
        own = ["tests"]
    return own + LAYERS[folder] + EXCEPTIONS.get(path, [])


def check_include(source, path, quote, target):
    """One line of complaint, or None."""
    test = path.startswith("tests/")
    if quote == '"':
        if not (source / target).is_file():
            return f'"{target}" does not start at the repository root'
        if not any(target.startswith(folder + "/") for folder in allowed_folders(path)):
            return f"{folder_of(path)} may not include {target}"
        if target.startswith("src/os/") and path.startswith("src/cli/") and path not in EXCEPTIONS:
            return f"only src/cli/main.cc may include {target}"
        return None
    if not test and not path.startswith("src/os/") and KERNEL_HEADERS.fullmatch(target):
        return f"<{target}> is for src/os alone"
    for pattern, homes in HEADER_HOMES:
        if re.fullmatch(pattern, target) and not test and not path.startswith(tuple(homes)):
            return f"<{target}> may stand in {', '.join(homes)} alone"
    return None


def check_includes(source):
    breaches, count = [], 0
    for top in ("formats", "restore", "src", "tests"):
        for file in sorted((source / top).rglob("*")):
            path = file.relative_to(source).as_posix()
            if file.suffix not in (".h", ".cc", ".inc") or not file.is_file():
                continue
            if folder_of(path) is None:
                breaches.append(f"{path}: its folder is in no layer (LAYERS in scripts/check_layers.py)")
                continue
            count += 1
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                match = INCLUDE.match(line)
                if match:
                    complaint = check_include(source, path, match[1], match[2])
                    if complaint:
                        breaches.append(f"{path}:{number}: {complaint}")
    return breaches, count


def row_matches(row, library, member, symbol):
    return (row[0] in ("*", library) and row[1] in ("*", member)
            and re.fullmatch(row[2], symbol) is not None)


def undefined_symbols(archive):
    listing = subprocess.run(["nm", "-uC", str(archive)], check=True, capture_output=True, text=True).stdout
    member = "?"
    for line in listing.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        match = re.match(r"\s+[Uw] (.*)", line)
        if match:
            yield member, re.sub(r"@.*", "", match[1])


def check_symbols(build):
    breaches, libraries, used = [], set(), set()
    for archive in sorted(build.rglob("libzkark_*.a")):
        library = archive.name[len("lib"):-len(".a")]
        if library in UNCHECKED_LIBRARIES or "tests" in archive.relative_to(build).parts:
            continue
        libraries.add(library)
        for member, symbol in undefined_symbols(archive):
            if not FORBIDDEN.fullmatch(symbol):
                continue
            rows = [row for row in ALLOWED if row_matches(row, library, member, symbol)]
            used.update(rows)
            if not rows:
                breaches.append(f"{archive.relative_to(build)}: {member} needs {symbol}")
    for row in ALLOWED:
        if row[0] in libraries and row not in used:
            breaches.append(f"scripts/check_layers.py: the allowance {row[:3]} is used by nothing any more")
    return breaches, len(libraries)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--build", type=pathlib.Path)
    args = parser.parse_args()
    breaches, files = check_includes(args.source)
    libraries = 0
    if args.build:
        more, libraries = check_symbols(args.build)
        breaches += more
    print("\n".join(breaches + [f"layers: {files} files, {libraries} libraries, {len(breaches)} breaches"]))
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
