package org.mockconnect.testing;

import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.source.ConnectorTransactionBoundaries;
import org.apache.kafka.connect.source.ExactlyOnceSupport;

/** A source that answers the exactly-once questions as its config says. */
public class ExactlyOnceSourceConnector extends TestSourceConnector {
    @Override
    public ConfigDef config() {
        return super.config()
            .define("test.eos", ConfigDef.Type.STRING, "SUPPORTED", ConfigDef.Importance.LOW, "")
            .define("test.boundaries", ConfigDef.Type.STRING, "SUPPORTED", ConfigDef.Importance.LOW, "");
    }

    @Override
    public ExactlyOnceSupport exactlyOnceSupport(Map<String, String> config) {
        String answer = config.getOrDefault("test.eos", "SUPPORTED");
        return answer.equals("null") ? null : ExactlyOnceSupport.valueOf(answer);
    }

    @Override
    public ConnectorTransactionBoundaries canDefineTransactionBoundaries(Map<String, String> config) {
        String answer = config.getOrDefault("test.boundaries", "SUPPORTED");
        return answer.equals("null") ? null : ConnectorTransactionBoundaries.valueOf(answer);
    }
}
