package org.mockconnect.isolated;

import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.components.Versioned;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.transforms.Transformation;

/** Changes nothing. */
public class VersionedTransformation<R extends ConnectRecord<R>> implements Transformation<R>, Versioned {
    @Override
    public String version() {
        return Told.version();
    }

    @Override
    public void configure(Map<String, ?> configs) {
    }

    @Override
    public R apply(R record) {
        return record;
    }

    @Override
    public ConfigDef config() {
        return Told.definition();
    }

    @Override
    public void close() {
    }
}
