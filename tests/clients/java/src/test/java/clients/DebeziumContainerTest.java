package clients;

import static clients.Connecting.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.debezium.testing.testcontainers.Connector.State;
import io.debezium.testing.testcontainers.ConnectorConfiguration;
import io.debezium.testing.testcontainers.DebeziumContainer;
import java.net.URI;
import java.util.List;
import org.junit.jupiter.api.Test;

/** io.debezium:debezium-testing-testcontainers: what tests of Debezium ask of the worker in its container. */
class DebeziumContainerTest {
    private static final String NAME = "cl-inventory";

    /** The real thing, except that its worker is there already and in no container. */
    private final DebeziumContainer debezium = new DebeziumContainer("debezium/connect") {
        private final URI at = URI.create(Connecting.URL);

        @Override
        public String getHost() {
            return at.getHost();
        }

        @Override
        public Integer getMappedPort(int port) {
            return at.getPort();
        }
    };

    private final ConnectorConfiguration postgres = ConnectorConfiguration.create()
            .with("connector.class", "io.debezium.connector.postgresql.PostgresConnector")
            .with("database.hostname", "postgres")
            .with("database.port", 5432)
            .with("database.user", "debezium")
            .with("database.password", "secret")
            .with("database.dbname", "inventory")
            .with("topic.prefix", "shop");

    private State taskState() {
        return debezium.getConnectorTaskState(NAME, 0);
    }

    @Test
    void lifeCycle() throws Exception {
        debezium.registerConnector(NAME, postgres);
        eventually(State.RUNNING, this::taskState);
        assertEquals(List.of(NAME), debezium.getRegisteredConnectors());
        debezium.ensureConnectorState(NAME, State.RUNNING);
        debezium.ensureConnectorTaskState(NAME, 0, State.RUNNING);

        debezium.pauseConnector(NAME);
        debezium.ensureConnectorTaskState(NAME, 0, State.PAUSED);
        debezium.resumeConnector(NAME);
        debezium.ensureConnectorTaskState(NAME, 0, State.RUNNING);

        debezium.updateOrCreateConnector(NAME, postgres.with("snapshot.mode", "no_data"));
        debezium.ensureConnectorConfigProperty(NAME, "snapshot.mode", "no_data");
        eventually(State.RUNNING, this::taskState);
        var refused = assertThrows(IllegalStateException.class, () -> debezium.registerConnector(NAME, postgres));
        assertTrue(refused.getMessage().contains("Connector " + NAME + " already exists"), refused.getMessage());

        debezium.deleteConnector(NAME);
        debezium.updateOrCreateConnector(NAME, postgres);
        eventually(State.RUNNING, this::taskState);
        debezium.deleteAllConnectors();
        assertTrue(debezium.connectorIsNotRegistered(NAME));
    }

    @Test
    void aMissingValueIsRefused() {
        var refused = assertThrows(
                IllegalStateException.class,
                () -> debezium.registerConnector("cl-invalid", postgres.remove("topic.prefix")));
        assertTrue(refused.getMessage().contains("topic.prefix"), refused.getMessage());
    }
}
