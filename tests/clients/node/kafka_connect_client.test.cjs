// kafka-connect-client of npm (axios): every operation it has, against a cluster at CONNECT_URL.
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { setTimeout: sleep } = require("node:timers/promises");
const { KafkaConnectClient } = require("kafka-connect-client");

const FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector";
const at = new URL(process.env.CONNECT_URL);
const client = new KafkaConnectClient({ protocol: at.protocol.slice(0, -1), host: at.hostname, port: at.port });
const sourceConfig = (file) => ({ "connector.class": FILE_SOURCE, "tasks.max": "1", file, topic: "lines" });

// Asks until there is no error and the answer is the wanted one: statuses and rebalances take a moment.
async function eventually(wanted, ask) {
  let last;
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(100)) {
    last = await ask().catch((error) => error.message);
    if (last === wanted) return;
  }
  assert.fail(`not ${wanted} but ${last}`);
}

async function states(connector) {
  const { data } = await connector.getStatus();
  return [data.connector.state, ...data.tasks.map((task) => task.state)].join(" ");
}

async function atLeast(release) {
  return (await client.getCluster()).data.version >= release;
}

async function refused(request, status, message) {
  const { response } = await request.then(() => assert.fail("not refused"), (error) => error);
  assert.deepEqual(response.data, { error_code: status, message });
}

test("life cycle", async () => {
  const name = "cl-life-cycle";
  const config = { ...sourceConfig("/tmp/life-cycle"), name };
  const created = await client.createConnector(name, sourceConfig("/tmp/life-cycle"));
  assert.equal(created.status, 201);
  assert.deepEqual(created.data, { name, config, tasks: [], type: "source" });
  const connector = client.connector(name);
  await eventually("RUNNING RUNNING", () => states(connector));

  assert.ok((await client.getConnectors()).data.includes(name));
  const expanded = (await client.getConnectors({ expand: "status" })).data[name];
  assert.equal(expanded.status.tasks[0].state, "RUNNING");
  assert.deepEqual((await connector.get()).data.tasks, [{ connector: name, task: 0 }]);
  assert.deepEqual((await connector.getConfig()).data, config);
  assert.equal((await connector.getTasks()).data[0].config.topic, "lines");
  assert.equal((await connector.getTaskStatus(0)).data.state, "RUNNING");

  // axios calls an empty body a form, and Connect takes no forms.
  for (const bodiless of ["pause", "resume", "restartTask", "resetTopics"]) {
    await refused(connector[bodiless](0), 415, "HTTP 415 Unsupported Media Type");
  }
  // What is asked for becomes a body, which a restart does not read.
  assert.equal((await connector.restart({ includeTasks: true })).status, 204);
  await eventually("RUNNING RUNNING", () => states(connector));

  assert.equal((await connector.updateConfig(sourceConfig("/tmp/another"))).status, 200);
  await eventually("/tmp/another", async () => (await connector.getConfig()).data.file);
  await eventually("RUNNING RUNNING", () => states(connector));
  assert.equal((await connector.delete()).status, 204);
  await eventually(false, async () => (await client.getConnectors()).data.includes(name));
  await refused(connector.get(), 404, `Connector ${name} not found`);
});

test("offsets", async (t) => {
  if (!(await atLeast("3.6"))) return t.skip("since 3.6");
  const connector = client.connector("cl-offsets");
  await connector.create(sourceConfig("/tmp/offsets"));
  await eventually("RUNNING RUNNING", () => states(connector));
  const offsets = [{ partition: { filename: "/tmp/offsets" }, offset: { position: 7 } }];
  const early = await connector.alterOffsets(offsets).catch((error) => error.response);
  assert.equal(early.status, 400);
  assert.match(early.data.message, /STOPPED/);
  assert.ok(Array.isArray((await connector.getOffsets()).data.offsets));
});

test("plugins and validation", async () => {
  const { data: plugins } = await client.getConnectorPlugins();
  assert.ok(plugins.some((plugin) => plugin.class === FILE_SOURCE && plugin.type === "source"));
  const config = { "connector.class": FILE_SOURCE, name: "cl-none" };
  const { data } = await client.validateConnectorConfig("FileStreamSource", config);
  assert.equal(data.error_count, 1);
  await refused(client.connector("cl-none").getStatus(), 404, "No status found for connector cl-none");
});
