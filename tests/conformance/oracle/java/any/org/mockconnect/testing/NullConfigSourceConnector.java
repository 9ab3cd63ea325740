package org.mockconnect.testing;

import org.apache.kafka.common.config.ConfigDef;

/** A source without a definition of its config. */
public class NullConfigSourceConnector extends TestSourceConnector {
    @Override
    public ConfigDef config() {
        return null;
    }
}
