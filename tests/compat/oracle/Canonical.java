import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.jute.BinaryInputArchive;
import org.apache.jute.Record;
import org.apache.zookeeper.ZooDefs.OpCode;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.StatPersisted;
import org.apache.zookeeper.server.DataNode;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.util.SerializeUtils;
import org.apache.zookeeper.txn.CheckVersionTxn;
import org.apache.zookeeper.txn.CloseSessionTxn;
import org.apache.zookeeper.txn.CreateContainerTxn;
import org.apache.zookeeper.txn.CreateSessionTxn;
import org.apache.zookeeper.txn.CreateTTLTxn;
import org.apache.zookeeper.txn.CreateTxn;
import org.apache.zookeeper.txn.DeleteTxn;
import org.apache.zookeeper.txn.ErrorTxn;
import org.apache.zookeeper.txn.MultiTxn;
import org.apache.zookeeper.txn.SetACLTxn;
import org.apache.zookeeper.txn.SetDataTxn;
import org.apache.zookeeper.txn.Txn;

/** The text forms that both sides of the comparison print; ../README.md is their contract. */
final class Canonical {
    private static final char[] HEX = "0123456789abcdef".toCharArray();

    private Canonical() {}

    /** The whole state as text: nodes by path bytes, then sessions by id; `without` names one node to leave out, or is null. */
    static String state(DataTree tree, Map<Long, Integer> sessions, String without) {
        StringBuilder out = new StringBuilder();
        TreeMap<byte[], DataNode> nodes = reachable(tree);
        if (without != null) {
            nodes.remove(without.getBytes(StandardCharsets.UTF_8));
        }
        for (Map.Entry<byte[], DataNode> entry : nodes.entrySet()) {
            node(out, tree, entry.getKey(), entry.getValue());
        }
        for (Map.Entry<Long, Integer> s : new TreeMap<>(sessions).entrySet()) {
            out.append("session\t0x").append(Long.toHexString(s.getKey())).append('\t').append(s.getValue()).append('\n');
        }
        return out.toString();
    }

