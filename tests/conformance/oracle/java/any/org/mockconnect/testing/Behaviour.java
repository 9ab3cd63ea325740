package org.mockconnect.testing;

import java.io.File;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * How a test connector behaves, forced by its config. For a step S (start, stop, taskconfigs, validate, alter,
 * task.start, task.stop, task.work) the keys are test.S.delay.ms, test.S.error (a text to fail with) and
 * test.S.error.times (fail only so often, counted per connector name in this JVM; -1 is always). Keys that no definition
 * has: test.S.error.file names a file, and it fails only while there is one; test.S.error.after.ms is how old the
 * connector or task must be to fail; test.S.error.bytes is how long the text is at least (it is repeated);
 * test.S.wait.file names a file, and the step is not over while there is one. A key that begins with task.N. counts
 * in task N, in place of the key without.
 */
final class Behaviour {
    private static final String[] STEPS = {
        "start", "stop", "taskconfigs", "validate", "alter", "task.start", "task.stop", "task.work"
    };
    private static final Map<String, AtomicInteger> COUNTS = new ConcurrentHashMap<>();

    private final Map<String, String> config;
    private final long born = System.currentTimeMillis();

    Behaviour(Map<String, String> given) {
        config = new HashMap<>(given);
        String own = "task." + given.get("test.task.id") + ".";
        given.forEach((key, value) -> {
            if (key.startsWith(own)) {
                config.put(key.substring(own.length()), value);
            }
        });
    }

    static ConfigDef definition() {
        ConfigDef definition = new ConfigDef()
            .define("test.tasks", ConfigDef.Type.INT, -1, ConfigDef.Importance.LOW, "")
            .define("test.task.error.ids", ConfigDef.Type.LIST, "", ConfigDef.Importance.LOW, "")
            .define("test.task.error.after.records", ConfigDef.Type.LONG, 0L, ConfigDef.Importance.LOW, "")
            .define("test.records", ConfigDef.Type.LONG, 0L, ConfigDef.Importance.LOW, "")
            .define("test.topic", ConfigDef.Type.STRING, "test", ConfigDef.Importance.LOW, "")
            .define("test.offsets", ConfigDef.Type.STRING, "true",
                ConfigDef.ValidString.in("true", "false", "unsupported"), ConfigDef.Importance.LOW, "");
        for (String step : STEPS) {
            definition.define("test." + step + ".delay.ms", ConfigDef.Type.LONG, 0L, ConfigDef.Importance.LOW, "");
            definition.define("test." + step + ".error", ConfigDef.Type.STRING, null, ConfigDef.Importance.LOW, "");
            definition.define("test." + step + ".error.times", ConfigDef.Type.INT, -1, ConfigDef.Importance.LOW, "");
        }
        return definition;
    }

    String text(String key, String otherwise) {
        String value = config.get(key);
        return value == null ? otherwise : value;
    }

    long number(String key, long otherwise) {
        String value = config.get(key);
        return value == null || value.isEmpty() ? otherwise : Long.parseLong(value.trim());
    }

    /** Be as slow at this step as the config says, then fail if it says so. */
    void step(String step) {
        beSlow(step);
        failIfAsked(step);
    }

    /** A step of one task: it fails only if the task is listed, or none is. */
    void taskStep(String step, String task) {
        beSlow(step);
        String ids = text("test.task.error.ids", "").trim();
        if (ids.isEmpty() || Arrays.asList(ids.split("\\s*,\\s*")).contains(task)) {
            failIfAsked(step);
        }
    }

    private void beSlow(String step) {
        pause(number("test." + step + ".delay.ms", 0));
        String file = text("test." + step + ".wait.file", null);
        while (file != null && new File(file).exists()) {
            pause(100);
        }
    }

    private void failIfAsked(String step) {
        String error = text("test." + step + ".error", null);
        String file = text("test." + step + ".error.file", null);
        if (error == null || (file != null && !new File(file).exists())) {
            return;
        }
        if (System.currentTimeMillis() - born < number("test." + step + ".error.after.ms", 0)) {
            return;
        }
        long times = number("test." + step + ".error.times", -1);
        String counter = text("name", "") + "/" + step + "/" + text("test.task.id", "");
        if (times < 0 || COUNTS.computeIfAbsent(counter, key -> new AtomicInteger()).getAndIncrement() < times) {
            StringBuilder text = new StringBuilder(error);
            while (text.length() < number("test." + step + ".error.bytes", 0)) {
                text.append(' ').append(error);
            }
            throw new ConnectException(text.toString());
        }
    }

    private static void pause(long ms) {
        if (ms <= 0) {
            return;
        }
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ConnectException("interrupted", e);
        }
    }

    /** The task configs: as many as test.tasks says, or tasks.max. Each is the whole config and its own number. */
    java.util.List<Map<String, String>> taskConfigs(int maxTasks) {
        step("taskconfigs");
        long wanted = number("test.tasks", -1);
        long count = wanted < 0 ? maxTasks : wanted;
        java.util.List<Map<String, String>> configs = new java.util.ArrayList<>();
        for (int id = 0; id < count; id++) {
            Map<String, String> task = new HashMap<>(config);
            task.put("test.task.id", Integer.toString(id));
            configs.add(task);
        }
        return configs;
    }

    boolean alterOffsets() {
        step("alter");
        String answer = text("test.offsets", "true");
        if (answer.equals("unsupported")) {
            throw new UnsupportedOperationException("this connector does not let offsets be altered");
        }
        return Boolean.parseBoolean(answer);
    }
}
