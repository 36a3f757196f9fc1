// What the C client of Apache ZooKeeper (libzookeeper_mt) is told, as text: c_client_test.py runs it on two
// servers and compares. c_client <through a proxy> <directly>; "@drop" on stdout asks for the end of the
// proxy's connections.
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace {

constexpr auto kPatience = std::chrono::seconds(20);

/// Everything that comes from the client's own threads.
struct Inbox {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> events;
  int connected = 0;
  int done = 0;
  int last_code = 0;

  void wait(const char* what, const std::function<bool()>& ready) {
    std::unique_lock lock(mutex);
    if (changed.wait_for(lock, kPatience, ready)) return;
    std::printf("never: %s\n", what);
    std::exit(1);
  }
  /// Prints what came, in its order.
  void print_events() {
    const std::lock_guard lock(mutex);
    for (const std::string& event : events) std::printf("  event %s\n", event.c_str());
    events.clear();
  }
};

void on_event(zhandle_t*, int type, int state, const char* path, void* context) {
  auto& inbox = *static_cast<Inbox*>(context);
  const std::lock_guard lock(inbox.mutex);
  if (type == ZOO_SESSION_EVENT) {
    if (state == ZOO_CONNECTED_STATE) ++inbox.connected;
  } else {
    inbox.events.push_back(std::to_string(type) + " " + std::to_string(state) + " " + path);
  }
  inbox.changed.notify_all();
}

void on_done(int code, const void* context) {
  auto& inbox = *static_cast<Inbox*>(const_cast<void*>(context));
  const std::lock_guard lock(inbox.mutex);
  ++inbox.done;
  inbox.last_code = code;
  inbox.changed.notify_all();
}

void on_string(int code, const char*, const void* context) { on_done(code, context); }

void say(const char* what, int code) { std::printf("%s: %d %s\n", what, code, zerror(code)); }

void say_stat(const Stat& stat) {
  std::printf("  c=%lld m=%lld p=%lld v=%d/%d/%d owned=%d length=%d children=%d\n",
              static_cast<long long>(stat.czxid), static_cast<long long>(stat.mzxid),
              static_cast<long long>(stat.pzxid), stat.version, stat.cversion, stat.aversion,
              stat.ephemeralOwner != 0, stat.dataLength, stat.numChildren);
}

class Client {
 public:
  explicit Client(const char* host) {
    handle = zookeeper_init(host, on_event, 60'000, nullptr, &inbox, 0);
    if (handle == nullptr) std::exit(2);
    inbox.wait("a session", [this] { return inbox.connected == 1; });
  }
  void create(const char* path, const char* data, int mode, std::int64_t ttl = -1) {
    char made[200] = "";
    Stat stat{};
    const int length = data == nullptr ? -1 : static_cast<int>(std::strlen(data));
    const int code = zoo_create2_ttl(handle, path, data, length, &ZOO_OPEN_ACL_UNSAFE, mode, ttl, made,
                                     sizeof made, &stat);
    std::printf("create %s %d -> %s\n", path, mode, made);
    say("  code", code);
    if (code == ZOK) say_stat(stat);
  }
  void get(const char* path, bool watch = false) {
    char data[200];
    int length = sizeof data;
    Stat stat{};
    const int code = watch ? zoo_wget(handle, path, on_event, &inbox, data, &length, &stat)
                           : zoo_get(handle, path, 0, data, &length, &stat);
    std::printf("get %s -> %d %.*s\n", path, length, code == ZOK && length > 0 ? length : 0, data);
    say("  code", code);
    if (code == ZOK) say_stat(stat);
  }
  void exists(const char* path, bool watch = false) {
    Stat stat{};
    const int code =
        watch ? zoo_wexists(handle, path, on_event, &inbox, &stat) : zoo_exists(handle, path, 0, &stat);
    std::printf("exists %s\n", path);
    say("  code", code);
    if (code == ZOK) say_stat(stat);
  }
  void children(const char* path, bool watch = false) {
    String_vector names{};
    Stat stat{};
    const int code = watch ? zoo_wget_children2(handle, path, on_event, &inbox, &names, &stat)
                           : zoo_get_children2(handle, path, 0, &names, &stat);
    std::vector<std::string> sorted(names.data, names.data + names.count);
    std::sort(sorted.begin(), sorted.end());
    std::printf("children %s:", path);
    for (const std::string& name : sorted) std::printf(" %s", name.c_str());
    std::printf("\n");
    say("  code", code);
    if (code == ZOK) say_stat(stat);
    deallocate_String_vector(&names);
  }
  void set(const char* path, const char* data, int version = -1) {
    Stat stat{};
    const int code = zoo_set2(handle, path, data, static_cast<int>(std::strlen(data)), version, &stat);
    std::printf("set %s %d\n", path, version);
    say("  code", code);
    if (code == ZOK) say_stat(stat);
  }
  void remove(const char* path, int version = -1) {
    std::printf("delete %s %d\n", path, version);
    say("  code", zoo_delete(handle, path, version));
  }
  void acl(const char* path) {
    ACL_vector list{};
    Stat stat{};
    const int code = zoo_get_acl(handle, path, &list, &stat);
    std::printf("acl %s:", path);
    for (int i = 0; i < list.count; ++i)
      std::printf(" %d:%s:%s", list.data[i].perms, list.data[i].id.scheme, list.data[i].id.id);
    std::printf("\n");
    say("  code", code);
    deallocate_ACL_vector(&list);
  }
  void add_auth(const char* scheme, const char* cert) {
    const int before = inbox.done;
    zoo_add_auth(handle, scheme, cert, static_cast<int>(std::strlen(cert)), on_done, &inbox);
    inbox.wait("auth", [&] { return inbox.done > before; });
    say("auth", inbox.last_code);
  }
  void sync(const char* path) {
    const int before = inbox.done;
    zoo_async(handle, path, on_string, &inbox);
    inbox.wait("sync", [&] { return inbox.done > before; });
    say("sync", inbox.last_code);
  }
  /// The next `count` events, and what else came with them: the sync is answered behind it all.
  void events(std::size_t count) {
    inbox.wait("events", [&] { return inbox.events.size() >= count; });
    sync("/");
  }
  void print_events(std::size_t count) {
    events(count);
    inbox.print_events();
  }
  void multi(const char* failing) {
    char made[3][100] = {};
    Stat stat{};
    zoo_op_t ops[5];
    zoo_op_result_t results[5] = {};
    zoo_create_op_init(&ops[0], "/c/multi", "m", 1, &ZOO_OPEN_ACL_UNSAFE, 0, made[0], sizeof made[0]);
    zoo_create_op_init(&ops[1], "/c/multi/s-", "s", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_SEQUENCE, made[1],
                       sizeof made[1]);
    zoo_set_op_init(&ops[2], "/c/multi", "mm", 2, 0, &stat);
    zoo_check_op_init(&ops[3], "/c/multi", 1);
    zoo_delete_op_init(&ops[4], failing, -1);
    say("multi", zoo_multi(handle, 5, ops, results));
    for (const auto& result : results) say("  part", result.err);
    std::printf("  made %s %s\n", made[0], made[1]);
  }
  int close() { return zookeeper_close(handle); }

  Inbox inbox;
  zhandle_t* handle = nullptr;
};

void everything(Client& one) {
  one.create("/c", "root", ZOO_PERSISTENT);
  one.create("/c", "", ZOO_PERSISTENT);
  one.create("/none/x", "", ZOO_PERSISTENT);
  one.create("/c/null", nullptr, ZOO_PERSISTENT);
  one.create("/c/e", "e", ZOO_EPHEMERAL);
  one.create("/c/e/x", "", ZOO_PERSISTENT);
  one.create("/c/s-", "s", ZOO_PERSISTENT_SEQUENTIAL);
  one.create("/c/es-", "s", ZOO_EPHEMERAL_SEQUENTIAL);
  one.create("/c/con", "", ZOO_CONTAINER);
  one.create("/c/ttl", "", ZOO_PERSISTENT_WITH_TTL, 100'000'000);
  one.create("/c/ttl0", "", ZOO_PERSISTENT_WITH_TTL, 0);
  for (const char* path : {"/c", "/c/null", "/c/e", "/c/con", "/c/ttl", "/none"}) {
    one.get(path);
    one.exists(path);
    one.children(path);
  }
  one.set("/c", "set", 0);
  one.set("/c", "set", 0);
  one.set("/none", "");
  one.remove("/c", -1);
  one.remove("/c/null", 7);
  one.remove("/c/null", 0);
  one.remove("/none");
  one.acl("/c");
  one.acl("/none");
  one.sync("/c");
  one.multi("/c/none");
  one.multi("/c/s-0000000002");
  one.multi("/c/s-0000000002");
  one.children("/c/multi");
}

void rights(Client& one, Client& other) {
  ACL entries[] = {{ZOO_PERM_ALL, ZOO_AUTH_IDS}, {ZOO_PERM_READ, ZOO_ANYONE_ID_UNSAFE}};
  ACL_vector acl{2, entries};
  char made[100];
  say("create without an identity", zoo_create(one.handle, "/c/own", "", 0, &acl, 0, made, sizeof made));
  one.add_auth("digest", "amy:secret");
  say("create with one", zoo_create(one.handle, "/c/own", "", 0, &acl, 0, made, sizeof made));
  one.acl("/c/own");
  other.acl("/c/own");
  other.set("/c/own", "no");
  one.set("/c/own", "yes");
  say("set_acl", zoo_set_acl(one.handle, "/c/own", -1, &ZOO_READ_ACL_UNSAFE));
  one.set("/c/own", "no more");
}

void watches(Client& one, Client& other) {
  one.create("/c/w", "", ZOO_PERSISTENT);
  one.get("/c/w", true);
  one.exists("/c/later", true);
  one.children("/c", true);
  other.set("/c/w", "1");
  other.create("/c/later", "", ZOO_PERSISTENT);
  one.print_events(3);
  other.remove("/c/later");
  one.children("/c/w", true);
  one.get("/c/w", true);
  other.remove("/c/w");
  one.print_events(1);
  one.get("/c", true);
  say("remove", zoo_remove_watches(one.handle, "/c", ZWATCHTYPE_DATA, on_event, &one.inbox, 0));
  say("remove again", zoo_remove_watches(one.handle, "/c", ZWATCHTYPE_DATA, on_event, &one.inbox, 0));
}

void reconnect(Client& one, Client& other) {
  for (const char* path : {"/c/r1", "/c/r2", "/c/r3"}) one.create(path, "", ZOO_PERSISTENT);
  one.get("/c/r1", true);
  one.get("/c/r2", true);
  one.exists("/c/r4", true);
  one.children("/c/r3", true);
  const std::int64_t session = zoo_client_id(one.handle)->client_id;
  std::printf("@drop\n");
  std::fflush(stdout);
  other.set("/c/r1", "changed");
  other.create("/c/r4", "", ZOO_PERSISTENT);
  one.inbox.wait("the session again", [&] { return one.inbox.connected == 2; });
  std::printf("same session: %d\n", zoo_client_id(one.handle)->client_id == session);
  one.exists("/c/e");
  other.create("/c/r3/child", "", ZOO_PERSISTENT);
  other.remove("/c/r2");
  one.events(4);
  std::sort(one.inbox.events.begin(), one.inbox.events.end());  // what was missed and what is new: no order
  one.inbox.print_events();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  zoo_set_debug_level(static_cast<ZooLogLevel>(0));
  Client one(argv[1]), other(argv[2]);
  std::printf("timeout %d state %d\n", zoo_recv_timeout(one.handle), zoo_state(one.handle));
  everything(one);
  rights(one, other);
  watches(one, other);
  reconnect(one, other);
  other.exists("/c/e", true);
  say("close", one.close());
  other.print_events(1);  // close() does not wait for its answer for ever
  other.exists("/c/e");
  other.children("/c");
  other.add_auth("no-such", "x");
  say("close", other.close());
}
