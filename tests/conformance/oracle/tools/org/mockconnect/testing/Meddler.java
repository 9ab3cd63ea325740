package org.mockconnect.testing;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Writes records that no worker wrote: one per line of standard input, TOPIC KEY VALUE apart by tabs, and "done" after each. */
public final class Meddler {
    private Meddler() {
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[0]);
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (KafkaProducer<String, String> producer =
                 new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
            System.out.println("done");
            for (String line = orders.readLine(); line != null; line = orders.readLine()) {
                String[] parts = line.split("\t");
                producer.send(new ProducerRecord<>(parts[0], parts[1], parts[2])).get();
                System.out.println("done");
            }
        }
    }
}
