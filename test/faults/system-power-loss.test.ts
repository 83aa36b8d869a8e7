/**
 * The whole system (elements, PostgreSQL and with it Temporal) on a file system of its own that
 * loses its power while documents are being stored.
 */
import { createHash } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { startEmbedded } from '#test/support/embedded-process.ts';
import { openLossyFilesystem } from '#test/support/lossy-filesystem.ts';
import { killAll } from './system-power.ts';
import { connectSystem, type System } from './system-stack.ts';
import { makeDocument, sendDocument, type Sent } from './system-uploads.ts';
import { inspect, judge } from './system-verdict.ts';

const imageBytes = 8_589_934_592;
const connections = 16;
const sizesBytes = [4096, 4096, 4096, 70_000];
/** Whichever comes first; the clients go on while the power is cut. */
const enough = { acknowledged: 4000, ms: 20_000 };

test('no acknowledged document is lost when the machine loses its power', async (t) => {
  t.timeout(600_000);
  await using lossy = await openLossyFilesystem(imageBytes);
  // PostgreSQL runs as another user when the tests run as root, and has to come through.
  for (const path of [dirname(lossy.path), lossy.path]) await chmod(path, 0o711);
  const dataDirectory = join(lossy.path, 'data');
  try {
    const machine = await startEmbedded(dataDirectory);
    const pids = Object.values(machine.ready().processes);
    const sent = await storeUntilCut(connectSystem(dataDirectory), async () => {
      await lossy.cutPower();
      await killAll(dataDirectory, pids);
    });
    const acknowledged = sent.filter(({ answer }) => answer.kind === 'stored');
    t.log(`${acknowledged.length} of ${sent.length} documents were acknowledged`);
    t.true(acknowledged.length >= connections);
    t.true(sent.length > acknowledged.length, 'some were under way');
    await lossy.restorePower();

    const next = await startEmbedded(dataDirectory);
    const system = connectSystem(dataDirectory);
    t.deepEqual(await judge(await inspect(system), sent), []);
    t.deepEqual(await findUnreadable(system, acknowledged), []);
    t.is(await next.end('SIGTERM'), 0);
  } finally {
    await killAll(dataDirectory);
  }
});

async function storeUntilCut(system: System, cut: () => Promise<void>): Promise<Sent[]> {
  const sent: Sent[] = [];
  let isCut = false;
  let acknowledged = 0;
  const { promise: isEnough, resolve: say } = Promise.withResolvers<void>();
  const timer = setTimeout(say, enough.ms);

  async function runClient(): Promise<void> {
    for (let turn = 0; !isCut; turn += 1) {
      const size = sizesBytes[turn % sizesBytes.length] ?? 0;
      const one = await sendDocument(system, makeDocument(size));
      sent.push(one);
      // Also a client gives up when nobody is there any more.
      if (one.answer.kind === 'broken') return;
      if (one.answer.kind === 'stored') acknowledged += 1;
      if (acknowledged >= enough.acknowledged) say();
    }
  }

  const clients = Array.from({ length: connections }, runClient);
  await isEnough;
  clearTimeout(timer);
  await cut();
  isCut = true;
  await Promise.all(clients);
  return sent;
}

/** @returns those whose bytes the API does not give back. */
async function findUnreadable(system: System, sent: readonly Sent[]): Promise<string[]> {
  const unreadable: string[] = [];
  const rest = [...sent];

  async function readSome(): Promise<void> {
    for (let one = rest.pop(); one !== undefined; one = rest.pop()) {
      if (one.answer.kind !== 'stored') continue;
      const { fileId } = one.answer;
      const response = await system.fetch(`/api/v1/files/${fileId}/content`);
      const digest = createHash('sha256')
        .update(await response.bytes())
        .digest('hex');
      if (response.status !== 200 || digest !== one.document.sha256) unreadable.push(fileId);
    }
  }

  await Promise.all(Array.from({ length: connections }, readSome));
  return unreadable;
}
