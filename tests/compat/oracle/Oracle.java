import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.zip.CheckedInputStream;
import org.apache.jute.BinaryInputArchive;
import org.apache.jute.Record;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs.OpCode;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.persistence.FileSnap;
import org.apache.zookeeper.server.persistence.FileTxnLog;
import org.apache.zookeeper.server.persistence.FileTxnSnapLog;
import org.apache.zookeeper.server.persistence.SnapStream;
import org.apache.zookeeper.server.persistence.Util;
import org.apache.zookeeper.txn.MultiTxn;
import org.apache.zookeeper.txn.Txn;
import org.apache.zookeeper.txn.TxnDigest;
import org.apache.zookeeper.txn.TxnHeader;

/**
 * Says what Apache ZooKeeper's own classes make of a file or a data directory.
 *
 * <p>Commands and output are described in ../README.md. Inputs are never written to: every run works in
 * a directory of its own made of symbolic links.
 */
public final class Oracle {
    private final PrintStream out;
    private String without;
    private Set<String> only;

    private Oracle(PrintStream out) {
        this.out = out;
    }

    public static void main(String[] args) throws IOException {
        if (args.length == 1 && args[0].equals("batch")) {
            batch();
            return;
        }
        PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, StandardCharsets.UTF_8);
        boolean known = new Oracle(out).run(Arrays.asList(args));
        out.flush();
        if (!known) {
            System.err.println("usage: Oracle records FILE | replay DIR [--log-dir DIR] [--trust-empty] [--only ZXID,...] [--without PATH]"
                + " | dump DIR|SNAPSHOT [--log-dir DIR] [--start NAME] [--at ZXID] [--without PATH] | batch");
            System.exit(2);
        }
    }

    /** One JVM for many files: each line of stdin is OUTPUT, then a command, separated by tabs. */
    private static void batch() throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            List<String> words = Arrays.asList(line.split("\t"));
            try (PrintStream file = new PrintStream(words.get(0), StandardCharsets.UTF_8)) {
                new Oracle(file).run(words.subList(1, words.size()));
            }
        }
    }

    private boolean run(List<String> args) throws IOException {
        if (args.size() < 2) {
            return false;
        }
        File where = new File(args.get(1));
        without = option(args, "--without");
        only = option(args, "--only") == null ? null : Set.of(option(args, "--only").split(","));
        switch (args.get(0)) {
            case "records":
                records(where);
                return true;
            case "replay":
                replay(where, logDir(args, where), args.contains("--trust-empty"));
                return true;
            case "dump":
                dump(where, logDir(args, where), option(args, "--start"), option(args, "--at"));
                return true;
            default:
                return false;
        }
    }

    private static String option(List<String> args, String name) {
        int at = args.indexOf(name);
        return at < 0 || at + 1 == args.size() ? null : args.get(at + 1);
    }

    /** Where dataLogDir is not dataDir. */
    private static File logDir(List<String> args, File dataDir) {
        String other = option(args, "--log-dir");
        return other == null ? dataDir : new File(other);
    }

    private void records(File file) throws IOException {
        try (Scratch scratch = new Scratch()) {
            String name = Util.getZxidFromName(file.getName(), FileTxnLog.LOG_FILE_PREFIX) < 0 ? "log.0" : file.getName();
            scratch.link(file, name);
            try (FileTxnLog.FileTxnIterator records = new FileTxnLog.FileTxnIterator(scratch.version2, 0)) {
                for (boolean more = records.getHeader() != null; more; more = records.next()) {
                    record(records.getHeader(), records.getTxn(), records.getDigest());
                }
                out.println("end");
            } catch (IOException | RuntimeException e) {
                out.println("error " + reason(e));
            }
        }
    }

    private void record(TxnHeader h, Record txn, TxnDigest digest) throws IOException {
        String mark = digest == null ? "-" : digest.getVersion() + ":" + hex(digest.getTreeDigest());
        out.println(hex(h.getZxid()) + " " + hex(h.getClientId()) + " " + h.getCxid() + " " + h.getTime() + " "
            + h.getType() + " " + Canonical.body(h.getType(), txn) + " digest=" + mark);
    }

    /** Every start a server could choose, oldest first. */
    private void replay(File dir, File logDir, boolean trustEmpty) throws IOException {
        List<File> logs = files(logDir, FileTxnLog.LOG_FILE_PREFIX);
        if (!logs.isEmpty() && (trustEmpty || firstZxid(logs.get(0)) == 1)) {
            section(null, logs, this::show);
        }
        for (File snapshot : files(dir, FileSnap.SNAPSHOT_FILE_PREFIX)) {
            section(snapshot, logs, this::show);
        }
    }

    /** The sums cost a walk over the whole tree, so a caller may ask for some points only. */
    private void show(Loader loader, long zxid) {
        if (only == null || only.contains(hex(zxid))) {
            out.println(hex(zxid) + " " + loader.summary());
        }
    }

    private void section(File snapshot, List<File> logs, BiConsumer<Loader, Long> each) throws IOException {
        try (Scratch scratch = new Scratch()) {
            String name = snapshot == null ? "initial" : snapshot.getName();
            Loader loader = load(scratch, snapshot, e -> out.println("refused " + name + " " + reason(e)));
            out.println((loader.withoutTail ? "start-without-tail " : "start ") + name + " "
                + hex(loader.tree.lastProcessedZxid) + " " + loader.summary());
            loader.tree.addDigestWatcher(zxid -> out.println("mismatch " + hex(zxid)));
            for (File log : logs) {
                scratch.link(log, log.getName());
            }
            try {
                out.println("end " + hex(loader.forward(scratch, each)));
            } catch (IOException | RuntimeException e) {
                out.println("error " + reason(e));
            }
        }
    }

    private void dump(File where, File logDir, String start, String at) throws IOException {
        File snapshot = where.isFile() ? where : null;
        List<File> logs = where.isFile() ? List.of() : files(logDir, FileTxnLog.LOG_FILE_PREFIX);
        if (snapshot == null && !"initial".equals(start)) {
            List<File> all = files(where, FileSnap.SNAPSHOT_FILE_PREFIX);
            all.removeIf(f -> start != null && !f.getName().equals(start));
            snapshot = all.isEmpty() ? null : all.get(all.size() - 1);
        }
        long last = at == null ? Long.MAX_VALUE : Long.parseUnsignedLong(at.replaceFirst("^0x", ""), 16);
        try (Scratch scratch = new Scratch()) {
            Loader loader = load(scratch, snapshot, e -> { });
            for (File log : logs) {
                scratch.link(log, log.getName());
            }
            String[] text = {loader.text()};
            if (at == null) {
                loader.forward(scratch, (l, zxid) -> { });
                text[0] = loader.text();
            } else {
                loader.forward(scratch, (l, zxid) -> text[0] = zxid <= last ? l.text() : text[0]);
            }
            out.print(text[0]);
        }
    }

    /** Loads one snapshot; if a server would refuse it, says why and leaves its tail unread. */
    private Loader load(Scratch scratch, File snapshot, Consumer<Exception> refused) throws IOException {
        Loader loader = new Loader();
        try {
            loader.load(scratch, snapshot);
        } catch (IOException | RuntimeException e) {
            refused.accept(e);
            loader = new Loader();
            loader.loadWithoutTail(snapshot);
        }
        return loader;
    }

    /** A tree and its session table, filled the way FileTxnSnapLog.restore fills them. */
    private final class Loader {
        final DataTree tree = new DataTree();
        final ConcurrentHashMap<Long, Integer> sessions = new ConcurrentHashMap<>();

        boolean withoutTail;

        private void load(Scratch scratch, File snapshot) throws IOException {
            if (snapshot == null) {
                return;
            }
            scratch.link(snapshot, snapshot.getName());
            if (new FileSnap(scratch.version2).deserialize(tree, sessions) < 0) {
                throw new IOException("not a complete snapshot");
            }
        }

        private void loadWithoutTail(File snapshot) throws IOException {
            withoutTail = true;
            try (CheckedInputStream in = SnapStream.getInputStream(snapshot)) {
                new FileSnap(null).deserialize(tree, sessions, BinaryInputArchive.getArchive(in));
            }
            tree.lastProcessedZxid = Util.getZxidFromName(snapshot.getName(), FileSnap.SNAPSHOT_FILE_PREFIX);
        }

        long forward(Scratch scratch, BiConsumer<Loader, Long> each) throws IOException {
            FileTxnSnapLog log = new LaterCreate2(scratch.dir);
            try {
                return log.fastForwardFromEdits(tree, sessions, (header, txn, digest) -> each.accept(this, header.getZxid()));
            } finally {
                log.close();
            }
        }

        String text() {
            return Canonical.state(tree, sessions, without);
        }

        String summary() {
            return hex(tree.getTreeDigest()) + " " + Canonical.sha256(text());
        }
    }

    /**
     * Releases from 3.7.2, 3.8.2 and 3.9 log a create2 inside a multi as type 15. 3.8.0 does not know it there, and
     * silently applies nothing of that multi; what it does with type 1 is what the later releases do with 15.
     */
    private static final class LaterCreate2 extends FileTxnSnapLog {
        LaterCreate2(File dir) throws IOException {
            super(dir, dir);
        }

        @Override
        public void processTransaction(TxnHeader header, DataTree tree, Map<Long, Integer> sessions, Record txn)
            throws KeeperException.NoNodeException {
            if (txn instanceof MultiTxn) {
                for (Txn op : ((MultiTxn) txn).getTxns()) {
                    op.setType(op.getType() == OpCode.create2 ? OpCode.create : op.getType());
                }
            }
            super.processTransaction(header, tree, sessions, txn);
        }
    }

    /** A data directory of links, so that Apache's classes see exactly the files we choose. */
    private static final class Scratch implements AutoCloseable {
        final File dir = Files.createTempDirectory("zk-oracle").toFile();
        final File version2 = new File(dir, "version-2");

        Scratch() throws IOException {
            Files.createDirectory(version2.toPath());
        }

        void link(File file, String name) throws IOException {
            Path link = new File(version2, name).toPath();
            if (!Files.exists(link)) {
                Files.createSymbolicLink(link, file.getCanonicalFile().toPath());
            }
        }

        @Override
        public void close() throws IOException {
            for (File f : version2.listFiles()) {
                Files.delete(f.toPath());
            }
            Files.delete(version2.toPath());
            Files.delete(dir.toPath());
        }
    }

    /** Files a server would consider, by zxid; flat directories and version-2 alike. */
    private static List<File> files(File dir, String prefix) {
        File version2 = new File(dir, "version-2");
        File[] all = (version2.isDirectory() ? version2 : dir).listFiles();
        List<File> found = new ArrayList<>();
        for (File f : all == null ? new File[0] : all) {
            if (Util.getZxidFromName(f.getName(), prefix) != -1) {
                found.add(f);
            }
        }
        found.sort(Comparator.comparingLong((File f) -> Util.getZxidFromName(f.getName(), prefix)).thenComparing(File::getName));
        return found;
    }

    private static long firstZxid(File log) throws IOException {
        try (Scratch scratch = new Scratch()) {
            scratch.link(log, log.getName());
            try (FileTxnLog.FileTxnIterator records = new FileTxnLog.FileTxnIterator(scratch.version2, 0)) {
                return records.getHeader() == null ? -1 : records.getHeader().getZxid();
            } catch (IOException | RuntimeException e) {
                return -1;
            }
        }
    }

    /** The class alone where the message would carry a scratch name. */
    private static String reason(Throwable e) {
        String message = String.valueOf(e.getMessage());
        return e.getClass().getSimpleName() + (message.contains("zk-oracle") ? "" : ": " + message.replace('\n', ' '));
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
