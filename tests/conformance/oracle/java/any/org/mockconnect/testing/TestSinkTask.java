package org.mockconnect.testing;

import java.util.Collection;
import java.util.Map;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** Takes records and forgets them. */
public class TestSinkTask extends SinkTask {
    private Behaviour behaviour;
    private String id;
    private long taken;

    @Override
    public String version() {
        return "1.0.0";
    }

    @Override
    public void start(Map<String, String> config) {
        behaviour = new Behaviour(config);
        id = behaviour.text("test.task.id", "0");
        behaviour.taskStep("task.start", id);
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        taken += records.size();
        if (taken >= behaviour.number("test.task.error.after.records", 0)) {
            behaviour.taskStep("task.work", id);
        }
    }

    @Override
    public void stop() {
        if (behaviour != null) {
            behaviour.taskStep("task.stop", id);
        }
    }
}
