package org.mockconnect.testing;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.source.SourceConnector;

/** A source that leaves alterOffsets to the framework's default, and has no version. */
public class NoOffsetsSourceConnector extends SourceConnector {
    private Behaviour behaviour;

    @Override
    public String version() {
        return null;
    }

    @Override
    public ConfigDef config() {
        return Behaviour.definition();
    }

    @Override
    public void start(Map<String, String> config) {
        behaviour = new Behaviour(config);
    }

    @Override
    public Class<? extends Task> taskClass() {
        return TestSourceTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        return behaviour.taskConfigs(maxTasks);
    }

    @Override
    public void stop() {
    }
}
