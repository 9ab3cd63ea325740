package clients;

import static clients.Connecting.FILE_SOURCE;
import static clients.Connecting.eventually;
import static clients.Connecting.sourceConfig;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.sourcelab.kafka.connect.apiclient.Configuration;
import org.sourcelab.kafka.connect.apiclient.KafkaConnectClient;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.NewConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.ConcurrentConfigModificationException;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.ResourceNotFoundException;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.UnauthorizedRequestException;

/** org.sourcelab:kafka-connect-client: every operation it has. */
class KafkaConnectClientTest {
    private final KafkaConnectClient client = client(Connecting.PASSWORD);

    private static KafkaConnectClient client(String password) {
        Configuration configuration = new Configuration(Connecting.URL).useInsecureSslCertificates();
        if (Connecting.USER != null) {
            configuration.useBasicAuth(Connecting.USER, password);
        }
        return new KafkaConnectClient(configuration);
    }

    private String states(String name) {
        var status = client.getConnectorStatus(name);
        var tasks = status.getTasks().stream().map(task -> " " + task.getState()).collect(Collectors.joining());
        return status.getConnector().get("state") + tasks;
    }

    private boolean isAtLeast(String release) {
        return client.getConnectServerVersion().getVersion().compareTo(release) >= 0;
    }

    private NewConnectorDefinition definition(String name) {
        return NewConnectorDefinition.newBuilder().withName(name).withConfig(sourceConfig("/tmp/" + name)).build();
    }

    @Test
    void lifeCycle() throws Exception {
        String name = "cl life cycle";
        var created = client.addConnector(definition(name));
        Map<String, String> config = new HashMap<>(sourceConfig("/tmp/" + name));
        config.put("name", name);
        assertEquals(config, created.getConfig());
        assertEquals("source", created.getType());
        eventually("RUNNING RUNNING", () -> states(name));

        assertTrue(client.getConnectors().contains(name));
        assertEquals(config, client.getConnectorsWithExpandedInfo().getDefinitionForConnector(name).getConfig());
        assertEquals("RUNNING", client.getConnectorsWithExpandedStatus().getStatusForConnector(name).getConnector().get("state"));
        assertTrue(client.getConnectorsWithAllExpandedMetadata().getConnectorNames().contains(name));
        assertEquals(0, client.getConnector(name).getTasks().get(0).getTask());
        assertEquals("lines", client.getConnectorTasks(name).iterator().next().getConfig().get("topic"));
        assertEquals("RUNNING", client.getConnectorTaskStatus(name, 0).getState());
        assertEquals(name, client.getConnectorTopics(name).getName());
        assertTrue(client.resetConnectorTopics(name));

        assertTrue(client.pauseConnector(name));
        eventually("PAUSED PAUSED", () -> states(name));
        assertTrue(client.resumeConnector(name));
        eventually("RUNNING RUNNING", () -> states(name));
        assertTrue(client.restartConnector(name));
        eventually("RUNNING RUNNING", () -> states(name));
        assertTrue(client.restartConnectorTask(name, 0));
        eventually("RUNNING RUNNING", () -> states(name));

        client.updateConnectorConfig(name, sourceConfig("/tmp/another"));
        eventually("/tmp/another", () -> client.getConnectorConfig(name).get("file"));
        eventually("RUNNING RUNNING", () -> states(name));
        assertTrue(client.deleteConnector(name));
        eventually(false, () -> client.getConnectors().contains(name));
        assertThrows(ResourceNotFoundException.class, () -> client.getConnector(name));
    }

    @Test
    void stop() throws Exception {
        assumeTrue(isAtLeast("3.5"));
        String name = "cl-stop";
        client.addConnector(definition(name));
        eventually("RUNNING RUNNING", () -> states(name));
        assertTrue(client.stopConnector(name));
        eventually("STOPPED", () -> states(name));
    }

    @Test
    void refusals() throws Exception {
        client.addConnector(definition("cl-refusals"));
        eventually("RUNNING RUNNING", () -> states("cl-refusals"));
        // Before 3.4 a follower made every error of the leader a 500.
        if (isAtLeast("3.4")) {
            var twice = assertThrows(
                    ConcurrentConfigModificationException.class, () -> client.addConnector(definition("cl-refusals")));
            assertEquals("Connector cl-refusals already exists", twice.getMessage());
        }
        var none = assertThrows(ResourceNotFoundException.class, () -> client.pauseConnector("cl-none"));
        assertEquals("Unknown connector cl-none", none.getMessage());
    }

    @Test
    void pluginsAndValidation() {
        assertTrue(client.getConnectorPlugins().stream().anyMatch(plugin -> plugin.getClassName().equals(FILE_SOURCE)));
        var validated = client.validateConnectorPluginConfig(ConnectorPluginConfigDefinition.newBuilder()
                .withName("FileStreamSource")
                .withConfig("connector.class", FILE_SOURCE)
                .withConfig("name", "cl-none")
                .withConfig("tasks.max", "many")
                .withConfig("topic", "lines")
                .build());
        var errors = validated.getConfigs().stream().flatMap(config -> config.getValue().getErrors().stream()).toList();
        assertTrue(errors.contains("Invalid value many for configuration tasks.max: Not a number of type INT"), errors::toString);
        assertTrue(validated.getGroups().containsAll(List.of("Common", "Transforms", "Predicates")));
    }

    @Test
    void wrongPassword() {
        assumeTrue(Connecting.USER != null);
        assertThrows(UnauthorizedRequestException.class, () -> client("wrong").getConnectors());
    }
}
