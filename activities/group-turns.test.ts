import test from 'ava';
import type { GroupId } from '#domain/ids.ts';
import { createGroupTurns } from './group-turns.ts';

const group = 'group-1' as GroupId;
const other = 'group-2' as GroupId;
const { signal } = new AbortController();

test('steps of one group run one after the other, in the order of their coming', async (t) => {
  const turns = createGroupTurns();
  const events: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take(group, signal, async () => {
    events.push('first begins');
    await gate.promise;
    events.push('first ends');
  });
  const second = turns.take(group, signal, async () => void events.push('second'));
  const third = turns.take(group, signal, async () => void events.push('third'));
  await turns.take(other, signal, async () => void events.push('other group'));
  gate.resolve();
  await Promise.all([first, second, third]);
  t.deepEqual(events, ['first begins', 'other group', 'first ends', 'second', 'third']);
});

test('a step that fails gives the turn on', async (t) => {
  const turns = createGroupTurns();
  const first = turns.take(group, signal, () => Promise.reject(new Error('it broke')));
  const second = turns.take(group, signal, () => Promise.resolve('done'));
  await t.throwsAsync(first, { message: 'it broke' });
  t.is(await second, 'done');
});

test('who is cancelled while waiting never runs, and holds nobody up', async (t) => {
  const turns = createGroupTurns();
  const gate = Promise.withResolvers<void>();
  const cancelling = new AbortController();
  const first = turns.take(group, signal, () => gate.promise);
  const second = turns.take(group, cancelling.signal, () => {
    t.fail('it ran');
    return Promise.resolve();
  });
  const third = turns.take(group, signal, () => Promise.resolve('done'));
  cancelling.abort(new Error('cancelled'));
  await t.throwsAsync(second, { message: 'cancelled' });
  gate.resolve();
  await first;
  t.is(await third, 'done');
});

test('the turn after a cancelled one still waits for the step that runs', async (t) => {
  const turns = createGroupTurns();
  const gate = Promise.withResolvers<void>();
  const cancelling = new AbortController();
  let isFirstDone = false;
  const first = turns.take(group, signal, async () => {
    await gate.promise;
    isFirstDone = true;
  });
  const second = turns.take(group, cancelling.signal, () => Promise.resolve());
  cancelling.abort(new Error('cancelled'));
  await t.throwsAsync(second);
  const third = turns.take(group, signal, () => Promise.resolve(isFirstDone));
  gate.resolve();
  await first;
  t.true(await third);
});
