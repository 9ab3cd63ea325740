package org.mockconnect.testing;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Emits test.records records, one per poll, each with offset {"position": n} of partition {"task": id}. */
public class TestSourceTask extends SourceTask {
    private Behaviour behaviour;
    private String id;
    private long emitted;

    @Override
    public String version() {
        return "1.0.0";
    }

    @Override
    public void start(Map<String, String> config) {
        behaviour = new Behaviour(config);
        id = behaviour.text("test.task.id", "0");
        behaviour.taskStep("task.start", id);
        Map<String, Object> offset = context.offsetStorageReader().offset(Collections.singletonMap("task", id));
        emitted = offset == null ? 0 : ((Number) offset.get("position")).longValue();
    }

    @Override
    public List<SourceRecord> poll() throws InterruptedException {
        if (emitted >= behaviour.number("test.task.error.after.records", 0)) {
            behaviour.taskStep("task.work", id);
        }
        if (emitted >= behaviour.number("test.records", 0)) {
            Thread.sleep(100);
            return null;
        }
        emitted++;
        return Collections.singletonList(new SourceRecord(
            Collections.singletonMap("task", id), Collections.singletonMap("position", emitted),
            behaviour.text("test.topic", "test"), null, Schema.STRING_SCHEMA, "record " + emitted));
    }

    @Override
    public void stop() {
        if (behaviour != null) {
            behaviour.taskStep("task.stop", id);
        }
    }
}
