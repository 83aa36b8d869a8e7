/** What is refused, and what goes on, when a part of the system is down, full, or cut off. */
import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { startSupervisedSystem, type SupervisedSystem } from '#test/faults/system-stack.ts';
import { sweepUntilNothingIsLeft } from '#test/faults/system-sweep.ts';
import {
  makeDocument,
  sendDocument,
  sendSlowly,
  type Document,
  type Sent,
} from '#test/faults/system-uploads.ts';
import { inspect, judge } from '#test/faults/system-verdict.ts';
import { waitUntil } from '#test/faults/system-wait.ts';
import { openRaw, type RawAnswer, type RawConnection } from '#test/support/raw-http.ts';

let system: SupervisedSystem;
let port: number;
/** Stored before anything goes wrong: it must be readable whatever is down. */
let stored: { readonly document: Document; readonly fileId: string };
const allSent: Sent[] = [];

test.before(async () => {
  system = await startSupervisedSystem();
  port = Number(new URL((await system.ready()).api_url).port);
  const sent = await send(makeDocument(5000));
  if (sent.answer.kind !== 'stored') throw new Error(JSON.stringify(sent.answer));
  stored = { document: sent.document, fileId: sent.answer.fileId };
});

test.after.always(() => system?.[Symbol.asyncDispose]());

async function send(document: Document): Promise<Sent> {
  const sent = await sendDocument(system, document);
  allSent.push(sent);
  return sent;
}

/** An upload of which only the head is sent, and what follows by hand. */
async function openUpload(head: readonly string[], query = ''): Promise<RawConnection> {
  const connection = await openRaw(port);
  const lines = [
    `POST /api/v1/files${query} HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${await system.token()}`,
    ...head,
  ];
  await connection.send(`${lines.join('\r\n')}\r\n\r\n`);
  return connection;
}

function isProblem(
  t: ExecutionContext,
  answer: RawAnswer,
  expected: { readonly status: number; readonly code: string },
): void {
  t.is(answer.status, expected.status, answer.body);
  t.is(answer.headers.get('content-type'), 'application/problem+json');
  t.like(JSON.parse(answer.body), expected);
}

async function readStored(t: ExecutionContext): Promise<void> {
  const path = `/api/v1/files/${stored.fileId}`;
  const content = await system.fetch(`${path}/content`);
  t.is(content.status, 200);
  t.deepEqual(Buffer.from(await content.arrayBuffer()), stored.document.content);
  for (const other of [path, `${path}/attributes`, '/api/v1/files']) {
    t.is((await system.fetch(other)).status, 200, other);
  }
}

/** Nothing but what was acknowledged is there, nothing is held, nothing lies in staging. */
async function nothingIsLeft(t: ExecutionContext): Promise<void> {
  await sweepUntilNothingIsLeft(system);
  t.deepEqual(await judge(await inspect(system), allSent), []);
}

const rawHead = ['Content-Type: text/plain', 'Content-Length: 5000000'];
const formHead = ['Content-Type: multipart/form-data; boundary=b', 'Content-Length: 5000000'];
const formStart =
  '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nand then';

test.serial('Temporal is down: uploads get 503, reads go on, all is back by itself', async (t) => {
  t.timeout(600_000);
  const slow = sendSlowly(system, makeDocument(100_000));
  await waitUntil('the body is being received', async () => {
    const rows = await system.query("SELECT FROM uploads WHERE state = 'receiving'");
    return rows.length === 1;
  });
  const gone = await system.keepDown(async () => {
    const pid = await system.kill('temporal');
    slow.finish();
    const afterBody = await slow.sent;
    allSent.push(afterBody);
    t.deepEqual(afterBody.answer, {
      kind: 'refused',
      status: 503,
      code: 'WORKFLOWS_UNAVAILABLE',
    });
    for (const [head, query] of [
      [rawHead, '?filename=a.txt'],
      [formHead, ''],
    ] as const) {
      using beforeBody = await openUpload(head, query);
      const answer = await beforeBody.answer();
      isProblem(t, answer, { status: 503, code: 'WORKFLOWS_UNAVAILABLE' });
      t.truthy(answer.headers.get('retry-after'));
    }
    await readStored(t);
    const health = await system.fetch('/health/ready');
    t.is(health.status, 200);
    t.like(await health.json(), { components: { temporal: 'down' } });
    return pid;
  });
  await system.whenBack('temporal', gone);
  await waitUntil('uploads are stored again', async () => {
    const { answer } = await send(makeDocument(3000));
    return answer.kind === 'stored';
  });
  await nothingIsLeft(t);
});

