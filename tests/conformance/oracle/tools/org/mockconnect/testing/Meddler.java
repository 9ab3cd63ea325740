package org.mockconnect.testing;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Does to topics what no worker does: one order per line of standard input, its parts apart by tabs, and "done" when it is
 * carried out. write TOPIC KEY VALUE; replicas TOPIC NUMBER (how many must be in sync for a record to be taken).
 */
public final class Meddler {
    private Meddler() {
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[0]);
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (Admin admin = Admin.create(properties);
             KafkaProducer<String, String> producer =
                 new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
            admin.describeCluster().nodes().get();
            System.out.println("done");
            for (String line = orders.readLine(); line != null; line = orders.readLine()) {
                String[] parts = line.split("\t");
                if (parts[0].equals("write")) {
                    producer.send(new ProducerRecord<>(parts[1], parts[2], parts[3])).get();
                } else {
                    ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, parts[1]);
                    AlterConfigOp order = new AlterConfigOp(
                        new ConfigEntry("min.insync.replicas", parts[2]), AlterConfigOp.OpType.SET);
                    admin.incrementalAlterConfigs(
                        Collections.singletonMap(topic, Collections.singletonList(order))).all().get();
                }
                System.out.println("done");
            }
        }
    }
}
