package org.mockconnect.testing;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

/** A sink whose every step is forced by its config, see Behaviour. */
public class TestSinkConnector extends SinkConnector {
    private Behaviour behaviour;

    @Override
    public String version() {
        return "1.0.0";
    }

    @Override
    public ConfigDef config() {
        return Behaviour.definition();
    }

    @Override
    public Config validate(Map<String, String> config) {
        new Behaviour(config).step("validate");
        return super.validate(config);
    }

    @Override
    public void start(Map<String, String> config) {
        behaviour = new Behaviour(config);
        behaviour.step("start");
    }

    @Override
    public Class<? extends Task> taskClass() {
        return TestSinkTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        return behaviour.taskConfigs(maxTasks);
    }

    @Override
    public void stop() {
        if (behaviour != null) {
            behaviour.step("stop");
        }
    }

    /** Overrides a method that came with 3.6; older releases never call it. */
    public boolean alterOffsets(Map<String, String> config, Map<org.apache.kafka.common.TopicPartition, Long> offsets) {
        return new Behaviour(config).alterOffsets();
    }
}