test.serial('PostgreSQL is down: 503 for everything, all is back by itself', async (t) => {
  t.timeout(600_000);
  const slow = sendSlowly(system, makeDocument(100_000));
  await waitUntil('the body is being received', async () => {
    const rows = await system.query("SELECT FROM uploads WHERE state = 'receiving'");
    return rows.length === 1;
  });
  const gone = await system.keepDown(async () => {
    const pid = await system.kill('postgres');
    slow.finish();
    const { answer } = await send(makeDocument(1000));
    t.like(answer, { kind: 'refused', status: 503 });
    // Metadata that was read before may still come from the cache; what is asked for the first time cannot.
    for (const path of ['', `/${randomUUID()}`, `/${stored.fileId}/content`]) {
      const response = await system.fetch(`/api/v1/files${path}`);
      t.is(response.status, 503, path);
      t.like(await response.json(), { code: 'CATALOGUE_UNAVAILABLE' });
      t.truthy(response.headers.get('retry-after'));
    }
    t.is((await system.fetch('/health/live')).status, 200);
    t.is((await system.fetch('/health/ready')).status, 503);
    return pid;
  });
  await system.whenBack('postgres', gone);
  await waitUntil('reads are answered again', async () => {
    const response = await system.fetch('/api/v1/files');
    return response.status === 200;
  });
  await readStored(t);
  await waitUntil('uploads are stored again', async () => {
    const { answer } = await send(makeDocument(3000));
    return answer.kind === 'stored';
  });
  allSent.push(await slow.sent);
  await nothingIsLeft(t);
});

test.serial('there is no room: 507 before the body is read', async (t) => {
  const before = await system.query<{ element_id: string; capacity_bytes: string }>(
    'SELECT element_id, capacity_bytes FROM storage_elements',
  );
  await system.query('UPDATE storage_elements SET capacity_bytes = used_bytes + 1000');
  for (const [head, query] of [
    [rawHead, '?filename=a.txt'],
    [rawHead, '?filename=a.txt&retention_policy=permanent'],
    [[...rawHead, 'Expect: 100-continue'], '?filename=a.txt'],
    [formHead, ''],
  ] as const) {
    using upload = await openUpload(head, query);
    isProblem(t, await upload.answer(), { status: 507, code: 'INSUFFICIENT_STORAGE' });
  }
  for (const row of before) {
    await system.query('UPDATE storage_elements SET capacity_bytes = $2 WHERE element_id = $1', [
      row.element_id,
      row.capacity_bytes,
    ]);
  }
  const { answer } = await send(makeDocument(3000));
  t.is(answer.kind, 'stored');
  await nothingIsLeft(t);
});

test.serial('a multipart body that is cut is answered, or its sender is gone', async (t) => {
  {
    using halfClosed = await openUpload(formHead);
    await halfClosed.send(formStart);
    halfClosed.socket.end();
    const answer = await halfClosed.answer();
    t.is(answer.status, 400, answer.body);
    await halfClosed.ended;
  }
  {
    using destroyed = await openUpload(formHead);
    await destroyed.send(formStart);
    await waitUntil('it is being received', async () => {
      const rows = await system.query("SELECT FROM uploads WHERE state = 'receiving'");
      return rows.length === 1;
    });
  }
  await nothingIsLeft(t);
});
