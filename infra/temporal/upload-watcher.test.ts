import test from 'ava';
import { DomainError } from '#domain/errors.ts';
import type { FileId } from '#domain/ids.ts';
import type { Upload, UploadState } from '#domain/uploads.ts';
import { createUploadWatcher } from './upload-watcher.ts';

const ids = ['a', 'b'] as [FileId, FileId];
const inAMinute = (): number => Date.now() + 60_000;

function createRows(states: Record<string, UploadState>) {
  const queries: string[] = [];
  let isDown = false;
  return {
    states,
    queries,
    goDown: (down: boolean) => {
      isDown = down;
    },
    registry: {
      async findUploads(fileIds: readonly FileId[]) {
        queries.push(fileIds.join(''));
        if (isDown) throw new DomainError('CATALOGUE_UNAVAILABLE', 'Down.');
        return fileIds
          .filter((fileId) => fileId in states)
          .map((fileId) => ({ fileId, state: states[fileId] }) as Upload);
      },
    },
  };
}

test('an upload that is finished already is answered with the first look', async (t) => {
  const rows = createRows({ a: 'stored' });
  const watcher = createUploadWatcher(rows.registry);
  t.like(await watcher.waitForEnd(ids[0], inAMinute()), { fileId: 'a', state: 'stored' });
  t.deepEqual(rows.queries, ['a']);
});

test('all that wait share one query', async (t) => {
  const rows = createRows({ a: 'committing', b: 'staged' });
  const watcher = createUploadWatcher(rows.registry);
  const both = Promise.all(ids.map((fileId) => watcher.waitForEnd(fileId, inAMinute())));
  rows.states['a'] = 'stored';
  rows.states['b'] = 'failed';
  const [first, second] = await both;
  t.like(first, { state: 'stored' });
  t.like(second, { state: 'failed' });
  t.true(rows.queries.includes('ab'));
});

test('the deadline ends the wait', async (t) => {
  const watcher = createUploadWatcher(createRows({ a: 'committing' }).registry);
  t.is(await watcher.waitForEnd(ids[0], Date.now()), null);
});

test('a row that is gone is said to be missing', async (t) => {
  const watcher = createUploadWatcher(createRows({}).registry);
  t.is(await watcher.waitForEnd(ids[0], inAMinute()), 'missing');
});

test('a catalogue that does not answer says nothing about an upload', async (t) => {
  const rows = createRows({ a: 'stored' });
  rows.goDown(true);
  const watcher = createUploadWatcher(rows.registry);
  const waiting = watcher.waitForEnd(ids[0], inAMinute());
  t.is(await watcher.waitForEnd(ids[1], Date.now()), null);
  rows.goDown(false);
  t.like(await waiting, { state: 'stored' });
});
