import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.BufferedInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.CRC32;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.persistence.FileSnap;
import org.apache.zookeeper.server.persistence.FileTxnLog;
import org.apache.zookeeper.server.persistence.SnapStream;
import org.apache.zookeeper.server.persistence.Util;
import org.apache.zookeeper.txn.TxnDigest;
import org.apache.zookeeper.txn.TxnHeader;

/**
 * What Apache's own classes accept: one line for each case of a bundle. ../accepts.cc prints the same lines for zkark,
 * and ../accepts_test.py says what a bundle is and compares.
 */
public final class Accepts {
    private final Path dir;

    private Accepts(Path dir) {
        this.dir = dir;
    }

    public static void main(String[] args) throws IOException {
        Path scratch = Files.createTempDirectory(Files.isDirectory(Path.of("/dev/shm")) ? Path.of("/dev/shm") : Path.of(args[1]).getParent(), "zk-accepts");
        Accepts accepts = new Accepts(scratch);
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(args[0]), 1 << 16));
            PrintStream out = new PrintStream(args[1], StandardCharsets.UTF_8)) {
            while (in.available() > 0) {
                String kind = in.readUTF();
                byte[] content = new byte[in.readInt()];
                in.readFully(content);
                out.println(accepts.verdict(kind, content));
            }
        } finally {
            Files.delete(scratch);
        }
    }

    private String verdict(String kind, byte[] content) throws IOException {
        switch (kind) {
            case "log.1":
                return log(content);
            case "snapshot.1":
            case "snapshot.1.gz":
            case "snapshot.1.snappy":
                return snapshot(kind, content);
            case "properties":
                return properties(content);
            case "epoch":
                return epoch(content);
            case "name":
                return name(new String(content, StandardCharsets.ISO_8859_1));
            default:
                throw new IOException("unknown kind " + kind);
        }
    }

    /** How many records are read, what their headers and digests say, and whether a server would go on. */
    private String log(byte[] content) throws IOException {
        Path file = dir.resolve("log.1");
        Files.write(file, content);
        int records = 0;
        CRC32 seen = new CRC32();
        String end = "end";
        try (FileTxnLog.FileTxnIterator log = new FileTxnLog.FileTxnIterator(dir.toFile(), 0, false)) {
            for (boolean more = log.getHeader() != null; more; more = log.next()) {
                records++;
                add(seen, log.getHeader(), log.getTxn() != null, log.getDigest());
            }
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            end = "refused";
        } finally {
            Files.delete(file);
        }
        // What comes before a refusal in the same file is not told: the constructor reads the first record itself.
        return end.equals("end") ? end + " " + records + " " + Long.toHexString(seen.getValue()) : end;
    }

    private static void add(CRC32 seen, TxnHeader h, boolean body, TxnDigest digest) {
        ByteBuffer fields = ByteBuffer.allocate(64);
        fields.putLong(h.getClientId()).putInt(h.getCxid()).putLong(h.getZxid()).putLong(h.getTime()).putInt(h.getType());
        fields.put((byte) (body ? 1 : 0)).put((byte) (digest == null ? 0 : 1));
        if (digest != null) {
            fields.putInt(digest.getVersion()).putLong(digest.getTreeDigest());
        }
        seen.update(fields.array(), 0, fields.position());
    }

    private String snapshot(String name, byte[] content) throws IOException {
        Path file = dir.resolve(name);
        Files.write(file, content);
        try {
            DataTree tree = new DataTree();
            ConcurrentHashMap<Long, Integer> sessions = new ConcurrentHashMap<>();
            if (new FileSnap(dir.toFile()).deserialize(tree, sessions) == -1) {
                return "refused";
            }
            return "loaded " + sessions.size();
        } catch (IOException | RuntimeException | Error e) {
            return "refused";
        } finally {
            Files.delete(file);
        }
    }

    private static String properties(byte[] content) throws IOException {
        Properties properties = new Properties();
        try {
            properties.load(new ByteArrayInputStream(content));
        } catch (IllegalArgumentException e) {
            return "refused";
        }
        TreeMap<String, String> sorted = new TreeMap<>();
        for (String key : properties.stringPropertyNames()) {
            sorted.put(hex(key), hex(properties.getProperty(key)));
        }
        return "read " + sorted;
    }

    /** UTF-8; half a surrogate pair alone is U+FFFD. */
    private static String hex(String text) {
        StringBuilder whole = new StringBuilder();
        text.codePoints().forEach(c -> whole.appendCodePoint(c >= 0xd800 && c < 0xe000 ? 0xfffd : c));
        StringBuilder out = new StringBuilder();
        for (byte b : whole.toString().getBytes(StandardCharsets.UTF_8)) {
            out.append(String.format("%02x", b));
        }
        return out.toString();
    }

    /** QuorumPeer.readLongFromFile. */
    private static String epoch(byte[] content) throws IOException {
        try (BufferedReader reader = new BufferedReader(new StringReader(new String(content, StandardCharsets.ISO_8859_1)))) {
            return "read " + Long.parseLong(reader.readLine());
        } catch (NumberFormatException e) {
            return "refused";
        }
    }

    private static String name(String name) {
        long log = Util.getZxidFromName(name, FileTxnLog.LOG_FILE_PREFIX);
        long snapshot = Util.getZxidFromName(name, FileSnap.SNAPSHOT_FILE_PREFIX);
        if (log >= 0) {
            return "log " + log;
        }
        if (snapshot != -1) {
            return "snapshot " + snapshot + " " + SnapStream.getStreamMode(new File(name).getName()).getName();
        }
        return "other";
    }
}
