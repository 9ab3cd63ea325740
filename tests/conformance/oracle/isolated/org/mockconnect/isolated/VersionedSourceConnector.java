package org.mockconnect.isolated;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** A source with one task that does nothing. */
public class VersionedSourceConnector extends SourceConnector {
    private Map<String, String> config;

    @Override
    public String version() {
        return Told.version();
    }

    @Override
    public ConfigDef config() {
        return Told.definition();
    }

    @Override
    public void start(Map<String, String> config) {
        this.config = config;
    }

    @Override
    public Class<? extends Task> taskClass() {
        return IdleTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        return Collections.singletonList(config);
    }

    @Override
    public void stop() {
    }

    /** Its task. */
    public static class IdleTask extends SourceTask {
        @Override
        public String version() {
            return Told.version();
        }

        @Override
        public void start(Map<String, String> config) {
        }

        @Override
        public List<SourceRecord> poll() throws InterruptedException {
            Thread.sleep(100);
            return null;
        }

        @Override
        public void stop() {
        }
    }
}