    static String sha256(String text) {
        try {
            return hex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Nodes found by walking child lists, as Apache does when it writes a snapshot. */
    private static TreeMap<byte[], DataNode> reachable(DataTree tree) {
        TreeMap<byte[], DataNode> nodes = new TreeMap<>(Arrays::compareUnsigned);
        ArrayDeque<String> todo = new ArrayDeque<>(List.of("/"));
        while (!todo.isEmpty()) {
            String path = todo.pop();
            DataNode node = tree.getNode(path);
            if (node == null) {
                continue;
            }
            nodes.put(path.getBytes(StandardCharsets.UTF_8), node);
            for (String child : node.getChildren()) {
                todo.push(path.equals("/") ? "/" + child : path + "/" + child);
            }
        }
        return nodes;
    }

    private static void node(StringBuilder out, DataTree tree, byte[] path, DataNode node) {
        StatPersisted s = node.stat;
        out.append(path(path)).append('\t').append(data(node.getData())).append('\t').append(aclOf(tree, node)).append('\t');
        long[] numbers = {s.getCzxid(), s.getMzxid(), s.getPzxid(), s.getCtime(), s.getMtime(),
            s.getVersion(), s.getCversion(), s.getAversion(), s.getEphemeralOwner()};
        for (int i = 0; i < numbers.length; i++) {
            out.append(i == 0 ? "" : " ").append(numbers[i]);
        }
        out.append('\n');
    }

    /** A node of a fuzzy snapshot may name an ACL list the table does not hold yet. */
    private static String aclOf(DataTree tree, DataNode node) {
        try {
            return acl(tree.getACL(node));
        } catch (RuntimeException e) {
            return "?";
        }
    }

    static String data(byte[] data) {
        return data == null ? "-" : hex(data);
    }

    static String acl(List<ACL> acls) {
        if (acls == null) {
            return "-";
        }
        StringBuilder out = new StringBuilder();
        for (ACL acl : acls) {
            byte[] id = acl.getId().getId() == null ? new byte[0] : acl.getId().getId().getBytes(StandardCharsets.UTF_8);
            out.append(out.length() == 0 ? "" : ",").append(acl.getPerms()).append(':').append(acl.getId().getScheme()).append(':');
            for (byte b : id) {
                percent(out, b, b < '!' || b > '~' || b == ',' || b == ':' || b == '%');
            }
        }
        return out.toString();
    }

    static String path(String path) {
        return path == null ? "-" : path(path.getBytes(StandardCharsets.UTF_8));
    }

    private static String path(byte[] path) {
        boolean plain = true;
        for (byte b : path) {
            plain &= !escaped(b);
        }
        if (plain) {
            return new String(path, StandardCharsets.UTF_8);
        }
        java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
        for (byte b : path) {
            StringBuilder one = new StringBuilder();
            if (escaped(b)) {
                percent(one, b, true);
                bytes.writeBytes(one.toString().getBytes(StandardCharsets.US_ASCII));
            } else {
                bytes.write(b);
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static boolean escaped(byte b) {
        return (b >= 0 && b < 0x21) || b == 0x7f || b == '%';
    }

    private static void percent(StringBuilder out, byte b, boolean escape) {
        if (escape) {
            out.append('%').append(HEX[(b >> 4) & 15]).append(HEX[b & 15]);
        } else {
            out.append((char) b);
        }
    }

    private static String hex(byte[] bytes) {
        StringBuilder out = new StringBuilder(bytes.length * 2);
        for (byte b : bytes) {
            out.append(HEX[(b >> 4) & 15]).append(HEX[b & 15]);
        }
        return out.toString();
    }

    /** The body of a txn, fields in the order of the record. `txn` is null where Apache found no body. */
    static String body(int type, Record txn) throws IOException {
        if (txn instanceof CreateTxn) {
            CreateTxn t = (CreateTxn) txn;
            return "path=" + path(t.getPath()) + " data=" + data(t.getData()) + " acl=" + acl(t.getAcl())
                + " ephemeral=" + (t.getEphemeral() ? 1 : 0) + " parentCVersion=" + t.getParentCVersion();
        }
        if (txn instanceof CreateContainerTxn) {
            CreateContainerTxn t = (CreateContainerTxn) txn;
            return "path=" + path(t.getPath()) + " data=" + data(t.getData()) + " acl=" + acl(t.getAcl())
                + " parentCVersion=" + t.getParentCVersion();
        }
        if (txn instanceof CreateTTLTxn) {
            CreateTTLTxn t = (CreateTTLTxn) txn;
            return "path=" + path(t.getPath()) + " data=" + data(t.getData()) + " acl=" + acl(t.getAcl())
                + " parentCVersion=" + t.getParentCVersion() + " ttl=" + t.getTtl();
        }
        if (txn instanceof DeleteTxn) {
            return "path=" + path(((DeleteTxn) txn).getPath());
        }
        if (txn instanceof SetDataTxn) {
            SetDataTxn t = (SetDataTxn) txn;
            return "path=" + path(t.getPath()) + " data=" + data(t.getData()) + " version=" + t.getVersion();
        }
        if (txn instanceof SetACLTxn) {
            SetACLTxn t = (SetACLTxn) txn;
            return "path=" + path(t.getPath()) + " acl=" + acl(t.getAcl()) + " version=" + t.getVersion();
        }
        if (txn instanceof CheckVersionTxn) {
            CheckVersionTxn t = (CheckVersionTxn) txn;
            return "path=" + path(t.getPath()) + " version=" + t.getVersion();
        }
        if (txn instanceof CreateSessionTxn) {
            return "timeout=" + ((CreateSessionTxn) txn).getTimeOut();
        }
        if (txn instanceof ErrorTxn) {
            return "err=" + ((ErrorTxn) txn).getErr();
        }
        if (txn instanceof CloseSessionTxn) {
            return closed(((CloseSessionTxn) txn).getPaths2Delete());
        }
        if (txn instanceof MultiTxn) {
            return multi((MultiTxn) txn);
        }
        if (txn == null && type == OpCode.closeSession) {
            return "paths=-";
        }
        throw new IOException("no text form for type " + type + " " + txn);
    }

    private static String closed(List<String> paths) {
        if (paths == null) {
            return "paths=-";
        }
        StringBuilder out = new StringBuilder("paths=" + paths.size());
        for (String p : paths) {
            out.append(' ').append(path(p));
        }
        return out.toString();
    }

    private static String multi(MultiTxn multi) throws IOException {
        StringBuilder out = new StringBuilder("ops=" + multi.getTxns().size());
        for (Txn op : multi.getTxns()) {
            Record record = emptyRecord(op.getType());
            ByteBuffer bytes = ByteBuffer.wrap(op.getData());
            record.deserialize(BinaryInputArchive.getArchive(new ByteArrayInputStream(bytes.array())), "txn");
            out.append(" ; ").append(op.getType()).append(' ').append(body(op.getType(), record));
        }
        return out.toString();
    }

    /** The record types DataTree.processTxn accepts inside a multi. */
    private static Record emptyRecord(int type) throws IOException {
        switch (type) {
            case OpCode.create:
            case OpCode.create2:
                return new CreateTxn();
            case OpCode.createTTL:
                return new CreateTTLTxn();
            case OpCode.createContainer:
                return new CreateContainerTxn();
            case OpCode.delete:
            case OpCode.deleteContainer:
                return new DeleteTxn();
            case OpCode.setData:
                return new SetDataTxn();
            case OpCode.error:
                return new ErrorTxn();
            case OpCode.check:
                return new CheckVersionTxn();
            default:
                throw new IOException("op type " + type + " inside a multi");
        }
    }
}
