package clients;

import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;

/** The cluster at CONNECT_URL, and patience with it. */
final class Connecting {
    static final String URL = System.getenv("CONNECT_URL");
    static final String USER = System.getenv("CONNECT_USER");
    static final String PASSWORD = System.getenv("CONNECT_PASSWORD");
    static final String FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector";

    private Connecting() {}

    static Map<String, String> sourceConfig(String file) {
        return Map.of("connector.class", FILE_SOURCE, "tasks.max", "1", "file", file, "topic", "lines");
    }

    /** Asks until nothing is thrown and the answer is the wanted one: statuses and rebalances take a moment. */
    static void eventually(Object wanted, Callable<?> ask) throws Exception {
        Object last = null;
        for (long end = System.nanoTime() + 30_000_000_000L; System.nanoTime() < end; Thread.sleep(100)) {
            try {
                last = ask.call();
                if (Objects.equals(last, wanted)) {
                    return;
                }
            } catch (Exception notYet) {
                last = notYet;
            }
        }
        throw new AssertionError("not " + wanted + " but " + last);
    }
}
