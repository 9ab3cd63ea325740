package org.mockconnect.testing;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.Width;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigValue;

/**
 * A source with a config key of every type and validator, with recommenders and dependents. The key typed.validate
 * chooses what validate() does: default, extra (a value for an undefined key), omit (leave a defined key out),
 * null, throw, configexception.
 */
public class TypedSourceConnector extends TestSourceConnector {
    private static final String GROUP = "Typed";

    @Override
    public ConfigDef config() {
        return new ConfigDef()
            .define("typed.validate", Type.STRING, "default", Importance.LOW, "")
            .define("typed.boolean", Type.BOOLEAN, false, Importance.HIGH, "", GROUP, 1, Width.SHORT, "Boolean")
            .define("typed.int", Type.INT, 5, ConfigDef.Range.between(1, 10), Importance.HIGH, "", GROUP, 2,
                Width.SHORT, "Int")
            .define("typed.short", Type.SHORT, (short) 2, Importance.LOW, "", GROUP, 3, Width.SHORT, "Short")
            .define("typed.long", Type.LONG, 3L, ConfigDef.Range.atLeast(0), Importance.LOW, "", GROUP, 4,
                Width.LONG, "Long")
            .define("typed.double", Type.DOUBLE, 1.5, Importance.LOW, "", GROUP, 5, Width.MEDIUM, "Double")
            .define("typed.list", Type.LIST, "a,b", ConfigDef.ValidList.in("a", "b", "c"), Importance.MEDIUM, "",
                GROUP, 6, Width.LONG, "List")
            .define("typed.class", Type.CLASS, String.class, Importance.LOW, "", GROUP, 7, Width.LONG, "Class")
            .define("typed.password", Type.PASSWORD, "secret", Importance.MEDIUM, "", GROUP, 8, Width.NONE,
                "Password")
            .define("typed.choice", Type.STRING, "red", ConfigDef.ValidString.in("red", "green"),
                Importance.MEDIUM, "", "Choices", 1, Width.SHORT, "Choice",
                Arrays.asList("typed.shade", "typed.missing"), new Colours())
            .define("typed.shade", Type.STRING, null, Importance.LOW, "", "Choices", 2, Width.SHORT, "Shade",
                new Shades())
            .define("typed.nonempty", Type.STRING, "x", new ConfigDef.NonEmptyString(), Importance.LOW, "")
            .define("typed.required", Type.STRING, Importance.HIGH, "")
            .define("typed.regexlike", Type.STRING, "x", new Throwing(), Importance.LOW, "")
            .define("typed.throwing.recommender", Type.STRING, "x", Importance.LOW, "", "Choices", 3, Width.SHORT,
                "Throwing", new ThrowingRecommender());
    }

    @Override
    public Config validate(Map<String, String> config) {
        String mode = config.getOrDefault("typed.validate", "default");
        switch (mode == null ? "default" : mode) {
            case "null":
                return null;
            case "throw":
                throw new IllegalStateException("validate was told to throw");
            case "configexception":
                throw new ConfigException("typed.int", "7", "validate was told to refuse");
            default:
                return adjusted(super.validate(config).configValues(), mode);
        }
    }

    private static Config adjusted(List<ConfigValue> values, String mode) {
        List<ConfigValue> result = new java.util.ArrayList<>(values);
        if ("omit".equals(mode)) {
            result.removeIf(value -> value.name().equals("typed.short"));
        }
        if ("extra".equals(mode)) {
            ConfigValue extra = new ConfigValue("typed.undefined");
            extra.value(42);
            extra.addErrorMessage("an error of an undefined key");
            result.add(extra);
        }
        return new Config(result);
    }

    private static final class Colours implements ConfigDef.Recommender {
        @Override
        public List<Object> validValues(String name, Map<String, Object> parsed) {
            return Arrays.<Object>asList("red", "green");
        }

        @Override
        public boolean visible(String name, Map<String, Object> parsed) {
            return true;
        }
    }

    private static final class Shades implements ConfigDef.Recommender {
        @Override
        public List<Object> validValues(String name, Map<String, Object> parsed) {
            return "green".equals(parsed.get("typed.choice"))
                ? Arrays.<Object>asList("lime", "olive") : Collections.<Object>singletonList("ruby");
        }

        @Override
        public boolean visible(String name, Map<String, Object> parsed) {
            return "green".equals(parsed.get("typed.choice"));
        }
    }

    private static final class ThrowingRecommender implements ConfigDef.Recommender {
        @Override
        public List<Object> validValues(String name, Map<String, Object> parsed) {
            if ("throw".equals(parsed.get(name))) {
                throw new ConfigException("the recommender was told to refuse");
            }
            return Collections.emptyList();
        }

        @Override
        public boolean visible(String name, Map<String, Object> parsed) {
            return true;
        }
    }

    private static final class Throwing implements ConfigDef.Validator {
        @Override
        public void ensureValid(String name, Object value) {
            if ("throw".equals(value)) {
                throw new IllegalArgumentException("the validator was told to throw");
            }
            if ("refuse".equals(value)) {
                throw new ConfigException(name, value, "the validator was told to refuse");
            }
        }
    }
}
