package org.mockconnect.testing;

import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.connect.rest.ConnectRestExtension;
import org.apache.kafka.connect.rest.ConnectRestExtensionContext;

/** Never lets the REST server's shutdown come to its end. */
public class HangingRestExtension implements ConnectRestExtension {
    @Override
    public String version() {
        return "1.0.0";
    }

    @Override
    public void configure(Map<String, ?> config) {
    }

    @Override
    public void register(ConnectRestExtensionContext context) {
    }

    @Override
    public void close() {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
