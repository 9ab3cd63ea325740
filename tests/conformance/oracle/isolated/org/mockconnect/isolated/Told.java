package org.mockconnect.isolated;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.apache.kafka.common.config.ConfigDef;

/** The version that these classes tell: a text file beside them, so that one source makes jars of many versions. */
final class Told {
    private Told() {
    }

    static String version() {
        try (InputStream stream = Told.class.getResourceAsStream("version.txt")) {
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            for (int octet = stream.read(); octet >= 0; octet = stream.read()) {
                text.write(octet);
            }
            return text.toString("UTF-8").trim();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A key whose default tells the version, and one that only version 2 demands. */
    static ConfigDef definition() {
        ConfigDef definition = new ConfigDef()
            .define("told.version", ConfigDef.Type.STRING, version(), ConfigDef.Importance.LOW, "");
        return version().startsWith("2")
            ? definition.define("told.since.2", ConfigDef.Type.INT, ConfigDef.Importance.HIGH, "")
            : definition;
    }
}
