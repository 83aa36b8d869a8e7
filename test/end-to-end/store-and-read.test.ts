/** What a newcomer does: `npm start`, then the commands that it prints. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import test from 'ava';
import { childEnvironment } from '#config/child-environment.ts';
import { connectSystem, type System } from '#test/faults/system-stack.ts';
import { waitUntil } from '#test/faults/system-wait.ts';
import {
  makeDataDirectory,
  processesOn,
  removeDataDirectory,
} from '#test/support/embedded-process.ts';
import { readElement } from '#test/support/independent-reader.ts';

const filename = 'Договор поставки №127.pdf';
const run = promisify(execFile);

let directory: string;
let dataDirectory: string;
let system: System;
let npm: NpmStart;
let fileId: string | undefined;

interface NpmStart {
  output(): string;
  /** @returns npm's exit code. */
  stop(): Promise<number | null>;
}

async function npmStart(): Promise<NpmStart> {
  const child = spawn('npm', ['start'], {
    env: childEnvironment({ ARTSTORE_DATA_DIR: dataDirectory, ARTSTORE_HTTP_PORT: '0' }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  const ended = once(child, 'close') as Promise<[number | null]>;
  await waitUntil('the commands are printed', () => {
    if (child.exitCode !== null) return true;
    return text.includes('Ctrl-C stops everything');
  });
  if (child.exitCode !== null) throw new Error(`npm start has ended:\n${text}`);
  return {
    output: () => text,
    async stop() {
      child.kill('SIGTERM');
      const [code] = await ended;
      return code;
    },
  };
}

test.before(async () => {
  directory = await makeDataDirectory();
  dataDirectory = join(directory, 'data');
  system = connectSystem(dataDirectory);
  npm = await npmStart();
});

test.after.always(async (t) => {
  const left = processesOn(directory);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  await removeDataDirectory(directory);
  t.deepEqual(left, [], 'the last test stopped everything');
});

test.serial('the printed commands store a document and bring it back unchanged', async (t) => {
  const commands = npm
    .output()
    .split('\n')
    .filter((line) => /^ {2}(?:TOKEN=|FILE_ID=|curl )/.test(line));
  t.is(commands.length, 3);
  const folder = join(directory, 'newcomer');
  await mkdir(folder);
  const script = ['set -euo pipefail', ...commands, 'echo "$FILE_ID"'].join('\n');
  const { stdout } = await run('bash', ['-c', script], { cwd: folder });
  fileId = stdout.trim();
  t.regex(fileId, /^[0-9a-f-]{36}$/);
  const [original, copy] = await Promise.all([
    readFile(join(dataDirectory, filename)),
    readFile(join(folder, `copy of ${filename}`)),
  ]);
  t.true(original.length > 0);
  t.deepEqual(copy, original);
});

async function findWhole() {
  if (fileId === undefined) throw new Error('nothing was stored');
  const report = await readElement(system.rootOf('edit-01'));
  return report.whole.filter((file) => file.file_id === fileId);
}

test.serial('its directory holds the content and a sidecar that validates', async (t) => {
  const [file] = await findWhole();
  t.is(file?.sidecar['original_filename'], filename);
  t.deepEqual(await readdir(join(system.rootOf('edit-01'), dirname(file!.path))), [
    basename(file!.path),
    `${basename(file!.path)}.attr.json`,
  ]);
  t.regex(file!.path, /^\d{4}\/\d\d\/\d\d\/\d\d\/Договор поставки №127_initial_\d{8}T\d{6}_/);
  const published = await system.fetch('/api/v1/schemas/2.0');
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);
  const validate = ajv.compile((await published.json()) as object);
  t.true(validate(file!.sidecar), JSON.stringify(validate.errors));
});

async function findWorkflows(): Promise<{ workflowId: string; type: string; status: string }[]> {
  return system.withTemporal(async (client) => {
    const found = [];
    for await (const { workflowId, type, status } of client.workflow.list({
      query: `ArtFileIds = '${fileId}'`,
    })) {
      found.push({ workflowId, type, status: status.name });
    }
    return found;
  });
}

test.serial('Temporal finds the workflow by the file id, and so does its UI', async (t) => {
  await findWhole();
  const [workflow] = await waitUntil('the workflow is listed as completed', async () => {
    const found = await findWorkflows();
    return found.length === 1 && found[0]?.status === 'COMPLETED' && found;
  });
  t.is(workflow?.type, 'storeFiles');
  const operation = (await (await system.fetch(`/api/v1/operations/${fileId}`)).json()) as {
    state: string;
    workflow_id: string;
    workflow_url: string;
  };
  t.like(operation, { state: 'completed', workflow_id: workflow?.workflowId });
  t.is((await fetch(operation.workflow_url)).status, 200);
  const { temporal_ui_url: ui, temporal_namespace: namespace } = await system.ready();
  const query = encodeURIComponent(`ArtFileIds="${fileId}"`);
  const listed = await fetch(`${ui}/api/v1/namespaces/${namespace}/workflows?query=${query}`);
  const { executions } = (await listed.json()) as {
    executions: { execution: { workflowId: string } }[];
  };
  t.deepEqual(
    executions.map(({ execution }) => execution.workflowId),
    [workflow?.workflowId],
  );
});

test.serial('a restart keeps everything', async (t) => {
  const [before] = await findWhole();
  const attributes = await (await system.fetch(`/api/v1/files/${fileId}`)).json();
  t.is(await npm.stop(), 0);
  t.deepEqual(processesOn(directory), []);

  npm = await npmStart();
  t.deepEqual(await findWhole(), [before]);
  t.deepEqual(await (await system.fetch(`/api/v1/files/${fileId}`)).json(), attributes);
  const content = await system.fetch(`/api/v1/files/${fileId}/content`);
  t.deepEqual(
    Buffer.from(await content.arrayBuffer()),
    await readFile(join(dataDirectory, filename)),
  );
  t.is((await findWorkflows()).length, 1);
  t.is(await npm.stop(), 0);
});
